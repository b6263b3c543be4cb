"""The answers of `modelscout analytics` for people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from modelscout.commands.tables import UNKNOWN, count, print_table, text, usd

if TYPE_CHECKING:
    from modelscout.analytics.opportunities import Opportunity
    from modelscout.analytics.patterns import UsagePatterns
    from modelscout.analytics.performance import ModelsCompared, Performance
    from modelscout.analytics.prediction import CostPrediction

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SIMULATED = "Simulated: these figures come from the demo's traffic."


def print_performance(lines: Sequence[Performance]) -> None:
    """One line for each model, and day, week or feature."""
    if not lines:
        print("No requests in this range.")
        return
    columns = (
        "model",
        "of",
        "requests",
        "answered",
        "95 %",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "cost",
        "quality",
        "users",
    )
    print_table(
        "Performance",
        (*columns, "most frequent error"),
        [
            (
                p.model,
                text(p.starts_on or p.feature),
                count(p.requests),
                share(p.success_rate),
                interval(p.success_interval),
                milliseconds(p.p50_ms),
                milliseconds(p.p95_ms),
                milliseconds(p.p99_ms),
                usd(p.cost_usd),
                number(p.quality),
                count(p.distinct_users),
                f"{p.errors[0].error_type} {share(p.errors[0].rate)}" if p.errors else UNKNOWN,
            )
            for p in lines
        ],
        left=("of", "most frequent error"),
    )
    _unpriced(sum(p.unpriced_requests for p in lines))
    _simulated(any(p.simulated for p in lines))


def print_comparison(compared: ModelsCompared) -> None:
    """A column for each metric, a star at its best value."""
    if not compared.models:
        print("No requests in this range.")
        return
    values = {(m.metric, name): value for m in compared.metrics for name, value in m.values}
    print_table(
        "Models compared, * is the best",
        ("model", "requests", *(m.metric.value for m in compared.metrics)),
        [
            (
                p.model,
                count(p.requests),
                *(
                    _metric(values[m.metric, p.model]) + (" *" if m.best == p.model else "")
                    for m in compared.metrics
                ),
            )
            for p in compared.models
        ],
    )
    print("Models that serve different features do different work: compare within one with --feature.")
    _unpriced(sum(p.unpriced_requests for p in compared.models))
    _simulated(any(p.simulated for p in compared.models))


def print_patterns(patterns: UsagePatterns) -> None:
    """The busiest hours of the week, the trend and the dearest work."""
    if not patterns.days:
        print("No requests in this range.")
        return
    busiest = sorted(patterns.hours, key=lambda h: -h.requests_per_occurrence)[:5]
    print_table(
        "Busiest hours of the week (UTC)",
        ("hour", "requests each", "errors", "cost in all"),
        [
            (
                f"{WEEKDAYS[h.weekday - 1]} {h.hour:02}:00",
                count(h.requests_per_occurrence),
                share(h.error_rate),
                usd(h.cost_usd),
            )
            for h in busiest
        ],
    )
    print_table(
        "Where the money goes",
        ("feature", "model", "requests", "cost", "share"),
        [
            (text(c.feature), c.model, count(c.requests), usd(c.cost_usd), share(c.share))
            for c in patterns.top
        ],
        left=("model",),
    )
    if patterns.change is not None:
        print(
            f"Requests of the last {patterns.weeks_compared} weeks against as many before: {patterns.change:+.1%}"
        )
    _unpriced(sum(d.unpriced_requests for d in patterns.days))
    _simulated(patterns.simulated)


def print_prediction(prediction: CostPrediction) -> None:
    """The days, their sum and what it rests on."""
    print_table(
        "Predicted cost",
        ("day", "median", "low", "high", "prices"),
        [
            (
                str(d.day),
                usd(d.cost.median_usd),
                usd(d.cost.low_usd),
                usd(d.cost.high_usd),
                f"{d.price_level:.3f}",
            )
            for d in prediction.days
        ],
    )
    total = prediction.total
    print(
        f"{usd(total.median_usd)} in all, {prediction.level:.0%} interval {usd(total.low_usd)} to "
        f"{usd(total.high_usd)}; from {prediction.history_from} to {prediction.history_to}"
    )
    for note in prediction.notes:
        print(note)
    _unpriced(prediction.unpriced_requests)
    _simulated(prediction.simulated)


def print_opportunities(found: Sequence[Opportunity]) -> None:
    """One line for each way, with what it assumes."""
    if not found:
        print("Nothing found that would save.")
        return
    print_table(
        "Where the same work could cost less (savings of several ways do not add up)",
        ("feature", "model", "way", "saves/month", "if"),
        [
            (o.feature, o.model, o.way.value, usd(o.saving_usd_per_month), o.reason or o.assumption)
            for o in found
        ],
        left=("model", "way", "if"),
    )
    _simulated(any(o.simulated for o in found))


def share(value: float | Decimal | None) -> str:
    """A share in percent."""
    return UNKNOWN if value is None else f"{value:.1%}"


def number(value: float | None) -> str:
    """A score, to three places."""
    return UNKNOWN if value is None else f"{value:.3f}"


def milliseconds(value: float | None) -> str:
    """A latency in whole milliseconds."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def interval(bounds: tuple[float, float] | None) -> str:
    """An interval of shares in percent."""
    return UNKNOWN if bounds is None else f"{bounds[0]:.1%} to {bounds[1]:.1%}"


def _metric(value: float | Decimal | None) -> str:
    return usd(value) if isinstance(value, Decimal) else UNKNOWN if value is None else f"{value:,.4g}"


def _unpriced(requests: int) -> None:
    if requests:
        print(f"{count(requests)} requests have no known price and are not in the costs.")


def _simulated(simulated: bool) -> None:
    if simulated:
        print(SIMULATED)
