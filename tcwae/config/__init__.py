"""What may be asked for: runs, data sets and studies as typed, frozen models."""
