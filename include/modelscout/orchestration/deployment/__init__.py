"""A deployment of its own: its secrets, what must stand before it starts, and how it is."""
