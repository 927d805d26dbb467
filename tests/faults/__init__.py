"""Kills, faults and mutations."""
