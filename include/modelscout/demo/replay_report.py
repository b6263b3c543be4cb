"""What a replay shows: cost, latency, quality with its bound, and failures, of both sides beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelscout.core.types import Verdict
from modelscout.demo.replay import FAILURE_KINDS, Outcome, Pair
from modelscout.demo.scenario import MARGIN, organization
from modelscout.recommender.evidence import weigh

ALPHA = 0.05
WANTED_COST, WANTED_LATENCY, WANTED_FAILURES, WANTED_ADOPTION = 0.20, 0.15, 0.60, 0.90
TRIALS_COUNTED = f"adoption over {WANTED_ADOPTION:.0%}, trials counted"
"""Missed wherever a feature is on trial: nobody should use its candidate before it is proven."""
Weight = Callable[[Pair], float]


@dataclass(frozen=True, slots=True)
class Side:
    """One side's figures over all requests; a median or a mean is over the answered ones."""

    cost_per_1000_usd: float | None
    """Of all requests, answered or not; None where a price is unknown."""
    median_ms: float | None
    p95_ms: float | None
    quality: float | None
    """Mean score of the answers, 0 to 1."""
    failures_per_1000: Mapping[str, float]
    """By kind; what did not fail is left out."""

    @property
    def all_failures_per_1000(self) -> float:
        """Of every kind."""
        return sum(self.failures_per_1000.values())


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides of some items. What is a change is over the items that both answered."""

    name: str
    requests: int
    fixed: Side
    selected: Side
    answered_by_both: int
    saving: float | None
    """Share of the fixed side's cost; below 0: dearer."""
    latency_saving: float | None
    """Share of the fixed side's median latency; below 0: slower."""
    quality_change: float | None
    """Mean of selected minus fixed score."""
    quality_bound: float | None
    """What the change is at least, with error ALPHA at all looks together."""
    not_worse: bool | None
    """Whether "worse by the margin or more" is rejected; None where nothing is paired."""

    @property
    def failures_saving(self) -> float | None:
        """Share of the fixed side's failures that are gone."""
        before = self.fixed.all_failures_per_1000
        return 1 - self.selected.all_failures_per_1000 / before if before else None


@dataclass(frozen=True, slots=True)
class Adoption:
    """Who uses what is recommended, by verdict: (features that do, features whose recommendation names a model)."""

    by_verdict: Mapping[str, tuple[int, int]]

    def share(self, *, without_trials: bool) -> float | None:
        """Of the features with a recommendation that names a model, the one in use included."""
        counted = [n for v, n in self.by_verdict.items() if not (without_trials and v == Verdict.TRIAL)]
        named = sum(n for _, n in counted)
        return sum(n for n, _ in counted) / named if named else None


def compare(name: str, pairs: Sequence[Pair], weight: Weight = lambda _pair: 1.0) -> Comparison:
    """The figures of these items. `weight` says how much each counts; the bound counts all alike."""
    both = [p for p in pairs if p.answered]
    fixed, selected = (
        _side(both, [p.fixed for p in both], weight),
        _side(both, [p.selected for p in both], weight),
    )
    scores = [(p.score(p.fixed) or 0.0, p.score(p.selected) or 0.0) for p in both]
    proof = weigh([s for _, s in scores], [f for f, _ in scores], margin=MARGIN, alpha=ALPHA)
    return Comparison(
        name=name,
        requests=len(pairs),
        fixed=_side(pairs, [p.fixed for p in pairs], weight),
        selected=_side(pairs, [p.selected for p in pairs], weight),
        answered_by_both=len(both),
        saving=_saved(fixed.cost_per_1000_usd, selected.cost_per_1000_usd),
        latency_saving=_saved(fixed.median_ms, selected.median_ms),
        quality_change=_difference(selected.quality, fixed.quality),
        quality_bound=proof.lower_bound if both else None,
        not_worse=proof.proven if both else None,
    )


