"""Fixtures that several files of this folder share."""

from __future__ import annotations

from benchmark_support import small_warehouse, vendor

__all__ = ["small_warehouse", "vendor"]
