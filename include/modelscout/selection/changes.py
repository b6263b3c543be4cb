"""What passes between who reads the warehouse and who keeps the snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from modelscout.selection.snapshot import Snapshot

CHANNEL: Final = "modelscout_selection"
"""On which the database tells of changes."""
EVERYBODY: Final = -1
"""The slot of models and features."""

Rows = Callable[[str, Sequence[Any]], None]
"""Is told every row: its kind (`model`, `feature`, `organization`, `setting`) and its values."""


class Changes(NamedTuple):
    """What committed since a snapshot."""

    slots: frozenset[int]
    """Of organizations to read anew; `EVERYBODY` among them means models or features."""
    seen: str
    """pg_snapshot up to which that is so."""
    at_s: float
    """When it was asked, in seconds since 1970."""


class Loaded(NamedTuple):
    """A snapshot and the state of the database that it shows."""

    snapshot: Snapshot
    seen: str
    """pg_snapshot: transactions that it does not show are read next time."""
    anew: tuple[str, ...] = ()
    """Organizations that a refresh read anew, or found gone."""
