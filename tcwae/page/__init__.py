"""A study as a web page, opened from the disk without a server or a network."""
