"""Has a stream of daily figures shifted? A test that holds at every look; pure arithmetic on arrays.

The unit is the day, not the request: days differ more than their requests alone explain, and a test that takes
requests for independent calls that drift. The figures of a stream's points (days, or runs of days with enough
requests) are modelled as

    y = a + b * weekend + c * size + shift * (point >= j) + noise,   Var(noise) = phi * v

with the relative variances v known (fewer requests, more noise; more requests than usual earn no credit) and a, b,
c, phi and j unknown. A point's noise may resemble that of the point before: noise / sqrt(v) is an autoregression
of first order with an unknown autocorrelation rho. With y and the columns whitened by rho, and under the right Haar
prior on (a, b, c, phi), the likelihood of "no shift" and, for each point j at which the shift may begin, the Bayes
factor of shift ~ N(0, phi * g) against it are

    L_rho    = (1 - rho^2)^(-(n - 1) / 2) * det(X'X)^(-1/2) * R^(-nu / 2)
    BF_rho,j = (1 + g S)^(-1/2) * (1 - g / (1 + g S) * B^2 / R)^(-nu / 2)

n counts the points, X are the columns, S and B the residual sum of squares of the step and its product with y after
the columns, R the residual sum of squares without the step, nu its degrees of freedom. For normal noise BF_rho,j is
an e-process if rho is true: its expectation under "no shift" is at most 1 at every stopping time, whatever a, b, c
and phi are (Lindon, Ham, Tingley and Bojinov, "Anytime-Valid Linear Models and Regression Adjusted Causal Inference
in Randomized Experiments", 2022; Perez-Ortiz, Lardy, de Heide and Grunwald, "E-statistics, group invariance and
anytime-valid testing", 2024). rho is not known, so the likelihood of a shift, mixed over rho and j, is divided by
that of no shift under the rho that suits it best:

    e = sum over rho, j of prior(rho) * prior(j) * L_rho * BF_rho,j / max over rho of weight(rho) * L_rho

For each rho this is at most the ratio to its own L_rho, over weight(rho) (universal inference: Wasserman, Ramdas and
Balakrishnan, 2020). The weight is 1 without autocorrelation: e is then an e-process, and the chance that it ever
reaches 1/alpha is at most alpha (Ville; the Shiryaev-Roberts form of Shin, Ramdas and Rinaldo, "E-detectors", 2023,
with a proper prior on j). With autocorrelation the bound is alpha / AUTOCORRELATED_WEIGHT, far above what simulated
streams reach (docs/drift.md); a weight of 1 would hold alpha for all and see changes days later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelscout.analytics.drift_regression import Array, Projection, clip, make_columns, project

REFERENCE_POINTS = 28
"""Points that the others are compared with; no shift is looked for inside them."""
WATCHED_POINTS = 91
"""Points at which a shift may begin: their prior is uniform. Then the reference is renewed."""
MINIMUM_REQUESTS = 50
"""A point holds at least so many requests: with fewer, shares are too coarse for normal noise."""
SHIFT_SCALES = (1.0, 4.0)
"""Standard deviations of g: timid and bold, half of the weight each."""

AUTOCORRELATIONS = (0.0, 0.15, 0.3, 0.45, 0.6)
"""Of the noise of neighbouring points, that a stable stream may have; independence is the first."""
PRIOR = (0.98, 0.005, 0.005, 0.005, 0.005)
"""Of the autocorrelations, where there is a shift."""
AUTOCORRELATED_WEIGHT = 0.15
"""Of the likelihood of autocorrelated noise without a shift: the bound of the error is 1 / weight as high with it."""


@dataclass(frozen=True, slots=True)
class Points:
    """Figures of S streams at up to P points, aligned left; what is not there is 0 and not in `filled`."""

    requests: Array
    total: Array
    """Sum over the point's requests of what is watched."""
    weekend: Array
    """Share of requests on Saturdays and Sundays."""
    size: Array
    """Mean of log2(1 + input tokens per answer)."""
    first_day: npt.NDArray[np.int64]
    """Column of the days that the point begins with."""
    filled: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shift:
    """What the test says of S streams, on the scale of y."""

    log_e: Array
    """Logarithm of the e-value against "nothing has changed"; 0 while the reference is being collected."""
    point: npt.NDArray[np.int64]
    """Where the likeliest shift begins."""
    effect: Array
    half_width: Array
    """Half of the interval of a shift that begins there, at all looks together; infinite where unknown."""


