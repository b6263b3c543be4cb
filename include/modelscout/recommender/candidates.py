"""What was tried on the same items, as candidates of a decision: the nightly publish and the backtest alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelscout.recommender.case import Candidate, Interval, ModelEstimate
from modelscout.recommender.evidence import Evidence
from modelscout.recommender.moments import PairSums, shrink

PRIOR_WEIGHT = 20.0
"""Items that the estimate from everything else counts for beside the organization's own."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One model and what came out beside the model in use. Costs are USD per item, None where unknown."""

    model_id: str
    provider: str
    model: str
    evidence: Evidence
    scores: PairSums
    costs: PairSums
    cost_per_item_usd: float | None
    expected_quality: float
    """Mean score that everything else lets expect, 0 to 1."""
    median_ms: float | None = None
    reference_median_ms: float | None = None
    callable: bool = True
    last_sequence: int | None = None
    simulated: bool = False
    against_reference: Evidence | None = None
    estimate: ModelEstimate | None = None
    """What the recommender expects of it, the scores here included; without one `expected_quality` is weighed in."""
    cost_ratio: Interval | None = None
    """Where costs are not of the same items: its cost divided by that of the model in use."""
    latency_ratio: Interval | None = None
    """Geometric mean of its response times divided by those of the model in use."""


def candidates(tried: Sequence[Tried]) -> tuple[Candidate, ...]:
    """The candidates of one feature, their quality changes shrunken together."""
    changes = quality_changes([t.scores for t in tried])
    return tuple(_candidate(t, change) for t, change in zip(tried, changes, strict=True))


def quality_changes(scores: Sequence[PairSums]) -> list[Interval | None]:
    """Shrunken differences of mean scores of the candidates of one feature; None where there are no two items."""
    known = [i for i, s in enumerate(scores) if s.n > 1]
    found: list[Interval | None] = [None] * len(scores)
    if known:
        pairs = [(scores[i].difference(), scores[i].n) for i in known]
        effects = np.asarray([mean for (mean, _), _ in pairs])
        # One item more of the widest kind: no difference seen is not no difference possible.
        variances = np.asarray([(variance * n + 1.0) / (n + 1.0) / n for (_, variance), n in pairs])
        # Less than any of the variances, so that something is left to each candidate.
        shared = min(
            float(np.mean([scores[i].shared_variance() / scores[i].n for i in known])), 0.9 * variances.min()
        )
        for i, change in zip(known, shrink(effects, variances, shared), strict=True):
            found[i] = change
    return found


def _candidate(tried: Tried, change: Interval | None) -> Candidate:
    _, spread = tried.scores.difference()
    n = tried.scores.n
    return Candidate(
        model_id=tried.model_id,
        provider=tried.provider,
        model=tried.model,
        evidence=tried.evidence,
        spread=spread if n > 1 else 1.0,
        quality=tried.estimate.quality.estimate if tried.estimate else _weighed(tried),
        cost_ratio=tried.cost_ratio or tried.costs.ratio(),
        cost_per_item_usd=tried.cost_per_item_usd,
        median_ms=tried.median_ms,
        reference_median_ms=tried.reference_median_ms,
        callable=tried.callable,
        last_sequence=tried.last_sequence,
        simulated=tried.simulated,
        against_reference=tried.against_reference,
        quality_change=change,
        estimate=tried.estimate,
        latency_ratio=tried.latency_ratio,
    )


def _weighed(tried: Tried) -> float:
    n = tried.scores.n
    return (tried.expected_quality * PRIOR_WEIGHT + tried.scores.candidate) / (PRIOR_WEIGHT + n)
