"""Who rolls what up: organizations are dealt into slots for good, and a slot is rolled up by one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import run_sql

SLOTS = 64
"""How many slots there are: `modelscout.rollup_slot` says which one an organization is in."""
ALL_SLOTS = tuple(range(SLOTS))
ORGANIZATIONS_PER_SHARD = 25
"""A task costs about a second whatever it does; so many organizations are worth one of their own."""


def plan_shards(engine: Engine, *, shards: int) -> list[list[int]]:
    """All slots, dealt out to at most `shards` lists with about the same number of recent calls, none tiny."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/rollup_slot_loads")
    organizations = sum(row["organizations"] for row in rows)
    count = max(1, min(shards, SLOTS, -(-organizations // ORGANIZATIONS_PER_SHARD)))
    dealt: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for row in sorted(rows, key=lambda r: (-r["requests"], r["slot"])):
        lightest = loads.index(min(loads))
        dealt[lightest].append(row["slot"])
        loads[lightest] += row["requests"] + 1
    return [sorted(slots) for slots in dealt]


@contextmanager
def held_slots(engine: Engine, slots: Sequence[int]) -> Iterator[Connection]:
    """A connection that alone rolls these slots up, until it ends.

    Its transactions see one snapshot each, or what comes in during one would look like a loss. The hold is the
    connection's own, so that a transaction's snapshot is taken after it was granted, and it ends with the process.
    """
    if not set(slots) <= set(ALL_SLOTS):
        raise ConfigurationError(f"slots={list(slots)}: give numbers from 0 to {SLOTS - 1}")
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        try:
            run_sql(connection, "rollup/hold_slots", {"slots": sorted(slots)})
            connection.commit()
            yield connection
            connection.execute(text("SELECT pg_advisory_unlock_all()"))
            connection.commit()
        except BaseException:
            # Nobody knows what state it is in: the server ends it, and the hold with it.
            connection.invalidate()
            raise
