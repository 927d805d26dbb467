"""The container image: its recipe, and how Snakemake calls it."""
