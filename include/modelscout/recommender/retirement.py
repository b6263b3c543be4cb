"""What to do about a model that goes away: the successor, the deadline, the money, and what to test before.

Every sentence comes from a fact of the case. Pure; no database, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal

from modelscout.core.types import Verdict
from modelscout.recommender.case import (
    DAYS_PER_MONTH,
    MINIMUM_PAIRS,
    Candidate,
    Decision,
    FeatureCase,
    Retirement,
    Successor,
)
from modelscout.recommender.evidence import Evidence, cases_to_settle
from modelscout.recommender.objective import QUALITY, preference, saving_per_month
from modelscout.recommender.sentences import (
    money,
    more_cases,
    points,
    proof_sentence,
    saving_sentence,
    tradeoffs,
)
from modelscout.recommender.spending import error_share

LIKELY_SPREAD = 0.14
"""Variance of the differences of a candidate that nobody tried yet: about that many pairs disagree."""
LONGEST_REFUSAL = 120
"""Characters of a provider's message that are repeated."""
Choose = Callable[[FeatureCase, list[Candidate]], Candidate]


def migrate(case: FeatureCase, today: date, steadiest: Choose) -> Decision:
    """The best proven successor, else the vendor's own, else what would help.

    `steadiest` chooses among proven candidates by the organization's objective, without changing its mind for nothing.
    """
    usable = [c for c in case.candidates if c.callable]
    proven = [c for c in usable if c.evidence.n >= MINIMUM_PAIRS and c.proven]
    if proven:
        chosen: Candidate | None = _best(case, proven, steadiest)
    else:
        chosen = next((c for c in usable if c.model_id == case.successor_model_id), None)
    when = _when(case, today)
    return _to_candidate(case, chosen, when, today) if chosen else _to_untried(case, when, today)


def _best(case: FeatureCase, proven: list[Candidate], steadiest: Choose) -> Candidate:
    if case.objective == QUALITY:
        return steadiest(case, proven)
    cheapest = min(proven, key=_cost_order)
    # Without a cost in use there is no saving to compare by, only costs per item.
    return cheapest if preference(case, cheapest)[0] == float("-inf") else steadiest(case, proven)


def _cost_order(candidate: Candidate) -> tuple[bool, float, float, str]:
    cost = candidate.cost_per_item_usd
    return (cost is None, cost if cost is not None else 0.0, -candidate.quality, candidate.model_id)


def _to_candidate(case: FeatureCase, chosen: Candidate, when: str, today: date) -> Decision:
    proven = chosen.evidence.n >= MINIMUM_PAIRS and chosen.proven
    saving = saving_per_month(case, chosen)
    proof = (
        proof_sentence(case, chosen)
        if proven
        else f"{chosen.model} is the provider's successor; it is not proven on your items yet: test before switching."
    )
    plan = _plan(case, today, chosen=chosen, source="proven" if proven else "vendor")
    return Decision(
        Verdict.MIGRATE,
        score=95 if proven else 60,
        chosen=chosen,
        recommended_model_id=chosen.model_id,
        recommended_model=chosen.model,
        saving=saving,
        reasons=(when, proof, saving_sentence(saving)),
        tradeoffs=(*tradeoffs(chosen), *_test_first(plan)),
        details={"proven": proven},
        retirement=plan,
    )


def _to_untried(case: FeatureCase, when: str, today: date) -> Decision:
    has_successor = case.successor_model_id is not None
    plan = _plan(case, today, chosen=None, source="vendor" if has_successor else None)
    if has_successor:
        advice = f"{case.catalog_successor} is the provider's successor; nothing was tried yet: test before switching."
    else:
        advice = "No successor could be tried: enable a key that can use one, or allow workload samples."
    return Decision(
        Verdict.MIGRATE,
        score=60 if has_successor else 40,
        chosen=None,
        recommended_model_id=case.successor_model_id,
        recommended_model=case.catalog_successor if has_successor else None,
        saving=None,
        reasons=(when, advice, *_difference_sentence(plan), *plan.would_help),
        tradeoffs=_test_first(plan),
        details={"proven": False},
        retirement=plan,
    )


def _plan(case: FeatureCase, today: date, *, chosen: Candidate | None, source: str | None) -> Retirement:
    model_id = chosen.model_id if chosen else case.successor_model_id
    facts = next((s for s in case.successors if s.model_id == model_id), None) if model_id else None
    difference, basis = _difference(case, chosen, facts)
    return Retirement(
        deadline=case.retires_on,
        days_left=(case.retires_on - today).days if case.retires_on else None,
        exposure_usd_per_day=case.exposure_usd_per_day,
        successor=chosen.model if chosen else case.catalog_successor if source else None,
        source=source,
        difference_usd_per_day=difference,
        difference_basis=basis,
        to_test=tuple(_to_test(case, chosen, facts)) if source else (),
        would_help=() if source else tuple(_would_help(case)),
    )


