"""Looking inside trained runs: their curves, their latents, and the Python interface."""
