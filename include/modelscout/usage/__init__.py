"""Ways in for usage events and their outcomes."""
