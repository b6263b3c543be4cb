"""From evidence to a verdict: the table in docs/recommendations.md as code. Pure; no database, no clock."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

from modelscout.core.types import Verdict
from modelscout.recommender.case import (
    MINIMUM_PAIRS,
    Candidate,
    Decision,
    FeatureCase,
    Interval,
)
from modelscout.recommender.objective import (
    LATENCY,
    LEAST_SPEEDUP,
    PAYBACK_MONTHS,
    QUALITY,
    is_better,
    is_ruled_out,
    is_surely_preferred,
    is_worth_trying,
    looks_better,
    preference,
    speedup_of,
)
from modelscout.recommender.objective import saving_per_month as saving_per_month
from modelscout.recommender.retirement import migrate
from modelscout.recommender.sentences import (
    cost_of_cases,
    more_cases,
    points,
    proof_sentence,
    saving_sentence,
    speed_sentences,
    speedup_words,
    tradeoffs,
)


def decide(case: FeatureCase, *, today: date, horizon_days: int) -> Decision:
    """The verdict for one feature of one organization."""
    if case.current_model_id is None:
        return _insufficient("No model is assigned to this feature.")
    if _leaves(case, today, horizon_days):
        return migrate(case, today, _steadiest)
    tried = [c for c in case.candidates if c.evidence.n >= MINIMUM_PAIRS and c.callable]
    if not tried:
        return _insufficient(_what_is_missing(case))
    worthwhile = [c for c in tried if c.proven and is_better(case, c)]
    if worthwhile:
        return _switch(case, _steadiest(case, worthwhile))
    promising = [
        c for c in tried if looks_better(case, c) and is_worth_trying(case, c, _cost_of_proof(case, c))
    ]
    if promising:
        return _trial(case, _steadiest(case, promising))
    return _keep(case, tried)


def _steadiest(case: FeatureCase, candidates: Sequence[Candidate]) -> Candidate:
    """The best, or what was recommended last time unless another is surely better: no turns from night to night."""
    best = max(candidates, key=lambda c: preference(case, c))
    before = next((c for c in candidates if c.model_id == case.recommended_before), None)
    return best if before is None or is_surely_preferred(case, best, before) else before


def _cost_of_proof(case: FeatureCase, candidate: Candidate) -> float | None:
    return cost_of_cases(candidate, more_cases(case, candidate))


def _leaves(case: FeatureCase, today: date, horizon_days: int) -> bool:
    if case.is_gone:
        return True
    return case.retires_on is not None and case.retires_on <= today + timedelta(days=horizon_days)


def _switch(case: FeatureCase, chosen: Candidate) -> Decision:
    saving = saving_per_month(case, chosen)
    return Decision(
        Verdict.SWITCH,
        score=_score(case, chosen),
        chosen=chosen,
        recommended_model_id=chosen.model_id,
        recommended_model=chosen.model,
        saving=saving,
        reasons=(proof_sentence(case, chosen), *speed_sentences(case, chosen), saving_sentence(saving)),
        tradeoffs=tradeoffs(chosen),
        details={"net_saving_first_year_usd": _first_year(case, saving)},
    )


def _trial(case: FeatureCase, chosen: Candidate) -> Decision:
    more = more_cases(case, chosen)
    saving = saving_per_month(case, chosen)
    cost = cost_of_cases(chosen, more)
    effect = points(chosen.evidence.effect or 0.0)
    what = "of your requests" if chosen.evidence.is_randomised else "of your items"
    reasons = (
        f"{chosen.model} looks good ({effect} on {chosen.evidence.n} {what}) but is not proven: "
        f"the bound is {points(chosen.evidence.lower_bound)}, the margin -{100 * case.margin:g} points.",
        _settling_sentence(more, cost),
        *speed_sentences(case, chosen),
        saving_sentence(saving),
    )
    return Decision(
        Verdict.TRIAL,
        # Below every proven switch, and in the order of what it may bring.
        score=min(49, _score(case, chosen) // 2),
        chosen=chosen,
        recommended_model_id=chosen.model_id,
        recommended_model=chosen.model,
        saving=saving,
        reasons=reasons,
        tradeoffs=tradeoffs(chosen),
        details={
            "more_cases": more,
            "cost_of_cases_usd": cost,
            "net_saving_first_year_usd": None if cost is None else _first_year(case, saving, cost),
        },
    )


def _first_year(case: FeatureCase, saving: Interval | None, evaluation_usd: float = 0.0) -> float | None:
    """USD that a year saves after the cost of switching and of what is still to be proven; None where unknown."""
    if saving is None:
        return None
    return saving.estimate * PAYBACK_MONTHS - float(case.switching_cost_usd) - evaluation_usd


def _keep(case: FeatureCase, tried: list[Candidate]) -> Decision:
    best = max(tried, key=lambda c: c.evidence.effect or 0.0)
    return Decision(
        Verdict.KEEP,
        score=round(100 * sum(is_ruled_out(case, c) for c in tried) / len(tried)),
        chosen=best,
        recommended_model_id=case.current_model_id,
        recommended_model=case.current_model,
        saving=Interval(0.0, 0.0, 0.0),
        reasons=(f"Nothing better is proven among {len(tried)} tried.", *(_why_not(case, c) for c in tried)),
        tradeoffs=(),
        # A trial of one of these has found out what it was for.
        details={"settled": [c.model_id for c in tried]},
    )


def _insufficient(missing: str) -> Decision:
    return Decision(
        Verdict.INSUFFICIENT_EVIDENCE,
        score=0,
        chosen=None,
        recommended_model_id=None,
        recommended_model=None,
        saving=None,
        reasons=("Too little is known for an answer.", missing),
        tradeoffs=(),
    )


def _what_is_missing(case: FeatureCase) -> str:
    if case.samples < MINIMUM_PAIRS:
        return (
            f"{case.samples} workload samples; at least {MINIMUM_PAIRS} are needed to compare models on your own "
            "items."
        )
    return "No candidate was tried on your samples: none is usable with your keys, or the spend limit was reached."


def _score(case: FeatureCase, candidate: Candidate) -> int:
    """Half for the proof (1 - anytime p-value), half for the share of spend, or of time, that is saved at least."""
    confidence = 1.0 - math.exp(-candidate.evidence.log_e_value)
    ratio = candidate.latency_ratio if case.objective == LATENCY else candidate.cost_ratio
    benefit = min(1.0, max(0.0, 1.0 - ratio.high)) if ratio is not None else 0.0
    return round(50 * confidence + 50 * benefit)


def _settling_sentence(more: int | None, cost: float | None) -> str:
    if more is None:
        return "It has to be tried on the same items as the model that the margin is fixed to."
    money = f" and cost about ${cost:,.2f}." if cost is not None else "; what they cost is unknown."
    return f"About {more} more cases would settle it{money}"


def _why_not(case: FeatureCase, candidate: Candidate) -> str:
    e = candidate.evidence
    saving = saving_per_month(case, candidate)
    if e.proven_worse:
        return f"{candidate.model} is proven worse by more than the margin ({points(e.effect or 0.0)} on {e.n} items)."
    if case.objective == LATENCY:
        return _why_not_faster(case, candidate)
    if saving is not None and saving.estimate <= 0:
        return f"{candidate.model} would cost ${-saving.estimate:,.2f} a month more."
    if saving is None:
        return f"{candidate.model} cannot be priced."
    if case.objective == QUALITY:
        return f"{candidate.model} is not proven to be better (measured {points(e.effect or 0.0)} on {e.n} items)."
    if candidate.proven and saving.low <= 0:
        return f"{candidate.model} is proven, but what it saves is too uncertain: {saving_sentence(saving)}"
    if candidate.proven:
        return (
            f"{candidate.model} is proven, but would not surely earn back within a year what switching costs."
        )
    if looks_better(case, candidate):
        return f"{candidate.model} would not earn back within a year what proving it and switching cost."
    return f"{candidate.model} measures {points(e.effect or 0.0)} on {e.n} items, beyond the margin."


def _why_not_faster(case: FeatureCase, candidate: Candidate) -> str:
    speedup = speedup_of(candidate)
    if speedup is None:
        return f"{candidate.model} was not timed on the same items."
    if saving_per_month(case, candidate) is None and case.cost_per_request_usd is not None:
        return f"{candidate.model} cannot be priced."
    if speedup.low < LEAST_SPEEDUP:
        return f"{candidate.model} is not surely {LEAST_SPEEDUP:.0%} faster ({speedup_words(speedup)})."
    effect = points(candidate.evidence.effect or 0.0)
    return f"{candidate.model} measures {effect} on {candidate.evidence.n} items, beyond the margin."
