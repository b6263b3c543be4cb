"""What came of one recommendation, with 90 % intervals: saving, quality and latency. Pure; no database, no clock.

Unknown stays unknown. Quality is verified by a hold-out, by replay or by judged answers, in this order; without any of
them it is not verified, and the success rate says nothing about it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from modelscout.recommender.case import DAYS_PER_MONTH, MINIMUM_PAIRS, NORMAL_90, Interval
from modelscout.warehouse.engine import Row

MINIMUM_OUTCOMES = 100
"""Judged answers on each side before quality counts as verified by them."""
MINIMUM_KIND_ANSWERS = 30
"""Answers of a kind of request before the switch, below which the mean of all kinds stands for it."""
_USD = Decimal("0.000001")
METHODS = {
    "hold_out": "randomised traffic weighted by 1 / propensity, normal interval",
    "replay": "the same items answered by both models, the new one after the switch; normal interval",
    "outcomes": "judged answers after the switch against the 30 days before; Newcombe's interval from Wilson's",
    "saving": "answers by kind of request at the former model's tokens and prices, minus what was paid; normal "
    "interval of how much the requests of a kind differ",
    "latency": "median by order statistics of the histogram, within 1 %",
}


class Measured(NamedTuple):
    """The measured columns of recommendation_outcomes; None is unknown. Savings are USD per month."""

    realised_saving_usd_per_month: Decimal | None
    realised_saving_low_usd_per_month: Decimal | None
    realised_saving_high_usd_per_month: Decimal | None
    compared_days: int
    compared_answers: int
    realised_quality: float | None
    quality_source: str | None
    quality_change: float | None
    quality_change_low: float | None
    quality_change_high: float | None
    quality_violated: bool | None
    realised_median_ms: float | None
    realised_median_low_ms: float | None
    realised_median_high_ms: float | None
    details: dict[str, Any]


class _Quality(NamedTuple):
    source: str
    new: float
    change: Interval


def measure(
    advice: Row, *, savings: Row | None, answers: Row | None, scores: Row | None, replays: Row | None
) -> Measured:
    """From one row of review_advice and those of the other review queries; None where a query has none."""
    saving, error = _saving(savings)
    quality = _held_out(scores) or _replayed(replays) or _judged(advice, answers)
    margin = float(advice["margin"])
    return Measured(
        realised_saving_usd_per_month=saving,
        realised_saving_low_usd_per_month=_minus(saving, error),
        realised_saving_high_usd_per_month=_minus(saving, None if error is None else -error),
        compared_days=int(savings["compared_days"]) if savings else 0,
        compared_answers=int(savings["answers"]) if savings else 0,
        realised_quality=quality.new if quality else None,
        quality_source=quality.source if quality else None,
        quality_change=quality.change.estimate if quality else None,
        quality_change_low=quality.change.low if quality else None,
        quality_change_high=quality.change.high if quality else None,
        quality_violated=quality.change.high < -margin if quality else None,
        realised_median_ms=answers["median_ms"] if answers else None,
        realised_median_low_ms=answers["median_low_ms"] if answers else None,
        realised_median_high_ms=answers["median_high_ms"] if answers else None,
        details=_details(advice, savings, answers, quality),
    )


def _saving(row: Row | None) -> tuple[Decimal | None, Decimal | None]:
    """USD per month and half the width of its interval; what was paid and asked is known, not estimated."""
    if row is None or not row["compared_days"]:
        return None, None
    per_month = DAYS_PER_MONTH / int(row["compared_days"])
    saving = ((row["former_usd"] - row["paid_usd"]) * per_month).quantize(_USD)
    if row["variance_usd"] is None:
        return saving, None
    half = Decimal(NORMAL_90 * math.sqrt(float(row["variance_usd"]))) * per_month
    return saving, half.quantize(_USD)


def _held_out(row: Row | None) -> _Quality | None:
    if row is None or min(row["new_n"], row["former_n"]) < MINIMUM_OUTCOMES:
        return None
    new, new_variance = _weighted_mean(row, "new")
    former, former_variance = _weighted_mean(row, "former")
    change = Interval.normal(new - former, math.sqrt(new_variance + former_variance))
    return _Quality("hold_out", new, change)


def _weighted_mean(row: Row, arm: str) -> tuple[float, float]:
    """Hajek's estimator and its linearised variance: sum of w^2 (s - mean)^2 over (sum of w)^2."""
    w, ws = row[f"{arm}_w"], row[f"{arm}_ws"]
    mean = ws / w
    squares = row[f"{arm}_wwss"] - 2 * mean * row[f"{arm}_wws"] + mean**2 * row[f"{arm}_ww"]
    return mean, max(0.0, squares) / w**2


def _replayed(row: Row | None) -> _Quality | None:
    if row is None or len(row["differences"]) < MINIMUM_PAIRS:
        return None
    return _Quality("replay", row["new_quality"], mean_interval(row["differences"]))


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean with its normal interval; one value more of the widest kind: none seen is not none possible."""
    n = len(values)
    mean = math.fsum(values) / n
    variance = math.fsum((v - mean) ** 2 for v in values)
    return Interval.normal(mean, math.sqrt((variance + 1.0) / (n + 1) / n))


def _judged(advice: Row, answers: Row | None) -> _Quality | None:
    if answers is None or min(answers["judged"], advice["former_judged"]) < MINIMUM_OUTCOMES:
        return None
    new = wilson(float(answers["score_sum"]), int(answers["judged"]))
    former = wilson(float(advice["former_score_sum"]), int(advice["former_judged"]))
    difference = new.estimate - former.estimate
    low = difference - math.hypot(new.estimate - new.low, former.high - former.estimate)
    high = difference + math.hypot(new.high - new.estimate, former.estimate - former.low)
    return _Quality("outcomes", new.estimate, Interval(difference, low, high))


def wilson(total: float, n: int) -> Interval:
    """Wilson's interval of a mean of n scores in 0 to 1; none varies more than 0 and 1 do, so that it is safe."""
    p, z = total / n, NORMAL_90
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return Interval(p, min(p, centre - half), max(p, centre + half))


def _details(
    advice: Row, savings: Row | None, answers: Row | None, quality: _Quality | None
) -> dict[str, Any]:
    judged = {"former": int(advice["former_judged"]), "new": int(answers["judged"]) if answers else 0}
    found: dict[str, Any] = {
        "quality": METHODS[quality.source] if quality else "not verified",
        "judged_answers": judged,
        "former_median_ms": advice["former_median_ms"],
    }
    if advice["adopted"] and savings is not None:
        ratio = advice["input_token_ratio"]
        found |= {
            "days_since_switch": int(savings["days"]),
            "answers_of_new_kinds": int(savings["answers_of_new_kinds"]),
            "former_would_cost_usd": savings["former_usd"],
            "paid_usd": savings["paid_usd"],
            "input_token_ratio": ratio,
            "sizes": "as counted by the new model" if ratio is None else "in tokens of the former model",
            "methods": {name: METHODS[name] for name in ("saving", "latency")},
        }
    return found


def _minus(value: Decimal | None, error: Decimal | None) -> Decimal | None:
    return None if value is None or error is None else value - error
