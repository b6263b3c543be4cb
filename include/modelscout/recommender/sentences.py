"""The sentences and figures that several verdicts share. Pure; no database, no clock."""

from __future__ import annotations

from dataclasses import replace

from modelscout.recommender.case import Candidate, FeatureCase, Interval
from modelscout.recommender.evidence import cases_to_settle
from modelscout.recommender.objective import LATENCY, QUALITY, speedup_of


def points(share: float) -> str:
    """A share as percentage points, with its sign."""
    return f"{100 * share:+.1f} points"


def proof_sentence(case: FeatureCase, candidate: Candidate) -> str:
    """What is proven, on how much, and at which error."""
    e = candidate.evidence
    better = case.objective == QUALITY and e.proven_better
    claim = "better" if better else f"at most {100 * case.margin:g} points worse"
    where = "requests that chance gave to either" if e.is_randomised else "of your own items"
    return (
        f"Proven on {e.n} {where}: {candidate.model} is {claim} than "
        f"{case.current_model} (measured {points(e.effect or 0.0)}, bound {points(e.lower_bound)}, "
        f"error {100 * e.alpha:.2g} % over all looks)."
    )


def saving_sentence(saving: Interval | None) -> str:
    """What a change saves or costs a month, with its interval."""
    if saving is None:
        return "What it saves is unknown: a price is missing."
    if saving.estimate >= 0:
        interval = f"(90 % interval {money(saving.low)} to {money(saving.high)})"
        return f"It saves {money(saving.estimate)} a month {interval}."
    interval = f"(90 % interval {money(-saving.high)} to {money(-saving.low)})"
    return f"It costs {money(-saving.estimate)} more a month {interval}."


def speed_sentences(case: FeatureCase, candidate: Candidate) -> tuple[str, ...]:
    """How much faster it is, where that is what is wanted."""
    speedup = speedup_of(candidate)
    if case.objective != LATENCY or speedup is None:
        return ()
    return (f"Response time: {speedup_words(speedup)}.",)


def speedup_words(speedup: Interval) -> str:
    """The saved share of the response time with its interval."""
    return f"{speedup.estimate:.0%} less (90 % interval {speedup.low:.0%} to {speedup.high:.0%})"


def money(usd: float) -> str:
    """Dollars and cents."""
    return f"{'-' if usd < 0 else ''}${abs(usd):,.2f}"


def tradeoffs(candidate: Candidate) -> tuple[str, ...]:
    """What changes beside the money."""
    sentences = []
    if candidate.median_ms and candidate.reference_median_ms:
        change = candidate.median_ms / candidate.reference_median_ms - 1
        where = "in the experiment" if candidate.evidence.is_randomised else "in replay"
        sentences.append(f"Median response time {change:+.0%} ({candidate.median_ms:,.0f} ms {where}).")
    effect = candidate.evidence.effect
    if effect is not None:
        where = (
            "between requests that chance dealt out"
            if candidate.evidence.is_randomised
            else "on the same items"
        )
        sentences.append(f"Quality {points(effect)} {where}.")
    return tuple(sentences)


def more_cases(case: FeatureCase, candidate: Candidate) -> int | None:
    """About how many more cases would settle it; None where they never would, as it looks now."""
    fixed = candidate.against_reference
    weakest = fixed if fixed is not None and not fixed.proven else candidate.evidence
    if case.objective == QUALITY and weakest.proven:
        # Better is proven at a margin of nothing.
        weakest = replace(weakest, margin=0.0)
    return cases_to_settle(weakest, candidate.spread)


def cost_of_cases(candidate: Candidate, more: int | None) -> float | None:
    """USD of `more` cases, answered by both models."""
    ratio = candidate.cost_ratio
    if more is None or candidate.cost_per_item_usd is None or ratio is None or ratio.estimate <= 0:
        return None
    return more * candidate.cost_per_item_usd * (1 + 1 / ratio.estimate)
