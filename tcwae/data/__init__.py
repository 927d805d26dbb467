"""The data sets: each is read from its original archive or rendered here, and prepared in one form."""
