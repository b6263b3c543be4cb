"""What is on record about one model: prices over time, use, benchmark runs, availability, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from modelscout.warehouse.engine import run_sql

USAGE_DAYS = 30
MOST_ROWS = 200
RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """One price in USD; None is unknown or not billed so."""

    negotiated: bool
    """Of the organization asked about, not the list price."""
    processing: str
    above_input_tokens: int
    """It holds for requests with more input tokens than this."""
    valid_from: datetime
    valid_until: datetime | None
    """When the next one takes its place."""
    state: str
    """`past`, `in force` or `scheduled`."""
    input_usd_per_million_tokens: Decimal | None
    output_usd_per_million_tokens: Decimal | None
    cache_read_usd_per_million_tokens: Decimal | None
    cache_write_usd_per_million_tokens: Decimal | None
    operation_usd: Decimal | None
    image_usd: Decimal | None
    source: str
    estimated: bool


@dataclass(frozen=True, slots=True)
class FeatureUse:
    """One organization's feature on the model over the last days. None is unknown."""

    organization: str | None
    organization_name: str
    feature: str | None
    requests: int
    success_rate: float | None
    """Answered calls; says nothing about quality."""
    mean_ms: float | None
    quality: float | None
    """Mean of the judged answers, 0 to 1."""
    cost_usd: Decimal | None
    """Of the requests that could be priced."""
    unpriced_requests: int
    last_day: date
    simulated: bool


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """One suite in one benchmark run. None is unknown."""

    run_id: UUID
    source: str
    """`platform` for this project's own suites, `replay` for the organization's own work."""
    about: str
    """`accuracy`, `speed` or `cost`."""
    feature: str
    suite: str
    n: int
    failed: int
    score: float | None
    """Mean over the graded cases, 0 to 1."""
    median_ms: float | None
    cost_usd: Decimal | None
    simulated: bool
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class KeyAvailability:
    """The model for one organization's key."""

    organization: str | None
    organization_name: str
    status: str
    reason: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    missing_since: datetime | None
    region: str | None
    key_health: str | None
    """What the provider last said about the key; None where the organization has no key any more."""
    enabled: bool
    """False where the organization switched the model off."""
    simulated: bool


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """Something that happened to the model."""

    kind: str
    organization: str | None
    """None where it is everybody's."""
    details: Mapping[str, Any]
    occurred_at: datetime
    simulated: bool


@dataclass(frozen=True, slots=True)
class Part(Generic[RowT]):
    """The first rows of a list, and how many there are in all."""

    rows: Sequence[RowT]
    total: int


def price_history(
    connection: Connection, model_id: UUID, *, organization_id: str | None, now: datetime
) -> list[DatedPrice]:
    """List prices, and the organization's negotiated ones where one is given; the latest first."""
    parameters = {"model_id": str(model_id), "organization_id": organization_id, "max_rows": MOST_ROWS}
    return [
        DatedPrice(**row, state=_state(row["valid_from"], row["valid_until"], now))
        for row in run_sql(connection, "queries/model_prices", parameters)
    ]


def usage_of_model(
    connection: Connection,
    model_id: UUID,
    *,
    organization_ids: Sequence[str] | None,
    now: datetime,
    most: int,
) -> Part[FeatureUse]:
    """FeatureUse of the last 30 days, the busiest first; organization_ids None means all."""
    rows = run_sql(
        connection,
        "queries/model_usage",
        {
            "model_id": str(model_id),
            "organization_ids": None if organization_ids is None else list(organization_ids),
            "since": now.date() - timedelta(days=USAGE_DAYS),
            "max_rows": most,
        },
    )
    totals = [row.pop("features") for row in rows]
    return Part([FeatureUse(**row) for row in rows], totals[0] if totals else 0)


def benchmark_history(
    connection: Connection, model_id: UUID, *, organization_id: str | None
) -> list[SuiteRun]:
    """What every benchmark run found, with the organization's replays where one is given; the latest first."""
    parameters = {"model_id": str(model_id), "organization_id": organization_id, "max_rows": MOST_ROWS}
    return [SuiteRun(**row) for row in run_sql(connection, "queries/model_benchmark_history", parameters)]


def availability_of_model(
    connection: Connection, model_id: UUID, *, organization_ids: Sequence[str] | None, most: int
) -> Part[KeyAvailability]:
    """KeyAvailability by key, what ails first; organization_ids None means all."""
    ids = None if organization_ids is None else list(organization_ids)
    parameters = {"model_id": str(model_id), "organization_ids": ids, "max_rows": most}
    rows = run_sql(connection, "queries/model_availability_list", parameters)
    totals = [row.pop("keys") for row in rows]
    return Part([KeyAvailability(**row) for row in rows], totals[0] if totals else 0)


def events_of_model(
    connection: Connection, model_id: UUID, *, organization_ids: Sequence[str] | None, most: int
) -> list[ModelEvent]:
    """The latest events first; organization_ids None means all."""
    ids = None if organization_ids is None else list(organization_ids)
    parameters = {"model_id": str(model_id), "organization_ids": ids, "max_rows": most}
    return [ModelEvent(**row) for row in run_sql(connection, "queries/model_event_list", parameters)]


def _state(valid_from: datetime, valid_until: datetime | None, now: datetime) -> str:
    if valid_from > now:
        return "scheduled"
    return "past" if valid_until is not None and valid_until <= now else "in force"
