"""The JSON API under /api/v1: everything that the pages show and do, for programs."""
