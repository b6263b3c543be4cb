"""The answers to the three questions in plain sentences with figures, for people."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from modelscout.recommender.mix_binding import Move, Relaxation
from modelscout.recommender.mix_conflict import Conflict, Remedy
from modelscout.recommender.mix_question import Change, Constraint
from modelscout.recommender.questions import Kind, Limit
from modelscout.recommender.use_case import Admission, UseCaseAnswer

SHOWN_MOVES = 3
SHOWN_REASONS = 3
_NAMES = {
    Kind.BUDGET: "the budget",
    Kind.MAXIMUM_PROVIDERS: "the number of providers",
    Kind.PROVIDER_SHARE: "the cap on one provider's share",
    Kind.FALLBACK: "the fallback",
    Kind.MINIMUM_QUALITY: "the minimum quality",
    Kind.MAXIMUM_LATENCY: "the maximum latency",
    Kind.MAXIMUM_COST: "the maximum cost of a request",
    Kind.CAPABILITIES: "the required capabilities",
    Kind.PROVIDERS: "the allowed providers",
}


def constraint_words(constraint: Constraint) -> str:
    """Such as `the minimum quality of chat`."""
    name = _NAMES[constraint.kind]
    return name if constraint.feature is None else f"{name} of {constraint.feature}"


def change_words(kind: Kind, to: Limit) -> str:
    """Such as `at 0.812`; `dropped` where the constraint has to go."""
    if to is None:
        return "dropped"
    if kind is Kind.BUDGET:
        return f"of ${to:,.2f} a month"
    if kind is Kind.MAXIMUM_LATENCY:
        return f"at {to:,.0f} ms"
    if kind is Kind.MAXIMUM_COST:
        return f"at ${to:f}" if isinstance(to, Decimal) else f"at ${to:g}"
    if kind is Kind.MAXIMUM_PROVIDERS:
        return f"at {to}"
    if kind is Kind.PROVIDER_SHARE:
        return f"at {100 * to:.1f} %"
    return f"at {to:.3f}"


def relaxation_sentence(relaxation: Relaxation) -> str:
    """What a binding constraint costs."""
    constraint, to = relaxation.constraint, relaxation.to
    bought = _gain(relaxation.quality_change, relaxation.usd_change)
    if isinstance(relaxation.limit, Decimal) and isinstance(to, Decimal) and constraint.kind is Kind.BUDGET:
        start = f"The budget binds: ${to - relaxation.limit:,.2f} more a month would buy {bought}"
    else:
        words = constraint_words(constraint)
        start = f"{words[0].upper()}{words[1:]} binds: {change_words(constraint.kind, to)} it would bring {bought}"
    moves = sorted(
        relaxation.moves, key=lambda m: (-abs(m.quality_change or 0.0), -abs(m.usd_change), m.feature)
    )
    more = len(moves) - SHOWN_MOVES
    shown = "; ".join(_move(move) for move in moves[:SHOWN_MOVES])
    return f"{start} ({shown}{f'; and {more} more' if more > 0 else ''}) [{relaxation.method}]."


def _gain(quality_change: float | None, usd_change: Decimal) -> str:
    points = "unknown quality" if quality_change is None else f"{100 * quality_change:+.2f} points"
    return f"{points}, the mix costing {_signed(usd_change)} a month"


def _move(move: Move) -> str:
    points = "" if move.quality_change is None else f"{100 * move.quality_change:+.1f} points, "
    return f"{move.feature}: {move.before} to {move.after}, {points}{_signed(move.usd_change)}"


def _signed(usd: Decimal) -> str:
    return f"{'-' if usd < 0 else '+'}${abs(usd):,.2f}"


def conflict_sentences(conflict: Conflict) -> Iterator[str]:
    """Why there is no mix, and what would make one possible."""
    for hopeless in conflict.hopeless:
        reasons = "; ".join(hopeless.reasons[:SHOWN_REASONS]) or "none is known"
        if (more := len(hopeless.reasons) - SHOWN_REASONS) > 0:
            reasons += f"; and {more} more"
        yield f"No model can answer {hopeless.feature}, whatever is asked: {reasons}."
    if conflict.constraints:
        words = [constraint_words(c) for c in conflict.constraints]
        if len(words) == 1:
            yield f"No mix meets {words[0]}."
        else:
            yield (
                f"These cannot be met together, and without any one of them the others can: {', '.join(words)}."
            )
    for remedy in conflict.remedies:
        yield remedy_sentence(remedy)


def remedy_sentence(remedy: Remedy) -> str:
    """Such as `It would do with: the budget of $12.00 a month.`"""
    changes = ", ".join(_change(change) for change in remedy.changes)
    return f"It would do with {changes}; the cheapest such mix costs ${remedy.usd_per_month:,.2f} a month."


def _change(change: Change) -> str:
    return f"{constraint_words(change.constraint)} {change_words(change.constraint.kind, change.to)}"


def use_case_sentences(answer: UseCaseAnswer) -> Iterator[str]:
    """What binds, or why nothing is left."""
    for admission in answer.binding:
        (kind, to), *_ = admission.changes.items()
        yield (
            f"{_NAMES[kind][0].upper()}{_NAMES[kind][1:]} binds: {change_words(kind, to)} it would admit "
            f"{admission.model} with a score of {admission.score:.1f} instead of {answer.ranked[0].score:.1f}."
        )
    if answer.ranked:
        return
    if answer.conflict:
        words = ", ".join(_NAMES[kind] for kind in answer.conflict)
        only = "No usable model meets" if len(answer.conflict) == 1 else "No usable model meets together"
        yield f"{only}: {words}."
    else:
        yield "No model can be used and scored, whatever is asked."
    for remedy in answer.remedies:
        yield _admission(remedy)


def _admission(admission: Admission) -> str:
    changes = ", ".join(f"{_NAMES[kind]} {change_words(kind, to)}" for kind, to in admission.changes.items())
    return f"{admission.model} would do with {changes}; its score is {admission.score:.1f}."
