"""The report of a study: what it says, and its typesetting."""
