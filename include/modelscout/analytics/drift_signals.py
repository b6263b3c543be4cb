"""What is watched of a stream (one model on one feature of one organization), and the evidence of all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelscout.analytics.drift_evidence import (
    REFERENCE_POINTS,
    Points,
    Shift,
    gather_points,
    weigh_shift,
)
from modelscout.analytics.drift_regression import Array

ERROR_PER_YEAR = 0.05
"""The chance that a stream in which nothing changes is ever flagged within a year."""
WATCHES_PER_YEAR = 4
"""After WATCHED_POINTS points, a quarter of a year at a point a day, the reference is renewed: a new try."""
ALPHA = ERROR_PER_YEAR / WATCHES_PER_YEAR
INTERVAL_ALPHA = 0.05
THRESHOLDS = 9
"""Latencies that split the stream's first requests into equal shares."""


@dataclass(frozen=True, slots=True)
class Days:
    """Figures of S streams on D days, in order, aligned left. Absent days have no requests; NaN: not settled."""

    requests: Array
    successes: Array
    judged: Array
    """Answers with an outcome."""
    score_sum: Array
    timed: Array
    """Requests with a duration."""
    slowness_sum: Array
    """Sum over them of the share of the stream's latency thresholds that each exceeds."""
    priced: Array
    """Answers that the constant prices price."""
    cost_sum: Array
    """USD at constant prices."""
    weekend: Array
    """1 on Saturdays and Sundays (UTC), else 0."""
    size: Array
    """log2(1 + input tokens per answer)."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of figure: where its sums stand, on which scale it is nearly normal, its share of the error."""

    name: str
    weight: float
    sums: Callable[[Days], tuple[Array, Array]]
    """Requests that count, and their total."""
    scale: Callable[[Points], Array]
    unscale: Callable[[Array], Array]
    """From the scale back to a figure per request."""
    unit_variance: Callable[[Points], Array]
    """Least variance of one request on that scale."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one night says of S streams."""

    log_e: Array
    """Of the stream: the weighted mean of its signals' e-values, which is an e-value whatever their dependence."""
    shifts: Mapping[str, Shift]
    points: Mapping[str, Points]


def weigh_streams(days: Days) -> Evidence:
    """Evidence of every signal of every stream."""
    points, shifts = {}, {}
    for signal in SIGNALS:
        points[signal.name] = gather_points(*signal.sums(days), days.weekend, days.size)
        p = points[signal.name]
        shifts[signal.name] = weigh_shift(p, signal.scale(p), signal.unit_variance(p), alpha=INTERVAL_ALPHA)
    logs = np.stack([np.log(s.weight) + shifts[s.name].log_e for s in SIGNALS])
    return Evidence(np.logaddexp.reduce(logs, axis=0), shifts, points)


def _variance_stabilised(points: Points) -> Array:
    """Anscombe's arcsine: the variance of a share of n requests is then about 1 / (4 n), whatever the share."""
    return np.arcsin(np.sqrt(np.clip((points.total + 0.375) / (points.requests + 0.75), 0.0, 1.0)))


def _share(y: Array) -> Array:
    return np.asarray(np.sin(np.clip(y, 0.0, np.pi / 2)) ** 2)


def _mean(points: Points) -> Array:
    return points.total / np.where(points.filled, points.requests, 1.0)


def _log_mean(points: Points) -> Array:
    return np.log(np.maximum(np.where(points.filled, _mean(points), 1.0), 1e-300))


def _constant(value: float) -> Callable[[Points], Array]:
    return lambda points: np.full(len(points.requests), value)


def _one_percent_a_day(points: Points) -> Array:
    """Days of constant costs still differ by 1 % or so: nothing below is believed to be noise-free."""
    reference: npt.NDArray[np.float64] = points.requests[:, :REFERENCE_POINTS]
    return np.asarray(1e-4 * np.maximum(np.median(reference, axis=1), 1.0))


SIGNALS = (
    Signal(
        "success",
        0.3,
        lambda d: (d.requests, d.successes),
        _variance_stabilised,
        _share,
        _constant(0.25),
    ),
    Signal(
        "quality",
        0.25,
        lambda d: (d.judged, d.score_sum),
        _variance_stabilised,
        _share,
        _constant(0.25),
    ),
    # The mean of THRESHOLDS indicators is nearly uniform on 0 to 1.
    Signal(
        "latency",
        0.2,
        lambda d: (d.timed, d.slowness_sum),
        _mean,
        lambda y: y,
        _constant(1.0 / 12.0),
    ),
    Signal("cost", 0.25, lambda d: (d.priced, d.cost_sum), _log_mean, np.exp, _one_percent_a_day),
)
