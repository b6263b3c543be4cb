"""The recorder's way to the database: raw records become rows or go to quarantine, and an outage is told apart
from a record that is wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg

from modelscout.usage.events import (
    COLUMNS,
    OUTCOME_COLUMNS,
    Row,
    Unfit,
    event_row,
    outcome_row,
)
from modelscout.usage.spill import Record
from modelscout.usage.store import (
    Batch,
    Quarantined,
    Written,
    bound_organization,
    connect,
    deliver,
    quarantine_payload,
)

logger = logging.getLogger("modelscout.usage.recorder")


class DatabaseAway(Exception):
    """Nothing can be written for now: the records wait."""


class Delivery:
    """One connection to the warehouse, opened when it is needed and again after an outage."""

    def __init__(self, url: str, *, clock: Callable[[], datetime], future_tolerance: timedelta) -> None:
        self._url = url
        self._clock = clock
        self._future_tolerance = future_tolerance
        self._connection: psycopg.Connection[Any] | None = None
        self._bound: str | None = None

    def deliver(self, records: Sequence[Record]) -> Written:
        """Write records, each once however often this is called. Raises DatabaseAway."""
        try:
            connection = self._connect()
            return deliver(connection, self._batch(records))
        except (psycopg.Error, OSError) as error:
            self.close()
            raise DatabaseAway(_first_line(error)) from error

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def forget(self) -> None:
        """In a forked child: the connection is the parent's and must not be ended from here."""
        if self._connection is not None:
            _PARENTS.append(self._connection)
        self._connection = None

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._url)
            self._bound = bound_organization(self._connection)
        return self._connection

    def _batch(self, records: Sequence[Record]) -> Batch:
        latest = self._clock() + self._future_tolerance
        events: list[Row] = []
        outcomes: list[Row] = []
        quarantined: list[Quarantined] = []
        for kind, *values in records:
            try:
                if kind == "event":
                    events.append(event_row(self._own(values), latest))
                elif kind == "outcome":
                    outcomes.append(outcome_row(self._own(values), latest))
                else:
                    raise Unfit(f"this is no event: {values[0]}", "record a UsageEvent")
            except Unfit as unfit:
                quarantined.append(self._aside(kind, values, unfit))
        return Batch(events, outcomes, quarantined)

    def _own(self, values: list[Any]) -> list[Any]:
        """Under an organization's own role an event needs no organization, and may have no other."""
        if self._bound is not None:
            if values[0] is not None and str(values[0]).lower() != self._bound:
                raise Unfit(
                    "organization_id is not the one that this role is bound to",
                    "leave it out, or record through the role of that organization",
                )
            values[0] = self._bound
        return values

    def _aside(self, kind: str, values: list[Any], unfit: Unfit) -> Quarantined:
        names = {"event": COLUMNS, "outcome": OUTCOME_COLUMNS}.get(kind, ("unreadable_record",))
        payload, natural_key = quarantine_payload(dict(zip(names, values, strict=False)))
        organization = self._bound or _organization_of(values[0])
        return Quarantined(
            organization,
            natural_key,
            unfit.reason,
            unfit.remedy,
            payload,
            kind if kind == "outcome" else "event",
        )


_PARENTS: list[psycopg.Connection[Any]] = []
"""Connections of a parent process, kept so that nothing ends them."""


def _organization_of(value: Any) -> str | None:
    from uuid import UUID

    try:
        return str(UUID(str(value)))
    except ValueError:
        return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
