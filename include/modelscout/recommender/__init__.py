"""Estimates, evidence, verdicts."""
