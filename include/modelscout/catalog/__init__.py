"""Every specific model: capabilities, limits, lifecycle, successors, use-case scores."""
