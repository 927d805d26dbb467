"""The study as a web page."""
