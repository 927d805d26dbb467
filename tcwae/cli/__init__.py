"""The command line: the verbs, their flags and their help."""
