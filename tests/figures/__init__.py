"""Tests of the figures, and the made-up results that they and the report's tests read."""
