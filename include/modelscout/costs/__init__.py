"""Dated prices, usage normalisation and what a call costs. Pure arithmetic."""
