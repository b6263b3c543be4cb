"""Fixtures that several files of this folder share."""

from __future__ import annotations

from benchmark_support import small_warehouse, vendor
from recommender_rows import cheap_is_proven, pipeline, two_organizations
from review_support import applied, priced, was_good

__all__ = [
    "applied",
    "cheap_is_proven",
    "pipeline",
    "priced",
    "small_warehouse",
    "two_organizations",
    "vendor",
    "was_good",
]
