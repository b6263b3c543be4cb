"""The optimal mix against trying everything, what binds in it, and why there is none."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability
from modelscout.recommender.mix import MixAnswer, best_mix
from modelscout.recommender.mix_model import TIE
from modelscout.recommender.mix_question import (
    Change,
    Constraint,
    MixQuestion,
    Need,
    Objective,
    constraints_of,
    relax,
)
from modelscout.recommender.question_words import conflict_sentences, relaxation_sentence
from modelscout.recommender.questions import Ability, Kind, Requirements, Source
from recommender_support import every_mix, measure, option, penalty, questions

ANY = settings(max_examples=40, deadline=None, derandomize=True)


def need(feature: str = "chat", requests: int = 100, *options: object, **asks: object) -> Need:
    return Need(feature, Decimal(requests), options, Requirements(**asks))  # type: ignore[arg-type]


CHEAP, MIDDLE, BEST = (
    option("openai/cheap", "0.01", 0.70, 300),
    option("google/middle", "0.02", 0.80, 500),
    option("openai/best", "0.05", 0.90, 900),
)
ALL = (CHEAP, MIDDLE, BEST)


def mix_of(*needs: Need, **limits: object) -> MixQuestion:
    objective = limits.pop("objective", Objective.QUALITY)
    return MixQuestion(needs, objective, **limits)  # type: ignore[arg-type]


def models(answer: MixAnswer) -> dict[str, str]:
    return {pick.feature: pick.model for pick in answer.picks}


@ANY
@given(questions())
def test_the_mix_is_what_trying_everything_finds(question: MixQuestion) -> None:
    best = min((penalty(question, mix) for mix in every_mix(question)), default=None)
    answer = best_mix(question, explain=False)
    assert answer.is_feasible == (best is not None)
    if best is not None:
        by_name = {(n.feature, o.model): o for n in question.needs for o in n.options}
        found = tuple(by_name[pick.feature, pick.model] for pick in answer.picks)
        assert found in set(every_mix(question))
        assert penalty(question, found) == pytest.approx(best, abs=1e-9)


@ANY
@given(questions(), st.randoms(use_true_random=False))
def test_the_order_of_features_and_models_decides_nothing(question: MixQuestion, rng: random.Random) -> None:
    needs = [replace(n, options=tuple(rng.sample(n.options, len(n.options)))) for n in question.needs]
    rng.shuffle(needs)
    assert (
        best_mix(replace(question, needs=tuple(needs)), explain=False).picks
        == best_mix(question, explain=False).picks
    )


@ANY
@given(questions())
def test_a_conflict_is_minimal_and_its_remedies_help(question: MixQuestion) -> None:
    answer = best_mix(question, explain=False)
    if answer.conflict is None or answer.conflict.hopeless:
        return
    members = answer.conflict.constraints
    others = [Change(c) for c in constraints_of(question) if c not in members]
    alone = relax(question, others)
    assert next(every_mix(alone), None) is None
    for member in members:
        assert next(every_mix(relax(alone, [Change(member)])), None) is not None
    assert answer.conflict.remedies
    for remedy in answer.conflict.remedies:
        assert next(every_mix(relax(question, remedy.changes)), None) is not None


@ANY
@given(questions())
def test_what_binds_brings_what_is_said_and_what_does_not_brings_nothing(question: MixQuestion) -> None:
    answer = best_mix(question, resolves=99)
    if answer.bindings is None:
        return
    now = min(penalty(question, mix) for mix in every_mix(question))
    binding = {relaxation.constraint for relaxation in answer.bindings.relaxations}
    for relaxation in answer.bindings.relaxations:
        relaxed = relax(question, [Change(relaxation.constraint, relaxation.to)])
        then = min(penalty(question, mix) for mix in every_mix(relaxed))
        assert then < now - TIE / 2
        if question.objective is Objective.QUALITY:
            assert then <= now - (relaxation.quality_change or 0) + 2 * TIE
    for constraint in set(constraints_of(question)) - binding:
        then = min(penalty(question, mix) for mix in every_mix(relax(question, [Change(constraint)])))
        assert then >= now - 2 * TIE


@ANY
@given(questions(), st.lists(st.integers(0, 60), min_size=2, max_size=4))
def test_more_money_is_never_worse(question: MixQuestion, budgets: list[int]) -> None:
    last = -1.0
    for budget in sorted(budgets):
        asked = replace(question, objective=Objective.QUALITY, budget_usd_per_month=Decimal(budget))
        quality = best_mix(asked, explain=False).quality
        assert (quality if quality is not None else -1.0) >= last - TIE
        last = quality if quality is not None else last


def test_an_unknown_price_is_never_chosen_and_never_free() -> None:
    unpriced = replace(BEST, usd_per_request=None, cost_reason="no price for standard processing")
    question = mix_of(need("chat", 100, unpriced, CHEAP), objective=Objective.COST)
    assert models(best_mix(question)) == {"chat": "openai/cheap"}
    alone = best_mix(mix_of(need("chat", 100, unpriced), objective=Objective.COST))
    assert alone.conflict is not None
    assert list(conflict_sentences(alone.conflict)) == [
        "No model can answer chat, whatever is asked: openai/best: cost is unknown (no price for standard processing)."
    ]


def test_an_unknown_quality_meets_no_minimum_and_is_not_the_best() -> None:
    unmeasured = replace(CHEAP, quality=None)
    assert models(best_mix(mix_of(need("chat", 100, unmeasured, MIDDLE)))) == {"chat": "google/middle"}
    asked = need("chat", 100, unmeasured, MIDDLE, minimum_quality=0.0)
    assert models(best_mix(mix_of(asked, objective=Objective.COST))) == {"chat": "google/middle"}
    free = best_mix(mix_of(need("chat", 100, unmeasured, MIDDLE), objective=Objective.COST))
    assert (models(free), free.quality) == ({"chat": "openai/cheap"}, None)
    assert free.picks[0].remarks == ("quality is unknown",)


def test_the_budget_says_what_more_would_buy() -> None:
    question = mix_of(need("chat", 100, *ALL), need("search", 100, *ALL), budget_usd_per_month=Decimal(3))
    answer = best_mix(question)
    assert (answer.usd_per_month, answer.quality) == (Decimal(3), pytest.approx(0.75))
    assert answer.bindings is not None
    step, free = answer.bindings.relaxations
    assert (step.to, step.usd_change, step.quality_change) == (Decimal(4), Decimal(1), pytest.approx(0.05))
    assert (free.to, free.usd_change, free.quality_change) == (None, Decimal(7), pytest.approx(0.15))
    # From cheap to middle: ten points on half of the requests for a dollar.
    assert answer.bindings.quality_per_usd == pytest.approx(0.05, rel=0.01)
    assert relaxation_sentence(step).startswith("The budget binds: $1.00 more a month would buy +5.00 points")


def test_a_limit_that_is_met_to_the_cent_is_met() -> None:
    exact = mix_of(need("chat", 3, option("openai/a", "0.1", 0.9)), budget_usd_per_month=Decimal("0.3"))
    assert best_mix(exact).usd_per_month == Decimal("0.3")
    short = replace(exact, budget_usd_per_month=Decimal("0.2999999999999"))
    assert best_mix(short).conflict is not None


def test_a_mix_over_the_budget_by_less_than_the_solvers_tolerance_is_refused() -> None:
    better = option("openai/better", "1.0000001", 0.9)
    question = mix_of(
        need("chat", 100, better, option("openai/good", "1", 0.8)), budget_usd_per_month=Decimal(100)
    )
    assert models(best_mix(question, explain=False)) == {"chat": "openai/good"}


def test_a_requirement_of_one_feature_says_which_limit_would_admit_what() -> None:
    answer = best_mix(mix_of(need("chat", 100, *ALL, maximum_latency_ms=600.0)))
    assert answer.bindings is not None
    [found] = answer.bindings.relaxations
    assert (found.constraint, found.to) == (Constraint(Kind.MAXIMUM_LATENCY, "chat"), 900.0)
    assert found.moves[0][:3] == ("chat", "google/middle", "openai/best")


def test_providers_shares_and_fallbacks() -> None:
    needs = (need("chat", 60, *ALL), need("search", 40, *ALL))
    assert set(models(best_mix(mix_of(*needs))).values()) == {"openai/best"}
    shared = best_mix(mix_of(*needs, provider_share=Decimal("0.6")))
    assert models(shared) == {"chat": "openai/best", "search": "google/middle"}
    backed = best_mix(mix_of(*(replace(n, fallback=True) for n in needs)))
    assert {pick.fallback for pick in backed.picks} == {"google/middle"}
    single = best_mix(mix_of(*(replace(n, fallback=True) for n in needs), maximum_providers=1))
    assert single.conflict is not None
    assert {member.kind for member in single.conflict.constraints} == {Kind.MAXIMUM_PROVIDERS, Kind.FALLBACK}
    assert Change(Constraint(Kind.MAXIMUM_PROVIDERS), 2) in [r.changes[0] for r in single.conflict.remedies]


def test_a_budget_that_is_named_is_enough() -> None:
    asked = mix_of(
        need("chat", 7, option("openai/a", "0.001234", 0.9)), budget_usd_per_month=Decimal("0.001")
    )
    answer = best_mix(asked)
    assert answer.conflict is not None
    [remedy] = answer.conflict.remedies
    assert remedy.changes == (Change(Constraint(Kind.BUDGET), Decimal("0.01")),)
    assert best_mix(relax(asked, remedy.changes)).is_feasible


def test_an_impossible_budget_names_the_least_that_would_do_and_the_least_concession() -> None:
    asked = need("chat", 100, *ALL, minimum_quality=0.85)
    answer = best_mix(mix_of(asked, budget_usd_per_month=Decimal(3)))
    assert answer.conflict is not None
    assert set(answer.conflict.constraints) == {
        Constraint(Kind.BUDGET),
        Constraint(Kind.MINIMUM_QUALITY, "chat"),
    }
    by_kind = {remedy.kind: remedy for remedy in answer.conflict.remedies}
    assert by_kind[Kind.BUDGET].changes == (Change(Constraint(Kind.BUDGET), Decimal("5.00")),)
    assert by_kind[Kind.MINIMUM_QUALITY].changes == (Change(Constraint(Kind.MINIMUM_QUALITY, "chat"), 0.8),)


def test_cautious_questions_judge_by_the_bad_end() -> None:
    asked = need("chat", 100, *ALL, minimum_quality=0.84)
    cost = mix_of(asked, objective=Objective.COST)
    assert models(best_mix(cost)) == {"chat": "openai/best"}
    assert best_mix(cost).picks[0].remarks == ()
    close = replace(asked, asks=replace(asked.asks, minimum_quality=0.87))
    [pick] = best_mix(mix_of(close, objective=Objective.COST)).picks
    assert pick.remarks == ("quality may be below the minimum: its interval reaches there",)
    careful = replace(close, asks=replace(close.asks, cautious=True))
    assert best_mix(mix_of(careful, objective=Objective.COST)).conflict is not None


def test_remarks_say_what_is_not_measured_on_own_work() -> None:
    suite = replace(
        MIDDLE,
        quality=measure(0.8)._replace(source=Source.SUITES),
        abilities={Capability.TOOL_USE: Ability.DOCUMENTED},
    )
    [pick] = best_mix(mix_of(need("chat", 1, suite, capabilities=frozenset({Capability.TOOL_USE})))).picks
    assert pick.remarks == (
        "quality is not measured on your own work",
        "only documented, not verified: tool_use",
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"needs": ()}, "features is empty"),
        ({"needs": (need(), need())}, "feature 'chat' is named twice"),
        ({"needs": (need("chat", 0),)}, "requests is 0 for every feature"),
        ({"budget_usd_per_month": Decimal(-1)}, "budget_usd_per_month is negative"),
        ({"maximum_providers": 0}, "maximum_providers is below 1"),
        ({"provider_share": Decimal(2)}, "provider_share=2 is out of range"),
    ],
)
def test_a_question_without_a_meaning_is_refused(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        MixQuestion(**{"needs": (need(),), "objective": Objective.COST} | change)  # type: ignore[arg-type]