def comparisons(pairs: Sequence[Pair]) -> list[Comparison]:
    """Per feature, per organization, and in all: as they are, of items never shown, weighted by the demo's traffic."""
    by_feature: dict[tuple[str, str], list[Pair]] = {}
    for pair in pairs:
        used = pair.sample.assignment
        by_feature.setdefault((used.organization, used.feature), []).append(pair)
    slugs = sorted({slug for slug, _ in by_feature})
    found = [compare(f"{slug} {feature}", by_feature[slug, feature]) for slug, feature in sorted(by_feature)]
    found += [compare(slug, [p for p in pairs if p.sample.assignment.organization == slug]) for slug in slugs]
    found.append(compare("all", pairs))
    unseen = [p for p in pairs if p.unseen]
    if unseen:
        found.append(compare("all, never shown", unseen))
    found.append(compare("all, weighted by traffic", pairs, traffic_weight(by_feature)))
    working = [p for p in pairs if p.fixed.failure != "retired"]
    found.append(compare("all but the retired model", working))
    return found


def traffic_weight(by_feature: Mapping[tuple[str, str], Sequence[Pair]]) -> Weight:
    """Each feature counts by its share of the demo's requests, however many items it has here."""

    def weight(pair: Pair) -> float:
        used = pair.sample.assignment
        items = len(by_feature[used.organization, used.feature])
        return organization(used.organization).share * used.share / items

    return weight


def adoption(recommendations: Sequence[Mapping[str, Any]], in_use: Mapping[tuple[str, str], str]) -> Adoption:
    """Who uses what is recommended.

    `recommendations` are those of `list_recommendations`; `in_use` is the model's name by (organization, feature).
    """
    counts: dict[str, tuple[int, int]] = {}
    for row in recommendations:
        if row["recommended_model"] is None:
            continue
        uses, named = counts.get(str(row["verdict"]), (0, 0))
        adopted = in_use.get((row["organization"], row["feature_id"])) == row["recommended_model"]
        counts[str(row["verdict"])] = (uses + adopted, named + 1)
    return Adoption(dict(sorted(counts.items())))


def goals(whole: Comparison, found: Adoption) -> dict[str, bool]:
    """What was wanted, and whether it is met."""
    every, of_advice = found.share(without_trials=False), found.share(without_trials=True)
    return {
        f"cost at least {WANTED_COST:.0%} lower": _reaches(whole.saving, WANTED_COST),
        f"median latency at least {WANTED_LATENCY:.0%} lower": _reaches(whole.latency_saving, WANTED_LATENCY),
        f"quality proven not lower by the margin of {MARGIN:g}": whole.not_worse is True,
        f"failures at least {WANTED_FAILURES:.0%} fewer": _reaches(whole.failures_saving, WANTED_FAILURES),
        f"adoption over {WANTED_ADOPTION:.0%}, of advice to use a model": (of_advice or 0.0)
        > WANTED_ADOPTION,
        TRIALS_COUNTED: (every or 0.0) > WANTED_ADOPTION,
    }


def _reaches(value: float | None, wanted: float) -> bool:
    return value is not None and value >= wanted


def _side(pairs: Sequence[Pair], outcomes: Sequence[Outcome], weight: Weight) -> Side:
    weights = np.asarray([weight(p) for p in pairs], dtype=np.float64)
    total = float(weights.sum()) or 1.0
    costs = [o.cost_usd for o in outcomes]
    cost = None
    if not any(c is None for c in costs):
        cost = 1000 * sum(w * float(c or 0) for w, c in zip(weights.tolist(), costs, strict=True)) / total
    answered = [n for n, o in enumerate(outcomes) if o.text is not None]
    latencies = np.asarray([outcomes[n].latency_ms for n in answered])
    scores = np.asarray([pairs[n].score(outcomes[n]) for n in answered], dtype=np.float64)
    failed: defaultdict[str, float] = defaultdict(float)
    for w, outcome in zip(weights.tolist(), outcomes, strict=True):
        if outcome.failure is not None:
            failed[outcome.failure] += w
    return Side(
        cost_per_1000_usd=cost if len(pairs) else None,
        median_ms=_quantile(latencies, weights[answered], 0.5),
        p95_ms=_quantile(latencies, weights[answered], 0.95),
        quality=float(np.average(scores, weights=weights[answered])) if answered else None,
        failures_per_1000={k: 1000 * failed[k] / total for k in FAILURE_KINDS if failed[k]},
    )


def _quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float | None:
    """The smallest value below or at which that share of the weight lies."""
    if not len(values):
        return None
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) >= share * weights.sum() * (1 - 1e-12)
    return float(values[order][int(np.argmax(reached))])


def _saved(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or before <= 0 else 1 - after / before


def _difference(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference
