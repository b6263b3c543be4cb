"""What a watch tells people: `model_events` for the record, alerts in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection

from modelscout.analytics.comparison_measured import quantile_ms
from modelscout.analytics.drift_signals import ALPHA, SIGNALS, Evidence, Signal
from modelscout.warehouse.engine import Row, run_sql, run_sql_many

BETTER_IS_MORE = {"success": True, "quality": True, "latency": False, "cost": False}
SUBJECTS = {
    "success": "the share of answered calls",
    "quality": "the mean score of judged answers",
    "latency": "latency",
    "cost": "the cost per answer at unchanged prices and for the same input size",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure that shifted. success and quality: 0 to 1; cost: USD per answer; latency: mean share of the
    stream's latency thresholds that a request exceeds. `after` is what it would be on the weekdays and for the
    input sizes of `before`: like is compared with like."""

    signal: str
    before: float
    after: float
    low: float
    high: float
    """95 % interval of `after`, given the day, at all looks together."""
    since: date
    """About when it began."""
    log_e_value: float

    @property
    def worse(self) -> bool:
        """Whether people lose by it."""
        return (self.after < self.before) == BETTER_IS_MORE[self.signal]


def describe(evidence: Evidence, stream: int, days: Sequence[date]) -> list[Finding]:
    """What shifted in one stream, the strongest first: the strongest, and whatever stands by itself."""
    found = [_finding(evidence, signal, stream, days) for signal in SIGNALS]
    found.sort(key=lambda f: -f.log_e_value)
    return [f for i, f in enumerate(found) if i == 0 or f.log_e_value >= -np.log(ALPHA)]


def _finding(evidence: Evidence, signal: Signal, stream: int, days: Sequence[date]) -> Finding:
    points, shift = evidence.points[signal.name], evidence.shifts[signal.name]
    filled = points.filled[stream]
    at, effect, width = int(shift.point[stream]), float(shift.effect[stream]), float(shift.half_width[stream])
    weights = points.requests[stream][filled][:at]
    base = float(np.average(signal.scale(points)[stream][filled][:at], weights=weights)) if at else np.nan
    figures = base + np.array([0.0, effect, effect - width, effect + width])
    before, after, low, high = (float(value) for value in signal.unscale(figures))
    since = days[int(points.first_day[stream, at])]
    return Finding(signal.name, before, after, low, high, since, float(shift.log_e[stream]))


def raise_served_changes(connection: Connection, changes: Sequence[Row], *, now: datetime) -> None:
    """An event and an alert for every day on which most answers began to come from another model."""
    for row in changes:
        message = (
            f"{row['feature_id']}: {row['model']} is answered by {row['served_model']} since {row['day']}, "
            f"before by {row['served_before']}. What was measured of it before no longer holds; it is tested and "
            "benchmarked again."
        )
        details = {key: row[key] for key in ("served_before", "served_model")} | {"since": row["day"]}
        _raise(connection, row, "served_model_changed", "warning", message, details, row["day"], now)


def raise_drift(
    connection: Connection, drifted: Mapping[int, Sequence[Finding]], *, today: date, now: datetime
) -> None:
    """An event and an alert for every flagged stream, whose reference then begins again."""
    if not drifted:
        return
    for row in run_sql(connection, "queries/drift_streams", {"numbers": list(drifted)}):
        findings = drifted[int(row["number"])]
        parts = [_sentence(connection, row, finding) for finding in findings]
        message = (
            f"{row['feature_id']}: {row['model']} has changed. {' '.join(parts)} What was measured of it before "
            "no longer holds; it is tested and benchmarked again."
        )
        severity = "warning" if any(f.worse for f in findings) else "info"
        details = {"findings": [asdict(f) for f in findings]}
        _raise(connection, row, "drifted", severity, message, details, today - timedelta(days=1), now)
        run_sql(connection, "queries/drift_restart", row | {"today": today})


def _raise(
    connection: Connection,
    row: Row,
    kind: str,
    severity: str,
    message: str,
    details: Mapping[str, Any],
    day: date,
    now: datetime,
) -> None:
    stream = {key: row[key] for key in ("feature_id", "model_id", "model")}
    common = {
        "organization_id": row["organization_id"],
        "natural_key": ":".join((kind, row["organization_id"], row["feature_id"], row["model_id"], str(day))),
        "simulated": row["simulated"],
    }
    event = {"model_id": row["model_id"], "kind": kind, "day": day}
    told = json.dumps({**stream, **details, "message": message}, default=str)
    run_sql(connection, "queries/drift_record", common | event | {"details": told})
    alert = {"kind": "drift", "severity": severity, "message": message, "details": told, "now": now}
    run_sql_many(connection, "queries/alert_raise", [common | alert])


def _sentence(connection: Connection, row: Row, f: Finding) -> str:
    verb = "rose" if f.after > f.before else "fell"
    if f.signal == "cost":
        figures = f"from ${f.before:.6f} to ${f.after:.6f} ({_dollars(f.low)} to {_dollars(f.high)})"
    elif f.signal == "latency":
        figures = _latency(connection, row, f)
    else:
        figures = f"from {f.before:.1%} to {f.after:.1%} ({_percent(f.low)} to {_percent(f.high)})"
    return f"{SUBJECTS[f.signal].capitalize()} {verb} {figures} since about {f.since}."


def _latency(connection: Connection, row: Row, f: Finding) -> str:
    keys = ("organization_id", "feature_id", "model_id")
    buckets: dict[bool, list[tuple[int, int]]] = {False: [], True: []}
    for b in run_sql(connection, "queries/drift_latency", {k: row[k] for k in keys} | {"since": f.since}):
        buckets[b["is_since"]].append((b["bucket"], b["requests"]))
    before, after = quantile_ms(buckets[False], 0.5), quantile_ms(buckets[True], 0.5)
    return (
        f"from a median of {before:,.0f} ms to {after:,.0f} ms (of the usual latencies a request exceeded "
        f"{f.before:.0%}, now {f.after:.0%}: {_percent(f.low)} to {_percent(f.high)})"
        if before is not None and after is not None
        else f"(of the usual latencies a request exceeded {f.before:.0%}, now {f.after:.0%})"
    )


def _percent(share: float) -> str:
    return f"{min(max(share, 0.0), 1.0):.1%}"


def _dollars(amount: float) -> str:
    return f"${amount:.6f}" if np.isfinite(amount) else "unknown"
