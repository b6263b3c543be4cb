"""The arithmetic of the proof, for many streams of outcomes at once: capital, its path, bounds, dependence.

A stream is a row of differences x in [-1, 1], one per item, in the order in which they came in. Gambler k bets
the fixed stake s_k on "the mean is above mu"; after n items a mixture with weights w_k owns

    sum_k w_k * prod_i (1 + s_k * (x_i - mu)),   0 < s_k < 1 / (1 + mu)

A product of fixed stakes depends on how often each value came, not on the order: the state of a stream is its
histogram, and capital is a matrix product. Values are split between the two neighbouring values of a fixed grid so
that their mean stays; the logarithm is concave, so that this never adds capital, and 0, 1 and halves stay exact.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
STEPS = 20
"""Grid cells per unit of difference: the histogram has 2 * STEPS + 1 values."""
VALUES: Array = np.linspace(-1.0, 1.0, 2 * STEPS + 1)
BOLDEST = 0.95
"""A stake of 1 could lose everything on one item."""
STAKES: Array = np.geomspace(0.004, BOLDEST, 48)
LIKELY_VARIANCE = 0.14
"""Variance of differences that the stakes are prepared for: about that many pairs disagree."""
PRIOR_SPREAD = 0.65
"""Standard deviation of the logarithm of the stake around the likely best one."""
UNIFORM_SHARE = 0.1
"""Capital spread evenly over all stakes, for work unlike what was prepared for."""
ITEMS_PER_LOOK = 16
"""The path of the capital is looked at after so many items, and at the end."""
BOUND_STEPS = 1000
"""Bounds are given in steps of 1 / BOUND_STEPS, rounded to the safe side."""
CHUNK_ITEMS = 2_000_000
LAGS = 3.0
DEPENDENCE_EXCESS = 2.0
"""A finite window sees less than all of a dependence; what it sees is raised by this factor."""


class Streams(NamedTuple):
    """Differences of all streams one after the other; stream i holds values[offsets[i] : offsets[i + 1]]."""

    values: Array
    offsets: Indices

    @classmethod
    def of(cls, rows: list[Array]) -> Streams:
        """From one array per stream."""
        lengths = np.asarray([len(r) for r in rows], dtype=np.int64)
        return cls(np.concatenate(rows) if rows else np.empty(0), np.concatenate([[0], np.cumsum(lengths)]))

    @property
    def lengths(self) -> Indices:
        """Items per stream."""
        return np.diff(self.offsets)

    def part(self, first: int, last: int) -> Streams:
        """Streams `first` to `last`, without the last."""
        begin, end = self.offsets[first], self.offsets[last]
        return Streams(self.values[begin:end], self.offsets[first : last + 1] - begin)

    def select(self, members: Indices) -> Streams:
        """Some of the streams."""
        return Streams.of([self.values[self.offsets[i] : self.offsets[i + 1]] for i in members.tolist()])

    def chunks(self) -> list[tuple[int, int]]:
        """Ranges of streams with a bounded number of items together."""
        marks = self.offsets[:-1] // CHUNK_ITEMS
        bounds = [*np.flatnonzero(np.diff(marks, prepend=-1)).tolist(), len(marks)]
        return list(itertools.pairwise(bounds))


def split_on_grid(values: Array) -> tuple[Indices, Array]:
    """Index of the grid value below each difference, and the share of it that goes to the one above."""
    place = np.clip((values + 1.0) * STEPS, 0.0, 2.0 * STEPS)
    # Sums of decimals miss a grid value by a rounding error.
    place = np.where(np.abs(place - np.rint(place)) < 1e-9, np.rint(place), place)
    below = np.minimum(place.astype(np.int64), 2 * STEPS - 1)
    return below, place - below


def histograms(values: Array, rows: Indices, count: int) -> Array:
    """How often each grid value came, per row: `count` rows by len(VALUES); a value belongs to `rows[i]`."""
    below, above_share = split_on_grid(values)
    cells = rows * len(VALUES) + below
    size = count * len(VALUES)
    counted: Array = np.bincount(cells, 1.0 - above_share, size).astype(np.float64)
    if above_share.any():
        counted += np.bincount(cells + 1, above_share, size)
    return counted.reshape(count, len(VALUES))


@lru_cache(maxsize=256)
def log_weights(margin: float, likely_variance: float = LIKELY_VARIANCE) -> Array:
    """Logarithms of the gamblers' shares of the capital, most where an equal candidate is approved fastest.

    The best stake is about distance / variance (Kelly); an equal candidate is `margin` away from the null.
    """
    likely = np.log(margin / likely_variance)
    bell = np.exp(-0.5 * ((np.log(STAKES) - likely) / PRIOR_SPREAD) ** 2)
    shares = (1.0 - UNIFORM_SHARE) * bell / bell.sum() + UNIFORM_SHARE / len(STAKES)
    return np.asarray(np.log(shares))


def log_factors(mean: float) -> Array:
    """What one item of each grid value adds to each gambler's log capital against `mean`: values by stakes."""
    stakes = np.minimum(STAKES, BOLDEST / (1.0 + mean)) if mean > -1.0 else STAKES
    return np.asarray(np.log1p(np.outer(VALUES - mean, stakes)))


