"""Charts of analytics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

CHARTS: Mapping[str, Callable[[], Any]] = {}
