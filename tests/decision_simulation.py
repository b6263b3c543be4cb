"""Simulated features whose next month is known: what the published figures promise against what comes.

Each has a model in use and four candidates on the same items, with true qualities and costs drawn at random, thirty
days of demand with weekends, and a next month. The verdicts are those of the nightly code.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from modelscout.core.types import Verdict
from modelscout.recommender.betting import Streams
from modelscout.recommender.candidates import Tried, candidates
from modelscout.recommender.case import DAYS_PER_MONTH, Candidate, Decision, FeatureCase, Interval
from modelscout.recommender.decide import decide
from modelscout.recommender.evidence import Evidence, weigh_many
from modelscout.recommender.moments import Array, PairSums
from modelscout.recommender.spending import error_share
from simulation import _case

CANDIDATES, MARGIN, DAYS = 4, 0.05, 30
CHANGES = (Verdict.SWITCH, Verdict.TRIAL)


class Published(NamedTuple):
    """One recommended change, and what it would really have brought."""

    verdict: Verdict
    score: int
    saving: Interval
    """USD per month, as published."""
    saved: float
    """USD of the next month."""
    quality_change: Interval
    true_change: float
    benefit: float
    """Share of the spend that was saved; nothing where the true quality is worse by more than the margin."""


class _Feature(NamedTuple):
    scores: Array
    """Models by items, the model in use first; costs alike, USD."""
    costs: Array
    quality: Array
    """True means of the models; usd alike."""
    usd: Array
    past: Array
    """Requests of each day; of the next month alike."""
    ahead: Array


def simulate_decisions(features: int, *, seed: int) -> list[Published]:
    """Decide each feature; the rows that recommend a change."""
    rng = np.random.default_rng(seed)
    made = [_feature(rng) for _ in range(features)]
    differences = [row - f.scores[0] for f in made for row in f.scores[1:]]
    evidence = weigh_many(
        Streams.of(differences),
        margins=[MARGIN] * len(differences),
        alphas=[error_share(1, CANDIDATES)] * len(differences),
    )
    found = []
    for i, feature in enumerate(made):
        case = _decided_case(feature, evidence[i * CANDIDATES : (i + 1) * CANDIDATES])
        decision = decide(case, today=_TODAY, horizon_days=30)
        if decision.verdict in CHANGES and decision.saving is not None:
            found.append(_published(feature, case, decision))
    return found


def _feature(rng: np.random.Generator) -> _Feature:
    items = int(rng.choice([60, 160, 400, 1000]))
    quality = np.clip(rng.uniform(0.7, 0.95) + rng.normal(-0.02, 0.05, size=CANDIDATES + 1), 0.02, 0.98)
    # Models find the same items hard: a score is right where the item's difficulty is below the model's quality.
    alike = rng.random((CANDIDATES + 1, items)) < 0.7
    difficulty = np.where(alike, rng.random(items), rng.random((CANDIDATES + 1, items)))
    scores = (difficulty < quality[:, None]).astype(np.float64)
    length, own = rng.uniform(0.3, 1.0), rng.uniform(0.1, 0.5)
    price = np.log(0.01) + np.append(0.0, rng.normal(-0.4, 0.6, size=CANDIDATES))
    size = length * rng.normal(size=items)
    costs = np.exp(price[:, None] + size + own * rng.normal(size=(CANDIDATES + 1, items)))
    days = _demand(rng)
    usd = np.exp(price + (length**2 + own**2) / 2)
    return _Feature(scores, costs, quality, usd, days[:DAYS], days[DAYS:])


def _demand(rng: np.random.Generator) -> Array:
    day = np.arange(2 * DAYS) + rng.integers(7)
    level = np.exp(rng.normal(6.0, 1.0)) * np.where(day % 7 < 5, 1.0, 1.0 - rng.uniform(0.0, 0.5))
    spread = rng.uniform(0.02, 0.3)
    return rng.poisson(level * rng.gamma(spread**-2, spread**2, size=len(day))).astype(np.float64)


def _decided_case(feature: _Feature, evidence: list[Evidence]) -> FeatureCase:
    tried = [
        Tried(
            model_id=str(i),
            provider="simulated",
            model=str(i),
            evidence=proof,
            scores=_sums(feature.scores[i], feature.scores[0]),
            costs=_sums(feature.costs[i], feature.costs[0]),
            cost_per_item_usd=float(feature.costs[i].mean()),
            expected_quality=0.8,
        )
        for i, proof in enumerate(evidence, 1)
    ]
    past = feature.past
    return replace(
        _case([]),
        margin=MARGIN,
        requests_per_month=Decimal(str(past.mean())) * DAYS_PER_MONTH,
        cost_per_request_usd=Decimal(str(feature.usd[0])),
        # As in sql/queries/recommender_features.sql.
        demand_relative_error=_demand_error(past),
        candidates=candidates(tried),
    )


def _demand_error(past: Array) -> float:
    """As sql/queries/recommender_features.sql has it of four weeks and more."""
    within = sum(float(((past[d::7] - past[d::7].mean()) ** 2).sum()) for d in range(7))
    between = float(((past - past.mean()) ** 2).sum()) - within
    days = np.asarray([1 / DAYS, 1 / float(DAYS_PER_MONTH)])
    variance = within / (DAYS - 9) * days.sum() + between / DAYS * 3 * (days**2).sum()
    return float(np.sqrt(variance) / past.mean())


def _published(feature: _Feature, case: FeatureCase, decision: Decision) -> Published:
    chosen = decision.chosen
    assert isinstance(chosen, Candidate)
    assert decision.saving is not None
    assert chosen.quality_change is not None
    i = int(chosen.model_id)
    requests = float(feature.ahead.mean()) * float(DAYS_PER_MONTH)
    change = float(feature.quality[i] - feature.quality[0])
    share = 1.0 - float(feature.usd[i] / feature.usd[0])
    return Published(
        verdict=decision.verdict,
        score=decision.score,
        saving=decision.saving,
        saved=requests * float(feature.usd[0] - feature.usd[i]),
        quality_change=chosen.quality_change,
        true_change=change,
        benefit=share if change >= -MARGIN else 0.0,
    )


def _sums(c: Array, r: Array) -> PairSums:
    return PairSums(
        len(c), *(float(v) for v in (c.sum(), r.sum(), (c * c).sum(), (r * r).sum(), (c * r).sum()))
    )


_TODAY = date(2026, 11, 25)
