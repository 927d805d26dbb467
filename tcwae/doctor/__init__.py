"""Is this machine ready for a study: a line for each thing, and the remedy."""
