"""From evidence to a verdict: the table in docs/recommendations.md as code. Pure; no database, no clock."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

from modelscout.core.types import Verdict
from modelscout.recommender.case import (
    MINIMUM_PAIRS,
    Candidate,
    Decision,
    FeatureCase,
    Interval,
)
from modelscout.recommender.evidence import cases_to_settle
from modelscout.recommender.objective import QUALITY, is_better, is_ruled_out, looks_better, preference
from modelscout.recommender.objective import saving_per_month as saving_per_month


def decide(case: FeatureCase, *, today: date, horizon_days: int) -> Decision:
    """The verdict for one feature of one organization."""
    if case.current_model_id is None:
        return _insufficient("No model is assigned to this feature.")
    if _leaves(case, today, horizon_days):
        return _migrate(case, today)
    tried = [c for c in case.candidates if c.evidence.n >= MINIMUM_PAIRS and c.callable]
    if not tried:
        return _insufficient(_what_is_missing(case))
    worthwhile = [c for c in tried if c.proven and is_better(case, c)]
    if worthwhile:
        return _switch(case, max(worthwhile, key=lambda c: preference(case, c)))
    promising = [c for c in tried if looks_better(case, c)]
    if promising:
        return _trial(case, max(promising, key=lambda c: preference(case, c)))
    return _keep(case, tried)


def _leaves(case: FeatureCase, today: date, horizon_days: int) -> bool:
    if case.is_gone:
        return True
    return case.retires_on is not None and case.retires_on <= today + timedelta(days=horizon_days)


def _migrate(case: FeatureCase, today: date) -> Decision:
    usable = [c for c in case.candidates if c.callable]
    proven = [c for c in usable if c.evidence.n >= MINIMUM_PAIRS and c.proven]
    if proven:
        chosen: Candidate | None = min(proven, key=_cost_order)
    else:
        chosen = next((c for c in usable if c.model_id == case.successor_model_id), None)
    when = _retirement_sentence(case, today)
    if chosen is None:
        return _migrate_unproven(case, when)
    saving = saving_per_month(case, chosen)
    proof = (
        _proof_sentence(case, chosen)
        if chosen in proven
        else f"{chosen.model} is the provider's successor; it is not proven on your items yet: test before switching."
    )
    return Decision(
        Verdict.MIGRATE,
        score=95 if chosen in proven else 60,
        chosen=chosen,
        recommended_model_id=chosen.model_id,
        recommended_model=chosen.model,
        saving=saving,
        reasons=(when, proof, _saving_sentence(saving)),
        tradeoffs=_tradeoffs(chosen),
        details={"proven": chosen in proven},
    )


def _migrate_unproven(case: FeatureCase, when: str) -> Decision:
    if case.successor_model_id is not None:
        advice = f"{case.catalog_successor} is the provider's successor; nothing was tried yet: test before switching."
    else:
        advice = "No successor could be tried: enable a key that can use one, or allow workload samples."
    return Decision(
        Verdict.MIGRATE,
        score=60 if case.successor_model_id else 40,
        chosen=None,
        recommended_model_id=case.successor_model_id,
        recommended_model=case.catalog_successor if case.successor_model_id else None,
        saving=None,
        reasons=(when, advice),
        tradeoffs=(),
        details={"proven": False},
    )


def _switch(case: FeatureCase, chosen: Candidate) -> Decision:
    saving = saving_per_month(case, chosen)
    return Decision(
        Verdict.SWITCH,
        score=_score(chosen),
        chosen=chosen,
        recommended_model_id=chosen.model_id,
        recommended_model=chosen.model,
        saving=saving,
        reasons=(_proof_sentence(case, chosen), _saving_sentence(saving)),
        tradeoffs=_tradeoffs(chosen),
    )


def _trial(case: FeatureCase, chosen: Candidate) -> Decision:
    more = _cases_to_settle(case, chosen)
    saving = saving_per_month(case, chosen)
    cost = _cost_of_cases(chosen, more)
    effect = _points(chosen.evidence.effect or 0.0)
    reasons = (
        f"{chosen.model} looks good ({effect} on {chosen.evidence.n} of your items) but is not proven: "
        f"the bound is {_points(chosen.evidence.lower_bound)}, the margin -{100 * case.margin:g} points.",
        _settling_sentence(more, cost),
        _saving_sentence(saving),
    )
    return Decision(
        Verdict.TRIAL,
        # Below every proven switch, and in the order of what it may bring.
        score=min(49, _score(chosen) // 2),
        chosen=chosen,
        recommended_model_id=chosen.model_id,
        recommended_model=chosen.model,
        saving=saving,
        reasons=reasons,
        tradeoffs=_tradeoffs(chosen),
        details={"more_cases": more, "cost_of_cases_usd": cost},
    )


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


def _cost_order(candidate: Candidate) -> tuple[bool, float, float, str]:
    cost = candidate.cost_per_item_usd
    return (cost is None, cost if cost is not None else 0.0, -candidate.quality, candidate.model_id)


def _score(candidate: Candidate) -> int:
    """Half for the proof (1 - anytime p-value), half for the share of the spend that is saved at least."""
    confidence = 1.0 - math.exp(-candidate.evidence.log_e_value)
    ratio = candidate.cost_ratio
    benefit = min(1.0, max(0.0, 1.0 - ratio.high)) if ratio is not None else 0.0
    return round(50 * confidence + 50 * benefit)


def _cases_to_settle(case: FeatureCase, candidate: Candidate) -> int | None:
    fixed = candidate.against_reference
    weakest = fixed if fixed is not None and not fixed.proven else candidate.evidence
    if case.objective == QUALITY and weakest.proven:
        # Better is proven at a margin of nothing.
        weakest = replace(weakest, margin=0.0)
    return cases_to_settle(weakest, candidate.spread)


def _cost_of_cases(candidate: Candidate, more: int | None) -> float | None:
    """USD of `more` cases, answered by both models."""
    ratio = candidate.cost_ratio
    if more is None or candidate.cost_per_item_usd is None or ratio is None or ratio.estimate <= 0:
        return None
    return more * candidate.cost_per_item_usd * (1 + 1 / ratio.estimate)


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def _proof_sentence(case: FeatureCase, candidate: Candidate) -> str:
    e = candidate.evidence
    better = case.objective == QUALITY and e.proven_better
    claim = "better" if better else f"at most {100 * case.margin:g} points worse"
    return (
        f"Proven on {e.n} of your own items: {candidate.model} is {claim} than "
        f"{case.current_model} (measured {_points(e.effect or 0.0)}, bound {_points(e.lower_bound)}, "
        f"error {100 * e.alpha:.2g} % over all looks)."
    )


def _settling_sentence(more: int | None, cost: float | None) -> str:
    if more is None:
        return "It has to be tried on the same items as the model that the margin is fixed to."
    money = f" and cost about ${cost:,.2f}." if cost is not None else "; what they cost is unknown."
    return f"About {more} more cases would settle it{money}"


def _saving_sentence(saving: Interval | None) -> str:
    if saving is None:
        return "What it saves is unknown: a price is missing."
    if saving.estimate >= 0:
        interval = f"(90 % interval {_money(saving.low)} to {_money(saving.high)})"
        return f"It saves {_money(saving.estimate)} a month {interval}."
    interval = f"(90 % interval {_money(-saving.high)} to {_money(-saving.low)})"
    return f"It costs {_money(-saving.estimate)} more a month {interval}."


def _money(usd: float) -> str:
    return f"{'-' if usd < 0 else ''}${abs(usd):,.2f}"


def _retirement_sentence(case: FeatureCase, today: date) -> str:
    if case.retires_on is not None and case.retires_on <= today:
        when = f"was retired on {case.retires_on}"
    elif case.retires_on is None or case.is_gone:
        when = "is no longer available"
    else:
        when = f"retires on {case.retires_on} (in {(case.retires_on - today).days} days)"
    exposure = case.exposure_usd_per_day
    money = f"; ${exposure:,.2f} a day depend on it" if exposure is not None and exposure > 0 else ""
    return f"{case.current_model} {when}{money}."


def _why_not(case: FeatureCase, candidate: Candidate) -> str:
    e = candidate.evidence
    saving = saving_per_month(case, candidate)
    if e.proven_worse:
        return f"{candidate.model} is proven worse by more than the margin ({_points(e.effect or 0.0)} on {e.n} items)."
    if saving is not None and saving.estimate <= 0:
        return f"{candidate.model} would cost ${-saving.estimate:,.2f} a month more."
    if saving is None:
        return f"{candidate.model} cannot be priced."
    return f"{candidate.model} measures {_points(e.effect or 0.0)} on {e.n} items, beyond the margin."


def _tradeoffs(candidate: Candidate) -> tuple[str, ...]:
    sentences = []
    if candidate.median_ms and candidate.reference_median_ms:
        change = candidate.median_ms / candidate.reference_median_ms - 1
        sentences.append(f"Median response time {change:+.0%} ({candidate.median_ms:,.0f} ms in replay).")
    effect = candidate.evidence.effect
    if effect is not None:
        sentences.append(f"Quality {_points(effect)} on the same items.")
    return tuple(sentences)
