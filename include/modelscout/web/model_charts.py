"""Rows of the charts of models: flat mappings, as the specifications in charts/ name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from modelscout.core.clock import now
from modelscout.web import formatting
from modelscout.web.schemas.comparison import Comparison
from modelscout.web.schemas.models import Model, Price, SuiteRun

BEFORE_DAYS = 180
AFTER_DAYS = 60
BARS = {
    "duration_ms": "Answer, suites",
    "time_to_first_token_ms": "First token, suites",
    "own_p50_ms": "Own, median",
    "own_p95_ms": "Own, 95th percentile",
}


def price_rows(prices: Sequence[Price], model: Model) -> list[dict[str, Any]]:
    """Steps of the standard list prices, from half a year ago to two months ahead of now or of the last change."""
    shown = [p for p in prices if p.processing == "standard" and p.above_input_tokens == 0]
    if not shown:
        return []
    begins, ends = _range(shown, model)
    rows: list[dict[str, Any]] = []
    for price in sorted(shown, key=lambda p: (p.negotiated, p.valid_from)):
        since, until = max(price.valid_from, begins), min(price.valid_until or ends, ends)
        if until <= since:
            continue
        for kind, usd in (
            ("input", price.input_usd_per_million_tokens),
            ("output", price.output_usd_per_million_tokens),
            ("operation", price.operation_usd),
        ):
            if usd is not None:
                name = f"{kind}, negotiated" if price.negotiated else kind
                day = formatting.day(price.valid_from) if price.valid_from.year > 1970 else "always"
                row = {"kind": name, "usd": float(usd), "shown": formatting.money(usd), "day": day}
                rows += [{**row, "at": since}, {**row, "at": until}]
    if rows:
        # Where the line of today stands.
        rows[0]["today"] = now()
    return rows


def result_rows(runs: Sequence[SuiteRun]) -> list[dict[str, Any]]:
    """Scores of accuracy suites over time."""
    return [
        {
            "series": f"{formatting.words(run.feature)}{', own work' if run.source == 'replay' else ''}",
            "score": run.score,
            "shown": formatting.percent(run.score),
            "cases": run.n,
            "day": formatting.day(run.finished_at),
        }
        for run in reversed(runs)
        if run.about == "accuracy" and run.score is not None
    ]


def score_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Suite scores of compared models, with their intervals."""
    names = names_of(comparison)
    return [
        {
            "feature": line.label.removeprefix("Accuracy, ").removesuffix(" suite").capitalize(),
            "model": names[n],
            "place": n,
            "score": float(value),
            "low": interval[0] if (interval := line.intervals[n]) else None,
            "high": interval[1] if interval else None,
            "shown": formatting.percent(float(value)),
        }
        for line in comparison.lines
        if line.key.startswith("score.")
        for n, value in enumerate(line.values)
        if value is not None
    ]


def time_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Response times of compared models."""
    names = names_of(comparison)
    return [
        {"measure": BARS[line.key], "model": names[n], "place": n, "ms": float(value),
         "shown": formatting.milliseconds(float(value))}
        for line in comparison.lines
        if line.key in BARS
        for n, value in enumerate(line.values)
        if value is not None
    ]  # fmt: skip


def suitability_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Use-case scores of compared models."""
    names = names_of(comparison)
    places = {m.model: n for n, m in enumerate(comparison.models)}
    return [
        {
            "use_case": formatting.words(s.use_case),
            "model": names[places[s.model]],
            "place": places[s.model],
            "score": s.score,
            "reason": s.reason,
        }
        for s in comparison.suitability
        if s.score is not None
    ]


def names_of(comparison: Comparison) -> list[str]:
    """Names for legends: the whole one where two models share a name."""
    names = [m.name for m in comparison.models]
    return [m.model if names.count(m.name) > 1 else m.name for m in comparison.models]


def _range(prices: Sequence[Price], model: Model) -> tuple[datetime, datetime]:
    moment = now()
    changes = [p.valid_from for p in prices if p.valid_from.year > 1970]
    begins = min([moment - timedelta(days=BEFORE_DAYS), *(c - timedelta(days=30) for c in changes)])
    if model.released_on is not None:
        released = datetime.combine(model.released_on, datetime.min.time(), UTC)
        begins = max(begins, min(released, moment - timedelta(days=30)))
    return begins, max([moment, *changes]) + timedelta(days=AFTER_DAYS)
