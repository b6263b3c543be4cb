"""The demo's organizations and traffic, and the launcher behind make run."""
