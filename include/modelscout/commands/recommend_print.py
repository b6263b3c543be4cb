"""The answers of `modelscout recommend` as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from modelscout.commands.tables import UNKNOWN, print_table, text, usd

if TYPE_CHECKING:
    from modelscout.recommender.budget import BudgetAnswer
    from modelscout.recommender.mix import MixAnswer, Pick
    from modelscout.recommender.questions import Measure
    from modelscout.recommender.use_case import Ranked, UseCaseAnswer

SHOWN_MODELS = 10
SHOWN_EXCLUDED = 10


def print_use_case(answer: UseCaseAnswer, sentences: Iterable[str], *, simulated: bool) -> None:
    """The ranking, what the excluded models fail, and what binds."""
    rows = [
        (
            ranked.option.model,
            f"{ranked.score:.1f}",
            _quality(ranked.option.quality),
            _latency(ranked.option.latency_ms),
            usd(ranked.option.usd_per_request),
            ", ".join(ranked.documented_only) or "nothing",
        )
        for ranked in answer.ranked[:SHOWN_MODELS]
    ]
    if rows:
        title = f"Models for {answer.use_case.replace('_', ' ')}"
        columns = ("model", "score", "quality", "95 % within", "a request", "only documented")
        print_table(title, columns, rows, left=("only documented",))
    _print_hidden(len(answer.ranked) - len(rows), "more models")
    excluded = [(r.option.model, _reasons(r)) for r in answer.excluded[:SHOWN_EXCLUDED]]
    if excluded:
        print_table("Excluded", ("model", "fails"), excluded, left=("fails",))
    _print_hidden(len(answer.excluded) - len(excluded), "more excluded models")
    _print_sentences(sentences, simulated=simulated)


def print_budget(answer: BudgetAnswer, sentences: Iterable[str], *, simulated: bool) -> None:
    """The mix, one model for everything, and other budgets."""
    _print_picks(answer.mix)
    rows = [
        (
            single.model,
            usd(single.usd_per_month),
            f"{single.quality:.3f}",
            "yes" if single.within_budget else "no",
        )
        for single in answer.single_models[:SHOWN_MODELS]
    ]
    if rows:
        columns = ("model", "a month", "quality", "within the budget")
        print_table("One model for everything", columns, rows, left=("within the budget",))
    steps = [
        (
            usd(s.budget_usd_per_month),
            usd(s.usd_per_month),
            UNKNOWN if s.quality is None else f"{s.quality:.3f}",
        )
        for s in answer.steps
    ]
    print_table("Other budgets", ("budget", "spent", "quality"), steps)
    _print_sentences(sentences, simulated=simulated)


def print_mix(answer: MixAnswer, sentences: Iterable[str], *, simulated: bool) -> None:
    """The mix and what binds, or why there is none."""
    _print_picks(answer)
    _print_sentences(sentences, simulated=simulated)


def mix_sentences(answer: MixAnswer) -> tuple[str, ...]:
    """What binds, or why there is no mix."""
    from modelscout.recommender.question_words import (
        conflict_sentences,
        constraint_words,
        relaxation_sentence,
    )

    if answer.conflict is not None:
        return tuple(conflict_sentences(answer.conflict))
    if answer.bindings is None:
        return ()
    said = [relaxation_sentence(relaxation) for relaxation in answer.bindings.relaxations]
    if (per_usd := answer.bindings.quality_per_usd) is not None and per_usd > 0:
        said.append(
            f"At the margin a further USD a month is worth {100 * per_usd:.4f} points [linear relaxation]."
        )
    if not said:
        said.append("No constraint binds: without any one of them the mix would be the same.")
    if answer.bindings.unchecked:
        words = ", ".join(constraint_words(c) for c in answer.bindings.unchecked)
        said.append(f"Not re-solved, they may bind too: {words}.")
    return tuple(said)


def _print_picks(answer: MixAnswer) -> None:
    if not answer.is_feasible:
        print("No mix meets what is asked.")
        return
    budget = "" if answer.budget_usd_per_month is None else f" of {usd(answer.budget_usd_per_month)}"
    quality = "unknown" if answer.quality is None else f"{answer.quality:.3f}"
    title = f"Best {answer.objective.value}: {usd(answer.usd_per_month)}{budget} a month, quality {quality}"
    rows = [
        (
            pick.feature,
            pick.model + (" (in use)" if pick.model == pick.current else ""),
            f"{pick.requests_per_month:,.0f}",
            _month(pick),
            _quality(pick.quality),
            _latency(pick.latency_ms),
            text(pick.fallback),
            "; ".join(pick.remarks),
        )
        for pick in answer.picks
    ]
    columns = ("feature", "model", "requests", "a month", "quality", "95 % within", "fallback", "remark")
    print_table(title, columns, rows, left=("model", "fallback", "remark"))


def _month(pick: Pick) -> str:
    return usd(
        pick.usd_per_month.quantize(Decimal("0.01")) if pick.usd_per_month >= 1 else pick.usd_per_month
    )


def _quality(measure: Measure | None) -> str:
    if measure is None:
        return UNKNOWN
    interval = (
        "" if measure.low is None or measure.high is None else f" ({measure.low:.3f} to {measure.high:.3f})"
    )
    return f"{measure.value:.3f}{interval} {measure.source.value.replace('_', ' ')}"


def _latency(measure: Measure | None) -> str:
    return UNKNOWN if measure is None else f"{measure.value:,.0f} ms {measure.source.value.replace('_', ' ')}"


def _reasons(ranked: Ranked) -> str:
    """What rules a model out whatever is asked hides the rest."""
    never = [failure.reason for failure in ranked.fails if failure.kind is None]
    return "; ".join(never or [failure.reason for failure in ranked.fails])


def _print_hidden(count: int, what: str) -> None:
    if count > 0:
        print(f"{count} {what}: --json gives all.")


def _print_sentences(sentences: Iterable[str], *, simulated: bool) -> None:
    for sentence in sentences:
        print(sentence if sentence.endswith(".") else f"Note: {sentence}.")
    if simulated:
        print("Simulated: measured figures come from the demo's traffic and the emulator.")
