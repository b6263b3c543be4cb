"""Simulated nights: five candidates at the margin or worse, thirty looks, and how often each rule approves one.

The recommender's rule is the code of the nightly publish: `weigh_many` with what earlier nights stored, then
`decide`. Beside it stand a point rule and a fixed test repeated nightly, as others decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter
from scipy.stats import norm

from modelscout.core.types import Verdict
from modelscout.recommender import betting
from modelscout.recommender.betting import Streams
from modelscout.recommender.candidates import Tried, candidates
from modelscout.recommender.case import FeatureCase
from modelscout.recommender.decide import decide
from modelscout.recommender.evidence import weigh_many
from modelscout.recommender.moments import PairSums
from modelscout.recommender.spending import error_share

Array = npt.NDArray[np.float64]
NIGHTS = 30
MARGIN = 0.03
DISCORDANT = 0.12
REFERENCE_QUALITY = 0.9
TRIALS = 5
CORRELATION = 0.5
"""Of an item's latent difference with that of the item before, in the dependent scenario."""
SLACK = 3.0
"""More log capital than a few items between two looks of `path_peak` can add."""


class Approvals(NamedTuple):
    """Shares of runs in which a rule approved at least one candidate in thirty nights."""

    ours: float
    point_rule: float
    nightly_test: float


Scenario = Callable[[np.random.Generator, int, int, int, float], Array]
"""(rng, runs, candidates, items, effect) -> differences: runs by candidates by items, each in [-1, 1]."""


def _ternary(uniform: Array, effect: Array | float) -> Array:
    """Differences of binary outcomes with this mean: 12 % of the pairs disagree, more where the effect is larger."""
    discordant = np.maximum(DISCORDANT, np.abs(effect))
    worse, better = (discordant - effect) / 2, (discordant + effect) / 2
    return np.asarray((uniform > 1 - better).astype(np.float64) - (uniform < worse))


def independent(rng: np.random.Generator, runs: int, count: int, items: int, effect: float) -> Array:
    """Items that have nothing to do with each other; candidates share the reference's luck."""
    reference = rng.random((runs, 1, items)) < REFERENCE_QUALITY
    own = rng.random((runs, count, items))
    worse, better = (DISCORDANT - effect) / 2, (DISCORDANT + effect) / 2
    loses = reference & (own < worse / REFERENCE_QUALITY)
    gains = ~reference & (own < better / (1 - REFERENCE_QUALITY))
    return gains.astype(np.float64) - loses


def repeated(rng: np.random.Generator, runs: int, count: int, items: int, effect: float) -> Array:
    """Each item is asked five times and answered mostly alike; one bet per item, with the mean of its trials."""
    kind = _ternary(rng.random((runs, count, items)), effect)
    # A trial goes like its item four times in five, else like any other item.
    other = _ternary(rng.random((TRIALS, runs, count, items)), effect)
    alike = rng.random((TRIALS, runs, count, items)) < 0.8
    return np.asarray(np.where(alike, kind, other).mean(axis=0))


def dependent(rng: np.random.Generator, runs: int, count: int, items: int, effect: float) -> Array:
    """An item goes like the one before: AR(1) underneath. Only the long-run mean is the effect, not every mean."""
    noise = rng.normal(size=(runs, count, items)) * math.sqrt(1 - CORRELATION**2)
    noise[..., 0] /= math.sqrt(1 - CORRELATION**2)
    return _ternary(norm.cdf(lfilter([1.0], [1.0, -CORRELATION], noise, axis=-1)), effect)


def dependent_difficulty(rng: np.random.Generator, runs: int, count: int, items: int, effect: float) -> Array:
    """Hard stretches, in which many pairs disagree, and easy ones; every item's mean is the effect."""
    noise = rng.normal(size=(runs, 1, items)) * math.sqrt(1 - 0.95**2)
    hard = norm.cdf(lfilter([1.0], [1.0, -0.95], noise, axis=-1))
    discordant = abs(effect) + 2 * (DISCORDANT - abs(effect)) * hard
    uniform = rng.random((runs, count, items))
    return (uniform > 1 - (discordant + effect) / 2).astype(np.float64) - (
        uniform < (discordant - effect) / 2
    )


def wandering(rng: np.random.Generator, runs: int, count: int, items: int, effect: float) -> Array:
    """A mean that walks about below the effect and comes back to it."""
    walk = np.abs(np.cumsum(rng.normal(scale=0.3 / math.sqrt(items), size=(runs, count, items)), axis=-1))
    return _ternary(rng.random((runs, count, items)), effect - np.minimum(walk, 0.5))


SCENARIOS: dict[str, Scenario] = {
    "independent items": independent,
    "repeated items": repeated,
    "items that depend on each other": dependent,
    "hard and easy stretches": dependent_difficulty,
    "a mean that wanders below": wandering,
}


