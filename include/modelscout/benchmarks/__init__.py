"""Measures models: suites of our own, capability probes, and replay of an organization's own work."""
