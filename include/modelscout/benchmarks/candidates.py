"""Which models are tried on an organization's own work. Pure: what it knows comes in, a choice goes out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage, select_price

CALLABLE_STATUSES = frozenset({"active", "available", "deprecated"})
PRIOR_WEIGHT = 10
"""The catalog's word counts like so many suite cases."""
DEFAULT_HIGH_ACCURACY = 50.0
"""Score of a model that the catalog does not know."""
ACCURACY_TOLERANCE = 0.05
"""A candidate may look so much worse than the model in use: the suites are small, the replay decides."""
ONE_SIDED_Z = 1.281552
"""Normal quantile of 0.9."""
TYPICAL_OUTPUT_TOKENS = 100
"""Of an answer to an item that was served by a model that counts no tokens."""


@dataclass(frozen=True, slots=True)
class SuiteScore:
    """Sum of the scores of `n` cases of one feature's platform suite."""

    total: float = 0.0
    n: int = 0


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model as one organization can use it."""

    model_id: str
    provider: str
    name: str
    """The vendor's id."""
    status: str
    key_works: bool = True
    enabled: bool = True
    retires_on: date | None = None
    successor: str | None = None
    """The vendor's id of the model that replaces it."""
    verified: frozenset[str] = frozenset()
    high_accuracy: float | None = None
    """The catalog's score for the use case, 0 to 100."""
    prices: tuple[PriceRow, ...] = ()
    suite_scores: Mapping[str, SuiteScore] = field(default_factory=dict)
    """By feature."""

    def answers(self, today: date) -> bool:
        """Whether a call can succeed at all."""
        gone = self.retires_on is not None and self.retires_on <= today
        return self.status in CALLABLE_STATUSES and self.key_works and not gone


@dataclass(frozen=True, slots=True)
class ReplayNeed:
    """One feature of one organization, and what an item of its work uses."""

    feature_id: str
    required: frozenset[str]
    usages: tuple[TokenUsage, ...]
    """Of the samples; `usage_of` fills in what a model without tokens did not count."""
    incumbent: ModelFacts | None = None
    """The model in use, also where the key can no longer reach it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to try, with why it was chosen."""

    model_id: str
    is_successor: bool
    accuracy: float
    """Suite accuracy shrunk towards the catalog's score."""
    cost_per_request_usd: Decimal


def choose_candidates(
    need: ReplayNeed,
    models: Sequence[ModelFacts],
    *,
    now: datetime,
    horizon_days: int,
    limit: int,
    any_accuracy: bool = False,
) -> tuple[Candidate, ...]:
    """At most `limit` models to replay beside the incumbent.

    A retiring incumbent's successor comes first. The others come cheapest first, at the samples' own token
    mix, without those that the suites show to be worse than the incumbent by more than 0.05 (with
    `any_accuracy` also these). A few suite cases show little, and to leave out the right model costs more
    than to try a wrong one, so a model stays in while there is a chance of 1 in 10.
    """
    stays_until = now.date() + timedelta(days=horizon_days)
    eligible = {
        (model.provider, model.name): candidate
        for model in models
        if (candidate := _candidate(need, model, now=now, stays_until=stays_until)) is not None
    }
    successor = _successor(need.incumbent, models, eligible, stays_until=stays_until)
    first = [] if successor is None else [replace(successor, is_successor=True)]
    by_id = {model.model_id: model for model in models}
    others = sorted(
        (
            key
            for key, candidate in eligible.items()
            if any_accuracy or may_match(by_id[candidate.model_id], need.incumbent, need.feature_id)
        ),
        key=lambda key: (eligible[key].cost_per_request_usd, key),
    )
    rest = [eligible[key] for key in others if successor is None or eligible[key] != successor]
    return tuple((first + rest)[:limit])


def shrunken_accuracy(model: ModelFacts, feature_id: str) -> float:
    """Mean of a beta distribution: ten cases' worth of the catalog's score, then the suite's cases."""
    prior = (DEFAULT_HIGH_ACCURACY if model.high_accuracy is None else model.high_accuracy) / 100
    score = model.suite_scores.get(feature_id, SuiteScore())
    return (PRIOR_WEIGHT * prior + score.total) / (PRIOR_WEIGHT + score.n)