def simulate(
    scenario: Scenario, *, items: int, effect: float, runs: int, seed: int, count: int = 5
) -> Approvals:
    """How often each rule approves at least one of `count` candidates with this effect, within thirty nights."""
    rng = np.random.default_rng([seed, items])
    # A bounded number of differences at a time.
    batch = max(1, min(runs, 3_000_000 // (items * count)))
    found = np.zeros((0, 3), dtype=np.bool_)
    while len(found) < runs:
        differences = scenario(rng, min(batch, runs - len(found)), count, items, effect)
        rules = [recommends_switch(differences), point_rule(differences), nightly_test(differences)]
        found = np.concatenate([found, np.stack(rules, axis=1)])
    return Approvals(*found.mean(axis=0).tolist())


def night_ends(items: int) -> list[int]:
    """How many items are known after each night; nights without a new item bring no new look."""
    return sorted({items * night // NIGHTS for night in range(1, NIGHTS + 1)} - {0})


def recommends_switch(differences: Array) -> npt.NDArray[np.bool_]:
    """Whether the recommender's verdict after the last night is `switch`, per run."""
    runs, count, items = differences.shape
    alpha = error_share(1, count)
    rows = differences.reshape(runs * count, items)
    # What never comes near approval needs no thirty nights; the others are the same in both.
    peaks = betting.path_peak(Streams.of(list(rows)), MARGIN)
    near = (peaks >= -math.log(alpha) - SLACK).reshape(runs, count).any(axis=1)
    switched = np.zeros(runs, dtype=np.bool_)
    if near.any():
        switched[near] = _nightly(differences[near], alpha)
    return switched


def _nightly(differences: Array, alpha: float) -> npt.NDArray[np.bool_]:
    runs, count, items = differences.shape
    rows = differences.reshape(runs * count, items)
    stored, evidence = [0.0] * len(rows), []
    for known in night_ends(items):
        evidence = weigh_many(
            Streams.of([row[:known] for row in rows]),
            margins=[MARGIN] * len(rows),
            alphas=[alpha] * len(rows),
            earlier_log_e_values=stored,
        )
        stored = [e.log_e_value for e in evidence]
    verdicts = []
    for run in range(runs):
        tried = [
            Tried(
                model_id=str(i),
                provider="simulated",
                model=str(i),
                evidence=evidence[run * count + i],
                scores=_sums(rows[run * count + i]),
                costs=PairSums(items, 1.0 * items, 2.0 * items, 1.0 * items, 4.0 * items, 2.0 * items),
                cost_per_item_usd=1.0,
                expected_quality=0.9,
            )
            for i in range(count)
        ]
        verdicts.append(decide(_case(tried), today=date(2026, 11, 25), horizon_days=30).verdict)
    return np.asarray([v is Verdict.SWITCH for v in verdicts], dtype=np.bool_)


def _sums(differences: Array) -> PairSums:
    squares = float((differences**2).sum())
    return PairSums(len(differences), float(differences.sum()), 0.0, squares, 0.0, 0.0)


def _case(tried: list[Tried]) -> FeatureCase:
    return FeatureCase(
        organization_id="o",
        organization="o",
        feature_id="f",
        objective="cost",
        margin=MARGIN,
        switching_cost_usd=Decimal(0),
        current_model_id="incumbent",
        current_model="incumbent",
        current_status="active",
        retires_on=None,
        catalog_successor=None,
        successor_model_id=None,
        requests_per_month=Decimal(1000),
        cost_per_request_usd=Decimal("0.01"),
        exposure_usd_per_day=None,
        current_quality=None,
        current_mean_ms=None,
        samples=1000,
        data_window=None,
        unpriced_requests=0,
        candidates=candidates(tried),
    )


def point_rule(differences: Array) -> npt.NDArray[np.bool_]:
    """Approve whatever measures within the margin on at least ten items, on any night."""
    approved = np.zeros(len(differences), dtype=np.bool_)
    total = np.cumsum(differences, axis=-1)
    for known in night_ends(differences.shape[-1]):
        if known >= 10:
            approved |= (total[..., known - 1] / known >= -MARGIN).any(axis=1)
    return approved


def nightly_test(differences: Array) -> npt.NDArray[np.bool_]:
    """Approve whatever a paired one-sided test at 5 % approves on at least thirty items, on any night."""
    approved = np.zeros(len(differences), dtype=np.bool_)
    total, squares = np.cumsum(differences, axis=-1), np.cumsum(differences**2, axis=-1)
    for known in night_ends(differences.shape[-1]):
        if known < 30:
            continue
        mean = total[..., known - 1] / known
        error = np.sqrt(np.maximum(squares[..., known - 1] / known - mean**2, 1e-12) / known)
        approved |= ((mean + MARGIN) / error > norm.ppf(0.95)).any(axis=1)
    return approved