def log_capital(counts: Array, mean: float, weights: Array) -> Array:
    """Log capital of the mixture against "the mean is at most `mean`", one per histogram."""
    return _mix(counts @ log_factors(mean) + weights)


def path_peak(streams: Streams, margin: float, likely_variance: float = LIKELY_VARIANCE) -> Array:
    """The largest log capital of each stream so far against "worse by the margin or more"; never below 0."""
    lengths = streams.lengths
    looks = -(-lengths // ITEMS_PER_LOOK)
    first_look = np.concatenate([[0], np.cumsum(looks)])
    stream_of = np.repeat(np.arange(len(lengths)), lengths)
    position = np.arange(len(streams.values)) - streams.offsets[stream_of]
    counts = histograms(streams.values, first_look[stream_of] + position // ITEMS_PER_LOOK, first_look[-1])
    # Sums since the stream began: sums since the chunk began minus those before the stream.
    total = np.concatenate([np.zeros((1, len(VALUES))), np.cumsum(counts, axis=0)])
    since = total[1:] - np.repeat(total[first_look[:-1]], looks, axis=0)
    capital = log_capital(since, -margin, log_weights(margin, likely_variance))
    peaks = np.zeros(len(lengths))
    np.maximum.at(peaks, np.repeat(np.arange(len(lengths)), looks), capital)
    return peaks


def lower_bounds(counts: Array, weights: Array, thresholds: Array) -> Array:
    """The largest mean per histogram that its log capital rejects at its threshold; -1 where none is rejected.

    `weights`: of each histogram's gamblers, one row each. Nested nulls: whatever is rejected bounds the mean.
    """
    low = np.zeros(len(counts), dtype=np.int64)
    high = np.full(len(counts), 2 * BOUND_STEPS, dtype=np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        rejected = _rejected(counts, weights, thresholds, middle)
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return low / BOUND_STEPS - 1.0


def _rejected(counts: Array, weights: Array, thresholds: Array, places: Indices) -> npt.NDArray[np.bool_]:
    # Streams that ask about the same mean share one matrix product.
    order = np.argsort(places, kind="stable")
    found, begins = np.unique(places[order], return_index=True)
    rejected = np.zeros(len(counts), dtype=np.bool_)
    for place, members in zip(found.tolist(), np.split(order, begins[1:]), strict=True):
        gained = counts[members] @ _grid_factors(place) + weights[members]
        rejected[members] = _mix(gained) >= thresholds[members]
    return rejected


@lru_cache(maxsize=2 * BOUND_STEPS)
def _grid_factors(place: int) -> Array:
    return log_factors(place / BOUND_STEPS - 1.0)


def _mix(logs: Array) -> Array:
    peak = logs.max(axis=-1, keepdims=True)
    return np.asarray(peak[..., 0] + np.log(np.exp(logs - peak).sum(axis=-1)))


def dependence(streams: Streams) -> Array:
    """How much larger the variance of each stream's mean is than that of independent items; at least 1.

    The sum of the autocorrelations (Bartlett's window), 1 where it does not exceed its own sampling error. Dividing
    log capital by it can only lower it, so that what is proven stays proven for the stated null; and where a mean
    drifts up and down in time, which that null does not cover, the error stays near its nominal value.
    """
    lengths = streams.lengths
    stream_of = np.repeat(np.arange(len(lengths)), lengths)
    mean = np.bincount(stream_of, streams.values, len(lengths)) / np.maximum(lengths, 1)
    centred = streams.values - mean[stream_of]
    variance = np.bincount(stream_of, centred**2, len(lengths))
    window = np.minimum((LAGS * np.cbrt(lengths)).astype(np.int64), np.maximum(lengths - 1, 0))
    ratio = np.ones(len(lengths))
    for lag in range(1, int(window.max(initial=0)) + 1):
        near = stream_of[lag:] == stream_of[:-lag]
        products = np.where(near, centred[lag:] * centred[:-lag], 0.0)
        covariance = np.bincount(stream_of[lag:], products, len(lengths))
        share = np.clip(1.0 - lag / (window + 1.0), 0.0, None)
        ratio += 2.0 * share * covariance / np.where(variance > 0.0, variance, 1.0)
    error = np.sqrt(4.0 * window / (3.0 * np.maximum(lengths, 1)))
    return np.where(ratio > 1.0 + error, 1.0 + DEPENDENCE_EXCESS * (ratio - 1.0), 1.0)
