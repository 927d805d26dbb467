"""The real Apptainer: the image is built from its recipe, and a study runs in it on a real SLURM."""
