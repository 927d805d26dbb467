"""Training: one loop, which gives the same bytes when repeated or resumed."""