def _difference(
    case: FeatureCase, chosen: Candidate | None, facts: Successor | None
) -> tuple[Decimal | None, str]:
    """USD per day that the successor costs more, negative where it costs less, and what that rests on."""
    saving = saving_per_month(case, chosen) if chosen else None
    if saving is not None:
        return (-Decimal(saving.estimate) / DAYS_PER_MONTH).quantize(
            Decimal("0.000001")
        ), "costs on replayed items"
    if facts is None:
        return None, "unknown: no successor can be used"
    if facts.own_usd_per_day is None:
        return None, f"unknown: calls of {case.current_model} were not priced, or none were made"
    if facts.usd_per_day is None:
        return None, f"unknown: {facts.model} has no price for some of this traffic"
    return facts.usd_per_day - facts.own_usd_per_day, "the same tokens at its prices of the day of the change"


def _difference_sentence(plan: Retirement) -> tuple[str, ...]:
    if plan.source is None:
        return ()
    difference = plan.difference_usd_per_day
    if difference is None:
        return (f"What it costs beside the present model is {plan.difference_basis}.",)
    more = "more" if difference >= 0 else "less"
    return (f"It costs {money(abs(float(difference)))} a day {more} ({plan.difference_basis}).",)


def _test_first(plan: Retirement) -> tuple[str, ...]:
    return tuple(f"Before the change: {sentence}" for sentence in plan.to_test)


def _to_test(case: FeatureCase, chosen: Candidate | None, facts: Successor | None) -> Iterator[str]:
    if facts is not None:
        for name in facts.contradicted:
            yield f"a probe found {facts.model} without {name}, which this feature needs: do not change without it."
        for name in facts.unverified:
            yield f"{name} was not verified on {facts.model} yet: run test_model_capabilities."
    yield from _proof_missing(case, chosen)
    if facts is not None:
        yield from _parameters(facts)
        if facts.price_changes_on is not None:
            yield f"the price of {facts.model} changes on {facts.price_changes_on}: calculate it again for that day."


def _proof_missing(case: FeatureCase, chosen: Candidate | None) -> Iterator[str]:
    if chosen is None:
        yield (
            f"about {_cases_for_an_equal(case)} items answered by both models would prove an equal one at a margin of "
            f"{100 * case.margin:g} points; {case.samples} are kept, none was tried."
        )
    elif not chosen.proven or chosen.evidence.n < MINIMUM_PAIRS:
        more = more_cases(case, chosen)
        if more is None:
            effect = points(chosen.evidence.effect or 0.0)
            yield f"it measures {effect} on {chosen.evidence.n} items: look at what it loses, more cases prove nothing."
        else:
            yield f"about {more} more cases would prove it."


def _cases_for_an_equal(case: FeatureCase) -> int:
    nothing = Evidence(
        n=0,
        effect=0.0,
        lower_bound=-1.0,
        upper_bound=1.0,
        log_e_value=0.0,
        alpha=error_share(1, 1),
        margin=case.margin,
    )
    return cases_to_settle(nothing, LIKELY_SPREAD) or 0


def _parameters(facts: Successor) -> Iterator[str]:
    names = ", ".join(facts.parameters)
    if facts.refused:
        message = (facts.refusal or "no message")[:LONGEST_REFUSAL]
        setting = f"; the feature sets {names}" if names else ""
        yield f"{facts.refused} of {facts.replays} replays were refused as a bad request ({message}){setting}."
    elif names and not facts.replays:
        yield f"the feature sets {names}: whether {facts.model} takes it was not tried."


def _would_help(case: FeatureCase) -> Iterator[str]:
    line = [s for s in case.successors if s.step is not None]
    others = [s for s in case.successors if s.step is None and s.usable]
    if not line:
        yield f"The provider names no successor of {case.current_model}."
    for successor in line:
        if successor.retires_on is None or case.retires_on is None or successor.retires_on > case.retires_on:
            yield (
                f"{successor.model} follows it and cannot be used with your keys: enable it with a working "
                f"{successor.provider} key."
            )
            break
    if others:
        names = ", ".join(f"{s.provider}/{s.model}" for s in others[:3])
        yield (
            f"{len(others)} models of your keys outlive it, such as {names}: allow workload samples "
            f"({case.samples} are kept) so that they can be tried."
        )
    else:
        yield "None of your keys can use a model that outlives it: add a key, or mend one that is refused."


def _when(case: FeatureCase, today: date) -> str:
    if case.retires_on is not None and case.retires_on <= today:
        when = f"was retired on {case.retires_on}"
    elif case.retires_on is None or case.is_gone:
        when = "is no longer available"
    else:
        when = f"retires on {case.retires_on} (in {(case.retires_on - today).days} days)"
    exposure = case.exposure_usd_per_day
    exposed = f"; ${exposure:,.2f} a day depend on it" if exposure is not None and exposure > 0 else ""
    return f"{case.current_model} {when}{exposed}."
