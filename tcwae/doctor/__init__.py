"""Checks whether this machine is ready for a study: a line per check, with the remedy."""
