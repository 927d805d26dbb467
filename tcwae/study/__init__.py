"""From many runs to one table: gathering, selecting, planning, and how sure the numbers are."""
