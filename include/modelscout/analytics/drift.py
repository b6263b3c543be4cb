"""The nightly watch over models that change under the same id: daily figures in, events and alerts out.

One transaction a night under one lock. Days are consumed in order, once and for good, so that a day that is rolled
up again later breaks no proof; the evidence follows from the consumed days alone, so that a watch that is killed
and run again ends with the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.drift_evidence import (
    MINIMUM_REQUESTS,
    REFERENCE_POINTS,
    WATCHED_POINTS,
    select_by_e_bh,
)
from modelscout.analytics.drift_regression import Array
from modelscout.analytics.drift_report import Finding, describe, raise_drift, raise_served_changes
from modelscout.analytics.drift_signals import ALPHA, THRESHOLDS, Days, Evidence, weigh_streams
from modelscout.warehouse.engine import one_snapshot, run_sql

HISTORY_DAYS = REFERENCE_POINTS + WATCHED_POINTS
"""How far back a stream that is seen for the first time begins."""
OUTCOMES_SETTLE_DAYS = 7
"""Outcomes arrive later than their requests, and not all alike: a day's are read once, after so many days."""
MOST_DAYS = 400
"""A stream with so few requests that its days pile up begins anew with the later half of them."""
STREAMS_AT_ONCE = 2000
"""Held in memory together: about 30 MB of figures."""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What one watch did."""

    streams: int
    """(organization, feature, model) streams with new days."""
    served_changes: int
    drifted: int


class _Chunk(NamedTuple):
    """What is kept of some streams until all have been weighed."""

    log_e: Array
    findings: dict[int, list[Finding]]
    """Of the streams that may be flagged, by number."""


def watch(engine: Engine, *, now: datetime) -> DriftReport:
    """Consume the days that are over, weigh every stream that has new ones, flag what has changed."""
    today = now.date()
    with one_snapshot(engine) as connection:
        run_sql(connection, "queries/drift_lock")
        streams = _consume(connection, today=today, now=now)
        changes = run_sql(connection, "queries/drift_served_changes")
        run_sql(connection, "queries/drift_advance", {"today": today})
        _renew(connection, {int(c["number"]): (c["day"] - EPOCH).days for c in changes})
        drifted = _flag(connection, streams)
        raise_served_changes(connection, changes, now=now)
        raise_drift(connection, drifted, today=today, now=now)
        run_sql(
            connection, "queries/drift_resolve_alerts", {"now": now, "reference_points": REFERENCE_POINTS}
        )
    return DriftReport(streams, len(changes), len(drifted))


def _consume(connection: Connection, *, today: date, now: datetime) -> int:
    """Returns how many streams have new days; they are numbered in the temporary table drift_due."""
    parameters: dict[str, Any] = {
        "today": today,
        "now": now,
        "first_day": today - timedelta(days=HISTORY_DAYS),
        "settled_before": today - timedelta(days=OUTCOMES_SETTLE_DAYS),
        "minimum_requests": MINIMUM_REQUESTS,
        "thresholds": THRESHOLDS,
    }
    for step in ("open", "calibrate", "due"):
        run_sql(connection, f"queries/drift_{step}", parameters)
    connection.execute(text("ANALYZE drift_due"))
    for step in ("served", "consume", "settle"):
        run_sql(connection, f"queries/drift_{step}", parameters)
    return int(connection.execute(text("SELECT count(*) FROM drift_due")).scalar_one())


def _flag(connection: Connection, streams: int) -> dict[int, list[Finding]]:
    """Weighs all streams, some at a time; returns what was found of those that are flagged, by number."""
    log_e, findings = [], {}
    for first in range(0, streams, STREAMS_AT_ONCE):
        chunk = _weigh(connection, first, min(streams, first + STREAMS_AT_ONCE))
        log_e.append(chunk.log_e)
        findings.update(chunk.findings)
    if not findings:
        return {}
    organizations = np.asarray(run_sql(connection, "queries/drift_groups")[0]["organizations"])
    flagged = select_by_e_bh(np.concatenate(log_e), organizations, ALPHA)
    return {number: found for number, found in findings.items() if flagged[number]}


def _weigh(connection: Connection, first: int, last: int) -> _Chunk:
    row = run_sql(connection, "queries/drift_days", {"first": first, "last": last})[0]
    if row["stream"] is None:
        return _Chunk(np.zeros(last - first), {})
    figures = {name: np.frombuffer(packed, dtype=">f8") for name, packed in row.items()}
    at = (figures["stream"].astype(np.int64), figures["position"].astype(np.int64))
    shape = (last - first, int(at[1].max()) + 1)
    day = _matrix(shape, at, figures["day"]).astype(np.int64)
    days = _days(shape, at, day, figures)
    evidence = weigh_streams(days)
    _store(connection, first, evidence)
    _renew(connection, dict(_worn_out(first, days, day, evidence)))
    suspects = np.flatnonzero(evidence.log_e >= -np.log(ALPHA))
    return _Chunk(
        evidence.log_e, {first + int(s): describe(evidence, int(s), _dates(day[s])) for s in suspects}
    )


def _matrix(
    shape: tuple[int, int], at: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], values: Array
) -> Array:
    """Streams x days, 0 where there is no day."""
    matrix = np.zeros(shape)
    matrix[at] = values
    return matrix


def _days(
    shape: tuple[int, int],
    at: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    day: npt.NDArray[np.int64],
    figures: Mapping[str, Array],
) -> Days:
    names = (
        "requests",
        "successes",
        "judged",
        "score_sum",
        "timed",
        "slowness_sum",
        "priced",
        "cost_sum",
    )
    sums = {name: _matrix(shape, at, figures[name]) for name in names}
    # 1970-01-01 was a Thursday.
    weekend = np.isin(day % 7, (2, 3)).astype(np.float64)
    return Days(**sums, weekend=weekend, size=np.log2(1.0 + _matrix(shape, at, figures["input_tokens"])))


def _store(connection: Connection, first: int, evidence: Evidence) -> None:
    parameters = {
        "numbers": list(range(first, first + len(evidence.log_e))),
        "points": evidence.points["success"].filled.sum(axis=1).tolist(),
        "log_e_values": evidence.log_e.tolist(),
    }
    run_sql(connection, "queries/drift_store", parameters)


def _worn_out(
    first: int, days: Days, day: npt.NDArray[np.int64], evidence: Evidence
) -> Iterator[tuple[int, int]]:
    """Numbers of the streams whose watch is over, each with the day that its next reference begins with."""
    points = evidence.points["success"]
    count = points.filled.sum(axis=1)
    for s in np.flatnonzero(count >= HISTORY_DAYS):
        yield first + int(s), int(day[s, points.first_day[s, count[s] - REFERENCE_POINTS]])
    held = (days.requests > 0).sum(axis=1)
    for s in np.flatnonzero((held >= MOST_DAYS) & (count < HISTORY_DAYS)):
        yield first + int(s), int(day[s, held[s] - MOST_DAYS // 2])


def _renew(connection: Connection, reference_from: Mapping[int, int]) -> None:
    """Forget the days before these (days since 1970-01-01), by stream number."""
    if reference_from:
        parameters = {"numbers": list(reference_from), "reference_from": list(reference_from.values())}
        run_sql(connection, "queries/drift_renew", parameters)


def _dates(days: Sequence[int] | npt.NDArray[np.int64]) -> list[date]:
    return [EPOCH + timedelta(days=int(d)) for d in days]
