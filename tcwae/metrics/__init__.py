"""Scores of disentanglement: a table of codes and a generator in, numbers out."""
