"""Training: one loop, exact to repeat and to resume."""
