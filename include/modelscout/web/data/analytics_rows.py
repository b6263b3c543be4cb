"""Rows of the charts of analytics."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from modelscout.analytics.live import LiveHour
from modelscout.analytics.patterns import UsagePatterns, UsedDays
from modelscout.analytics.prediction import CostPrediction
from modelscout.analytics.trend import Split, Step, Trend, TrendPoint

LENGTHS = {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1), Step.WEEK: timedelta(days=7)}
BAR = 0.88
"""Share of its step that a bar fills."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ALL, OTHERS, NAMELESS = "All", "All others", "(none)"
MOST_ERRORS = 8
Rows = list[dict[str, Any]]


def request_rows(found: Trend, step: Step) -> Rows:
    """Rows of `analytics_requests`."""
    return [_bar(p, step) | {"requests": p.requests} for p in _ordered(found)]


def cost_rows(found: Trend, step: Step) -> Rows:
    """Rows of `analytics_cost`: the points whose cost is known."""
    return [_bar(p, step) | {"usd": p.cost_usd} for p in _ordered(found) if p.cost_usd is not None]


def success_rows(found: Trend, step: Step) -> Rows:
    """Rows of `analytics_success`."""
    return [
        _place(p, step)
        | {
            "rate": _short(p.success_rate),
            "low": _short(low),
            "high": _short(high),
        }
        for p in _ordered(found)
        for low, high in (p.success_interval or (None, None),)
        if p.success_rate is not None
    ]


def time_rows(found: Trend, step: Step, split: Split) -> Rows:
    """Rows of `analytics_times`: three percentiles of all, or the 95th of each part."""
    if split is Split.NONE:
        return [
            _place(p, step) | {"part": name, "ms": ms}
            for p in found.points
            for name, ms in (("p50", p.p50_ms), ("p95", p.p95_ms), ("p99", p.p99_ms))
            if ms is not None
        ]
    return [_place(p, step) | {"ms": p.p95_ms} for p in _ordered(found) if p.p95_ms is not None]


def error_rows(found: Trend) -> Rows:
    """Rows of `analytics_errors`."""
    return [
        {"type": e.error_type.replace("_", " "), "requests": e.requests, "rate": _short(e.rate)}
        for e in found.errors[:MOST_ERRORS]
    ]


def heat_rows(found: UsagePatterns) -> Rows:
    """Rows of `analytics_heat`."""
    return [
        {
            "weekday": WEEKDAYS[h.weekday - 1],
            "hour": h.hour,
            "requests": h.requests_per_occurrence,
            "errors": _short(h.error_rate),
        }
        for h in found.hours
    ]


def prediction_rows(before: UsedDays, found: CostPrediction) -> Rows:
    """Rows of `analytics_prediction`."""
    past = [
        {"at": f"{d.day}T00:00:00Z", "when": f"{d.day}", "kind": "spent", "usd": d.cost_usd}
        for d in before.days
        if d.cost_usd is not None
    ]
    coming = [
        {
            "at": f"{d.day}T00:00:00Z",
            "when": f"{d.day}",
            "kind": "predicted",
            "usd": d.cost.median_usd,
            "low": d.cost.low_usd,
            "high": d.cost.high_usd,
        }
        for d in found.days
    ]
    return past + coming


def live_rows(found: LiveHour) -> Rows:
    """Rows of `analytics_live`, by minutes."""
    return [
        _span(m.minute, timedelta(minutes=1))
        | {"when": f"{m.minute:%H:%M} UTC", "part": part, "rank": rank, "requests": requests}
        for m in found.minutes
        for rank, (part, requests) in enumerate(
            (("answered", m.requests - m.failed_requests), ("failed", m.failed_requests))
        )
    ]


def _ordered(found: Trend) -> list[TrendPoint]:
    """The largest parts first, all others last: the order of colours and legend."""
    sizes: dict[tuple[bool, str | None], int] = {}
    for point in found.points:
        key = (point.is_rest, point.part)
        sizes[key] = sizes.get(key, 0) + point.requests
    return sorted(
        found.points,
        key=lambda p: (p.is_rest, -sizes[p.is_rest, p.part], p.part or ""),
    )


def _bar(point: TrendPoint, step: Step) -> dict[str, Any]:
    if point.starts_at is None:
        return {}
    return _span(point.starts_at, LENGTHS[step]) | {
        "when": _when(point.starts_at, step),
        "part": part_name(point),
        "rank": int(point.is_rest),
    }


def _place(point: TrendPoint, step: Step) -> dict[str, Any]:
    """A line's point stands in the middle of its step."""
    if point.starts_at is None:
        return {}
    middle = point.starts_at + LENGTHS[step] / 2
    return {"middle": _iso(middle), "when": _when(point.starts_at, step), "part": part_name(point)}


def part_name(point: TrendPoint) -> str:
    """What a point is about, in words."""
    if point.is_rest:
        return OTHERS
    return ALL if point.part is None else point.part or NAMELESS


def _span(start: datetime, length: timedelta) -> dict[str, Any]:
    return {"at": _iso(start), "until": _iso(start + length * BAR)}


def _when(start: datetime, step: Step) -> str:
    match step:
        case Step.HOUR:
            return f"{start:%d %b %H:%M} UTC"
        case Step.WEEK:
            return f"week of {start:%d %b %Y}"
        case _:
            return f"{start:%d %b %Y}"


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
