"""Fixtures that several files of this folder share."""

from __future__ import annotations

from benchmark_support import small_warehouse, vendor
from recommender_rows import cheap_is_proven, pipeline, two_organizations

__all__ = ["cheap_is_proven", "pipeline", "small_warehouse", "two_organizations", "vendor"]
