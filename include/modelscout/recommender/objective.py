"""Whether a candidate is better on what the organization wants: less cost, more quality, or less latency."""

from __future__ import annotations

import math

from modelscout.recommender.case import NORMAL_90, Candidate, FeatureCase, Interval

QUALITY = "quality"
LATENCY = "latency"
LEAST_SPEEDUP = 0.05
"""Share of the response time that a switch for latency must save, at the low end of its interval."""
PAYBACK_MONTHS = 12
"""A switch must earn back its cost within a year, at the low end of the saving's interval."""


def saving_per_month(case: FeatureCase, candidate: Candidate) -> Interval | None:
    """USD per month that the candidate saves on this feature's own requests; None where a price is unknown.

    The real cost per request of the model in use, times the ratio of both models' costs on the same items.
    The 90 % interval adds the error of that ratio and of the demand in quadrature.
    """
    if candidate.cost_ratio is None or case.cost_per_request_usd is None:
        return None
    spend = float(case.requests_per_month * case.cost_per_request_usd)
    ratio = candidate.cost_ratio
    saving = spend * (1 - ratio.estimate)
    demand = NORMAL_90 * case.demand_relative_error * saving
    below = math.hypot(spend * (ratio.high - ratio.estimate), demand)
    above = math.hypot(spend * (ratio.estimate - ratio.low), demand)
    return Interval(saving, saving - below, saving + above)


def speedup_of(candidate: Candidate) -> Interval | None:
    """Share of the response time that it saves, with its 90 % interval; None where it was not measured."""
    ratio = candidate.latency_ratio
    return None if ratio is None else Interval(1.0 - ratio.estimate, 1.0 - ratio.high, 1.0 - ratio.low)


def is_better(case: FeatureCase, candidate: Candidate) -> bool:
    """Whether it is surely better: it earns back the cost of switching, is proven better, or is surely faster."""
    saving = saving_per_month(case, candidate)
    if case.objective == QUALITY:
        return candidate.evidence.proven_better and _price_is_as_known(case, saving)
    if case.objective == LATENCY:
        speedup = speedup_of(candidate)
        return speedup is not None and speedup.low >= LEAST_SPEEDUP and _price_is_as_known(case, saving)
    if saving is None:
        return False
    # What was recommended last time stays so while it surely saves and likely pays: no turns around the threshold.
    earned = saving.estimate if candidate.model_id == case.recommended_before else saving.low
    return saving.low > 0 and earned * PAYBACK_MONTHS > float(case.switching_cost_usd)


def looks_better(case: FeatureCase, candidate: Candidate) -> bool:
    """Whether more evidence may prove it: better as measured, within the margin as measured, not proven yet."""
    saving = saving_per_month(case, candidate)
    effect = candidate.evidence.effect
    fixed = candidate.against_reference
    if effect is None or candidate.evidence.proven_worse or (fixed is not None and fixed.looks_worse):
        return False
    if case.objective == QUALITY:
        unproven = not (candidate.proven and candidate.evidence.proven_better)
        return effect > 0 and unproven and _price_is_as_known(case, saving)
    if case.objective == LATENCY:
        speedup = speedup_of(candidate)
        faster = speedup is not None and speedup.estimate >= LEAST_SPEEDUP
        return faster and effect > -case.margin and not candidate.proven and _price_is_as_known(case, saving)
    return saving is not None and saving.estimate > 0 and effect > -case.margin and not candidate.proven


def is_worth_trying(case: FeatureCase, candidate: Candidate, evaluation_usd: float | None) -> bool:
    """Whether a year's saving, as measured, exceeds the cost of switching and of proving it, where that is known."""
    saving = saving_per_month(case, candidate)
    if case.objective in (QUALITY, LATENCY) or saving is None:
        return True
    return saving.estimate * PAYBACK_MONTHS > float(case.switching_cost_usd) + (evaluation_usd or 0.0)


def is_surely_preferred(case: FeatureCase, candidate: Candidate, other: Candidate) -> bool:
    """Whether the low end of what the candidate brings is above what the other one brings."""
    if case.objective == QUALITY:
        own, others = candidate.quality_change, other.quality_change
    elif case.objective == LATENCY:
        own, others = speedup_of(candidate), speedup_of(other)
    else:
        own, others = saving_per_month(case, candidate), saving_per_month(case, other)
    if own is None or others is None:
        return own is not None
    return own.low > others.estimate


def is_ruled_out(case: FeatureCase, candidate: Candidate) -> bool:
    """Whether it is surely not better."""
    if candidate.evidence.proven_worse:
        return True
    if case.objective == QUALITY:
        return candidate.evidence.upper_bound <= 0
    if case.objective == LATENCY:
        speedup = speedup_of(candidate)
        return speedup is not None and speedup.high < LEAST_SPEEDUP
    saving = saving_per_month(case, candidate)
    return saving is not None and saving.high <= 0


def preference(case: FeatureCase, candidate: Candidate) -> tuple[float, float, str]:
    """The higher the better; the id last, so that equal candidates do not take turns."""
    saving = saving_per_month(case, candidate)
    saved = saving.estimate if saving is not None else -math.inf
    if case.objective == QUALITY:
        change = candidate.quality_change
        return (change.estimate if change is not None else -math.inf, saved, candidate.model_id)
    if case.objective == LATENCY:
        speedup = speedup_of(candidate)
        return (speedup.estimate if speedup is not None else -math.inf, saved, candidate.model_id)
    return (saved, candidate.quality, candidate.model_id)


def _price_is_as_known(case: FeatureCase, saving: Interval | None) -> bool:
    # A better model of unknown price is no advice to somebody who knows what the present one costs.
    return saving is not None or case.cost_per_request_usd is None