def gather_points(requests: Array, total: Array, weekend: Array, size: Array) -> Points:
    """Runs of days with MINIMUM_REQUESTS at least. All are S x D, in the order of days; what is unsettled is NaN.

    The last run waits until it is full. A loop over days, never over streams.
    """
    streams, days = requests.shape
    sums = np.zeros((4, streams, days + 1))
    first = np.zeros((streams, days + 1), dtype=np.int64)
    at = np.zeros(streams, dtype=np.int64)
    rows = np.arange(streams)
    open_ = np.ones(streams, dtype=np.bool_)
    for day in range(days):
        # What comes after an unsettled day waits: points keep their order for good.
        open_ &= ~(np.isnan(requests[:, day]) | np.isnan(total[:, day]))
        n = np.where(open_, requests[:, day], 0.0)
        starts = (sums[0, rows, at] == 0) & (n > 0)
        first[rows[starts], at[starts]] = day
        sums[0, rows, at] += n
        sums[1, rows, at] += np.where(n > 0, total[:, day], 0.0)
        sums[2, rows, at] += n * weekend[:, day]
        sums[3, rows, at] += n * size[:, day]
        at += sums[0, rows, at] >= MINIMUM_REQUESTS
    width = max(int(at.max(initial=0)), 1)
    filled = np.arange(width) < at[:, None]
    held = np.where(filled, sums[0, :, :width], 0.0)
    per = np.where(filled, held, 1.0)
    return Points(
        requests=held,
        total=np.where(filled, sums[1, :, :width], 0.0),
        weekend=np.where(filled, sums[2, :, :width] / per, 0.0),
        size=np.where(filled, sums[3, :, :width] / per, 0.0),
        first_day=first[:, :width],
        filled=filled,
    )


def weigh_shift(points: Points, y: Array, unit_variance: Array, *, alpha: float) -> Shift:
    """Evidence that `y` (S x P) has shifted after the reference.

    `unit_variance` (S): the least variance that one request's contribution can have on the scale of y; more noise
    than that is learned, less is not believed. `alpha`: error of the intervals.
    """
    filled = points.filled & (points.filled.sum(axis=1) > REFERENCE_POINTS)[:, None]
    reference = filled & (np.arange(filled.shape[1]) < REFERENCE_POINTS)
    usual = np.maximum(
        np.median(np.where(reference, points.requests, 0.0)[:, :REFERENCE_POINTS], axis=1), 1.0
    )
    weight = np.where(filled, np.minimum(points.requests, usual[:, None]), 0.0) / unit_variance[:, None]
    columns = make_columns(points.weekend, points.size, filled, reference, weight)
    g = unit_variance / usual
    clipped = clip(y, weight, columns, reference)
    tried = np.repeat(np.asarray(AUTOCORRELATIONS)[:, None], len(y), axis=1)
    log_factor, likeliest = _mix([project(clipped, weight, columns, filled, rho) for rho in tried], filled, g)
    not_yet = np.log(np.maximum(WATCHED_POINTS - np.isfinite(log_factor).sum(axis=1), 1e-300))
    log_e = np.logaddexp(_log_sum(log_factor), not_yet) - np.log(WATCHED_POINTS)
    point = log_factor.argmax(axis=1)
    # How large the shift is, every point as it is.
    rho = tried[likeliest[np.arange(len(point)), point], 0]
    effect, half_width = _estimate(
        project(y, weight, columns, filled, rho), point, SHIFT_SCALES[-1] ** 2 * g, alpha
    )
    return Shift(log_e, point, effect, half_width)


