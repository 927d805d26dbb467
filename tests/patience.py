"""How long tests wait for what must come: so long that a slow machine under load never fails, and a hang still ends."""

HANG = 1800.0
"""Seconds."""
