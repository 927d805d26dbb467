"""What is computed of one trained run: codes, scores, reconstructions, traversals and samples."""