def _mix(
    projections: Sequence[Projection], filled: npt.NDArray[np.bool_], g: Array
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Of a shift that begins at each point (S x P): the logarithm of its e-value, -inf where none is looked for,
    and the number of the autocorrelation that suits it best."""
    unshifted = np.stack([p.log_likelihood for p in projections])
    shifted = np.stack(
        [
            np.log(prior) + p.log_likelihood[:, None] + _log_factors(p, filled, g)
            for prior, p in zip(PRIOR, projections, strict=True)
        ]
    )
    unshifted[1:] += np.log(AUTOCORRELATED_WEIGHT)
    return np.logaddexp.reduce(shifted, axis=0) - unshifted.max(axis=0)[:, None], shifted.argmax(axis=0)


def _log_factors(p: Projection, filled: npt.NDArray[np.bool_], g: Array) -> Array:
    """S x P: logarithms of the Bayes factors of a shift that begins there; -inf where none is looked for."""
    factors = [
        _log_factor(p.steps, p.along, p.rss[:, None], p.freedom[:, None], scale**2 * g[:, None])
        for scale in SHIFT_SCALES
    ]
    position = np.arange(filled.shape[1])
    watched = (position >= REFERENCE_POINTS) & (position < REFERENCE_POINTS + WATCHED_POINTS)
    return np.where(filled & watched, np.logaddexp(*factors) - np.log(2.0), -np.inf)


def _estimate(p: Projection, point: npt.NDArray[np.int64], g: Array, alpha: float) -> tuple[Array, Array]:
    """The shift that begins at `point`, and half of its interval."""
    at = (np.arange(len(point)), point)
    step = np.where(p.steps[at] > 0, p.steps[at], np.nan)
    return p.along[at] / step, _half_width(step, p.along[at], p.rss, p.freedom, g, alpha)


def _log_factor(step: Array, along: Array, rss: Array, freedom: Array, g: Array) -> Array:
    explained = g / (1.0 + g * step) * along**2 / rss
    return -0.5 * np.log1p(g * step) - 0.5 * freedom * np.log1p(-np.minimum(explained, 1.0 - 1e-12))


def _log_sum(values: Array) -> Array:
    peak = values.max(axis=1, initial=-np.inf)
    safe = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(safe + np.log(np.exp(values - safe[:, None]).sum(axis=1)))


def _half_width(step: Array, along: Array, rss: Array, freedom: Array, g: Array, alpha: float) -> Array:
    """The shifts that the Bayes factor does not reject at 1/alpha, solved for the distance from the estimate."""
    kept = np.exp(2.0 / freedom * (np.log(alpha) - 0.5 * np.log1p(g * step)))
    share = (1.0 - kept) * (1.0 + g * step) / (g * step)
    left = np.maximum(rss - along**2 / step, freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = np.where(share < 1.0, left / step * share / (1.0 - share), np.inf)
    return np.asarray(np.sqrt(np.where(np.isnan(squared), np.inf, squared)))


def select_by_e_bh(log_e: Array, group: npt.NDArray[np.int64], alpha: float) -> npt.NDArray[np.bool_]:
    """Which hypotheses the e-BH procedure rejects at `alpha`, within each group by itself.

    Of a group's N e-values the k largest, for the largest k whose k-th is at least N / (k alpha). The false
    discovery rate is at most alpha whatever the dependence (Wang and Ramdas, "False discovery rate control with
    e-values", 2022), also at a stopping time (Wang, Dandapanthula and Ramdas, 2025). N >= k, so that nothing below
    1/alpha is ever selected: the error of a single stream is bounded as well.
    """
    order = np.lexsort((-log_e, group))
    groups, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.arange(1, len(order) + 1) - np.repeat(starts, sizes)
    passes = log_e[order] >= np.log(np.repeat(sizes, sizes) / (rank * alpha))
    last = np.zeros(len(groups), dtype=np.int64)
    np.maximum.at(last, np.repeat(np.arange(len(groups)), sizes), np.where(passes, rank, 0))
    selected = np.zeros(len(log_e), dtype=np.bool_)
    selected[order] = rank <= np.repeat(last, sizes)
    return selected