def may_match(model: ModelFacts, incumbent: ModelFacts | None, feature_id: str) -> bool:
    """Whether the suites leave a chance of 1 in 10 that `model` is at most 0.05 less accurate."""
    if incumbent is None:
        return True
    means = [shrunken_accuracy(facts, feature_id) for facts in (model, incumbent)]
    variances = [
        mean * (1 - mean) / (PRIOR_WEIGHT + facts.suite_scores.get(feature_id, SuiteScore()).n + 1)
        for mean, facts in zip(means, (model, incumbent), strict=True)
    ]
    reach = ONE_SIDED_Z * math.sqrt(sum(variances))
    return means[0] - means[1] + reach >= -ACCURACY_TOLERANCE


def cost_per_request(
    usages: Sequence[TokenUsage], prices: Sequence[PriceRow], *, now: datetime
) -> Decimal | None:
    """Mean cost of the samples at these prices; None where any of them has no known price."""
    costs = [_cost(usage, prices, now) for usage in usages]
    known = [cost for cost in costs if cost is not None]
    if not known or len(known) < len(costs):
        return None
    return sum(known, Decimal(0)) / len(known)


def usage_of(baseline: TokenUsage, *, estimated_input_tokens: int, has_image: bool) -> TokenUsage:
    """What an item uses on any model: a baseline without tokens (billed per operation) gets an estimate."""
    usage = replace(baseline, operations=0, image_count=1 if has_image else baseline.image_count)
    if baseline.input_tokens or baseline.output_tokens:
        return usage
    return replace(usage, input_tokens=estimated_input_tokens, output_tokens=TYPICAL_OUTPUT_TOKENS)


def _candidate(need: ReplayNeed, model: ModelFacts, *, now: datetime, stays_until: date) -> Candidate | None:
    if need.incumbent is not None and model.model_id == need.incumbent.model_id:
        return None
    stays = model.retires_on is None or model.retires_on >= stays_until
    if not (stays and model.answers(now.date()) and model.enabled and need.required <= model.verified):
        return None
    cost = cost_per_request(need.usages, model.prices, now=now)
    if cost is None:
        return None
    accuracy = shrunken_accuracy(model, need.feature_id)
    return Candidate(model.model_id, is_successor=False, accuracy=accuracy, cost_per_request_usd=cost)


def _successor(
    incumbent: ModelFacts | None,
    models: Sequence[ModelFacts],
    eligible: Mapping[tuple[str, str], Candidate],
    *,
    stays_until: date,
) -> Candidate | None:
    """The first eligible model on the chain of successors of an incumbent that goes away."""
    if incumbent is None:
        return None
    leaves = incumbent.retires_on is not None and incumbent.retires_on < stays_until
    if not leaves and incumbent.status in CALLABLE_STATUSES:
        return None
    known = {(model.provider, model.name): model for model in models}
    name, seen = incumbent.successor, {incumbent.name}
    while name is not None and name not in seen:
        key = (incumbent.provider, name)
        if key in eligible:
            return eligible[key]
        seen.add(name)
        name = known[key].successor if key in known else None
    return None


def _cost(usage: TokenUsage, prices: Sequence[PriceRow], now: datetime) -> Decimal | None:
    for variant in (
        usage,
        replace(usage, cache_read_tokens=0, cache_write_tokens=0, cache_write_1h_tokens=0),
    ):
        cost = price_usage(billed_usage(variant, prices, now), prices, at=now).cost_usd
        if cost is not None:
            return cost
    return None


def billed_usage(usage: TokenUsage, prices: Sequence[PriceRow], now: datetime) -> TokenUsage:
    """`usage` in the units that these prices bill: operations or tokens."""
    if not is_billed_by_operation(prices, now):
        return usage
    return TokenUsage(image_count=usage.image_count, operations=max(1, usage.image_count))


def is_billed_by_operation(prices: Sequence[PriceRow], now: datetime) -> bool:
    """Whether the price of `now` knows operations and no tokens."""
    row = select_price(prices, at=now, processing=Processing.STANDARD, input_tokens=0)
    return row is not None and row.operation_usd is not None and row.input_usd_per_million_tokens is None
