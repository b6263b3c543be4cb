"""Value types, errors, settings and the clock. Imports nothing else of the project."""
