"""What a database can hold of what strangers say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGEST = 2**63 - 1


def storable(value: Any) -> Any:
    """`value` without what PostgreSQL's text and JSON refuse: NUL and halves of surrogate pairs; recursively."""
    if isinstance(value, str):
        clean = value.replace("\x00", "")
        return clean if clean.isascii() else clean.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {storable(key): storable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [storable(part) for part in value]
    return value


def count_or_none(value: object) -> int | None:
    """A positive count that fits a bigint; None for whatever else a stranger may send in its place."""
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST
    return value if fits and isinstance(value, int) else None
