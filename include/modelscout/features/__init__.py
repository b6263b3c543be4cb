"""Features, their settings and the models assigned to them."""
