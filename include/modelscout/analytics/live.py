"""What is happening now: an organization's last hour from its events, and all organizations' from the hourly rollup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from modelscout.analytics.performance import ErrorShare, error_shares, wilson_interval
from modelscout.analytics.trend import bucket_ms_or_none
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import Row, run_sql

LIVE = timedelta(hours=1)
RECENT_HOURS = 2
"""All organizations' hours are many rows: the begun hour and the one before."""
MAX_DAYS_OF_ALL = 7
"""All organizations' days are many rows: no more of them in one question."""


@dataclass(frozen=True, slots=True)
class LiveMinute:
    """One minute that had calls. None is unknown."""

    minute: datetime
    requests: int
    failed_requests: int
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class LiveHour:
    """The last hour of one organization, as its events arrived. Costs come with the hourly rollup."""

    since: datetime
    until: datetime
    requests: int
    success_rate: float | None
    success_interval: tuple[float, float] | None
    """95 %, Wilson."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    """Within 1 % of the true value."""
    input_tokens: int
    output_tokens: int
    latest_at: datetime | None
    """The last call that arrived."""
    errors: tuple[ErrorShare, ...]
    minutes: tuple[LiveMinute, ...]
    simulated: bool


@dataclass(frozen=True, slots=True)
class RecentHour:
    """One hour of several organizations together."""

    hour: datetime | None
    """None: all hours."""
    requests: int
    success_rate: float
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    """Of the requests that could be priced."""
    unpriced_requests: int
    organizations: int


@dataclass(frozen=True, slots=True)
class RecentHours:
    """The last begun hours, from the hourly rollup."""

    hours: tuple[RecentHour, ...]
    total: RecentHour | None
    simulated: bool


@dataclass(frozen=True, slots=True)
class OrganizationUse:
    """One organization over a range of days."""

    organization: str
    name: str
    requests: int
    success_rate: float | None
    cost_usd: Decimal | None
    unpriced_requests: int
    simulated: bool


def live_hour(connection: Connection, organization_id: str, *, now: datetime) -> LiveHour:
    """The hour up to `now`, read from the events."""
    since = now - LIVE
    rows = run_sql(
        connection,
        "queries/analytics_live",
        {"organization_id": organization_id, "since": since, "until": now},
    )
    if not rows:
        return LiveHour(since, now, 0, None, None, None, None, None, 0, 0, None, (), (), simulated=False)
    whole, *minutes = rows
    requests, answers = whole["requests"], whole["answers"]
    return LiveHour(
        since=since,
        until=now,
        requests=requests,
        success_rate=answers / requests,
        success_interval=wilson_interval(answers, requests),
        p50_ms=bucket_ms_or_none(whole["p50_bucket"]),
        p95_ms=bucket_ms_or_none(whole["p95_bucket"]),
        p99_ms=bucket_ms_or_none(whole["p99_bucket"]),
        input_tokens=whole["input_tokens"],
        output_tokens=whole["output_tokens"],
        latest_at=whole["latest_at"],
        errors=error_shares(whole["errors_by_type"], requests),
        minutes=tuple(_minute(row) for row in minutes),
        simulated=whole["simulated"],
    )


def recent_hours(
    connection: Connection, organization_ids: Sequence[str] | None, *, now: datetime
) -> RecentHours:
    """The begun hour and the one before of the given organizations together; None is all of them."""
    rows = run_sql(
        connection,
        "queries/analytics_recent_hours",
        {
            "organization_ids": None if organization_ids is None else list(organization_ids),
            "since": now - timedelta(hours=RECENT_HOURS),
            "until": now,
        },
    )
    hours = [_recent(row) for row in rows]
    return RecentHours(
        hours=tuple(hours[1:]),
        total=hours[0] if hours else None,
        simulated=any(row["simulated"] for row in rows),
    )


def organizations_by_cost(
    connection: Connection,
    organization_ids: Sequence[str] | None,
    *,
    since: date,
    until: date,
    most: int,
) -> tuple[OrganizationUse, ...]:
    """The organizations that cost most over these days; None is all of them."""
    if not 0 <= (until - since).days < MAX_DAYS_OF_ALL:
        raise ConfigurationError(
            f"range {since} to {until} is out of range: give 1 to {MAX_DAYS_OF_ALL} days"
        )
    rows = run_sql(
        connection,
        "queries/analytics_organizations",
        {
            "organization_ids": None if organization_ids is None else list(organization_ids),
            "since": since,
            "until": until,
            "most": most,
        },
    )
    return tuple(
        OrganizationUse(
            organization=row["organization"],
            name=row["name"],
            requests=row["requests"],
            success_rate=row["answers"] / row["requests"] if row["requests"] else None,
            cost_usd=row["cost_usd"],
            unpriced_requests=row["unpriced_requests"],
            simulated=row["simulated"],
        )
        for row in rows
    )


def _minute(row: Row) -> LiveMinute:
    return LiveMinute(
        minute=row["minute"],
        requests=row["requests"],
        failed_requests=row["requests"] - row["answers"],
        p50_ms=bucket_ms_or_none(row["p50_bucket"]),
        p95_ms=bucket_ms_or_none(row["p95_bucket"]),
    )


def _recent(row: Row) -> RecentHour:
    return RecentHour(
        hour=row["hour"],
        requests=row["requests"],
        success_rate=row["answers"] / row["requests"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        unpriced_requests=row["unpriced_requests"],
        organizations=row["organizations"],
    )
