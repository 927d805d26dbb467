"""The cluster profile on a real SLURM."""
