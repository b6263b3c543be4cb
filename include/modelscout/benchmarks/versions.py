"""What is known of the versions that answer under models' names, so that each is probed once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine

from modelscout.warehouse.engine import run_sql


class Version(NamedTuple):
    """One version as its vendor names it."""

    provider: str
    served_model: str


@dataclass(frozen=True, slots=True)
class Known:
    """What asking one version has shown, and under which model's name."""

    model: str
    can: Mapping[str, bool]
    """By capability, where the answers were conclusive."""


@dataclass(slots=True)
class Versions:
    """Known versions, and those that are being asked right now. For one event loop."""

    known: dict[Version, Known] = field(default_factory=dict)
    _asking: dict[Version, asyncio.Event] = field(default_factory=dict)

    async def claim(self, version: Version) -> Known | None:
        """What is known of a version, waiting for one that is being asked; None: the caller asks, and tells."""
        while (asking := self._asking.get(version)) is not None:
            await asking.wait()
        if version not in self.known:
            self._asking[version] = asyncio.Event()
        return self.known.get(version)

    def tell(self, version: Version, known: Known | None) -> None:
        """End a claim, with what was found or without."""
        if known is not None:
            self.known[version] = known
        asking = self._asking.pop(version, None)
        if asking is not None:
            asking.set()


def load_versions(engine: Engine, providers: Iterable[str], *, stale_before: datetime) -> Versions:
    """Versions with results that still hold; of one that answers under several names the latest results."""
    parameters = {"providers": sorted(set(providers)), "stale_before": stale_before}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/capability_versions", parameters)
    found: dict[Version, tuple[str, dict[str, bool]]] = {}
    for row in rows:
        _, can = found.setdefault(Version(row["provider"], row["served_model"]), (row["model"], {}))
        can.setdefault(row["capability"], row["ok"])
    return Versions({version: Known(model, can) for version, (model, can) in found.items()})


def share_a_version(names: Sequence[str]) -> list[list[str]]:
    """`names` in groups that may be one version under several names, such as an alias and its dated name."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_without_date(name), []).append(name)
    return list(groups.values())


def _without_date(name: str) -> str:
    base = name.removesuffix("-latest")
    head, _, tail = base.rpartition("-")
    if len(tail) == 8 and tail.isdigit():
        return head
    parts = base.rsplit("-", 3)
    dated = len(parts) == 4 and [len(part) for part in parts[1:]] == [4, 2, 2]
    return parts[0] if dated and all(part.isdigit() for part in parts[1:]) else base
