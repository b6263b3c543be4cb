"""Models ranked for a use case: what is measured counts before what is documented, and the unknown is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelscout.core.types import Capability, UseCase
from modelscout.recommender.question_words import use_case_sentences
from modelscout.recommender.questions import Ability, Kind, Option, Requirements, Source
from modelscout.recommender.use_case import (
    Basis,
    Candidate,
    UseCaseAnswer,
    UseCaseQuestion,
    admit,
    rank_models,
)
from recommender_support import measure, option

DOCUMENTED = {"cost": 100, "speed": 75, "accuracy": 60, "batch": 100}


def answer(
    *candidates: Option | Candidate, use_case: UseCase = UseCase.COST_SENSITIVE, **asks: object
) -> UseCaseAnswer:
    found = tuple(c if isinstance(c, Candidate) else Candidate(c, DOCUMENTED) for c in candidates)
    return rank_models(UseCaseQuestion(use_case, found, Requirements(**asks)))  # type: ignore[arg-type]


def names(found: UseCaseAnswer) -> list[str]:
    return [ranked.option.model for ranked in found.ranked]


def test_measured_cost_and_quality_make_the_score() -> None:
    found = answer(option("openai/a", "0.001", 0.9), option("openai/b", "0.01", 0.95))
    # Cost counts 80 and accuracy 20; ten times the cheapest is worth 100 - 42.5.
    assert [(r.option.model, r.score) for r in found.ranked] == [
        ("openai/a", pytest.approx(0.8 * 100 + 0.2 * 90)),
        ("openai/b", pytest.approx(0.8 * 57.5 + 0.2 * 95)),
    ]
    assert [c.basis for c in found.ranked[0].criteria] == [Basis.PRICE, Basis.OWN_WORK]
    assert found.ranked[0].documented_only == ()


def test_a_documented_class_is_worth_what_its_measured_models_are() -> None:
    suites = replace(option("openai/a", "0.01"), quality=measure(0.4)._replace(source=Source.SUITES))
    found = answer(suites, option("openai/b", "0.01"), use_case=UseCase.COST_SENSITIVE)
    by_name = {r.option.model: r for r in found.ranked}
    assert by_name["openai/a"].criteria[1][2:] == (pytest.approx(40), Basis.SUITES)
    assert by_name["openai/b"].criteria[1][2:] == (pytest.approx(40), Basis.CLASS_MEAN)
    assert by_name["openai/b"].documented_only == ("accuracy",)
    alone = answer(option("openai/b", "0.01"))
    assert alone.ranked[0].criteria[1][2:] == (60.0, Basis.DOCUMENTED)


def test_an_unknown_price_or_accuracy_is_said_and_not_ranked() -> None:
    unpriced = replace(option("openai/free", None, 0.99), cost_reason="no price for batch processing")
    unknown = Candidate(option("openai/new", "0.001"), None)
    found = answer(unpriced, unknown, option("openai/a", "0.01", 0.5))
    assert names(found) == ["openai/a"]
    reasons = {r.option.model: [f.reason for f in r.fails] for r in found.excluded}
    assert reasons == {
        "openai/free": ["cost unknown (no price for batch processing)"],
        "openai/new": ["accuracy unknown"],
    }


def test_each_excluded_model_says_everything_that_it_fails() -> None:
    bad = option("google/bad", "0.2", 0.3, 900, abilities={Capability.TOOL_USE: Ability.CONTRADICTED})
    found = answer(
        bad,
        minimum_quality=0.5,
        maximum_latency_ms=500.0,
        maximum_usd_per_request=option("x", "0.1").usd_per_request,
        capabilities=frozenset({Capability.TOOL_USE}),
        providers=frozenset({"openai"}),
    )
    [excluded] = found.excluded
    assert [f.reason for f in excluded.fails] == [
        "quality 0.300 is below 0.500",
        "latency 900 ms is above 500 ms",
        "cost of 0.2 USD a request is above 0.1",
        "tool_use is contradicted",
        "provider google is not among openai",
    ]


def test_a_binding_requirement_names_the_limit_and_the_model() -> None:
    asks = {"maximum_latency_ms": 500.0}
    fast, slow = option("openai/fast", "0.02", 0.8, 400), option("openai/slow", "0.01", 0.9, 800)
    found = answer(fast, slow, **asks)
    [admission] = found.binding
    assert (admission.model, admission.changes) == ("openai/slow", {Kind.MAXIMUM_LATENCY: 800.0})
    relaxed = rank_models(
        UseCaseQuestion(
            UseCase.COST_SENSITIVE,
            (Candidate(fast, DOCUMENTED), Candidate(slow, DOCUMENTED)),
            admit(Requirements(maximum_latency_ms=500.0), admission),
        )
    )
    assert names(relaxed)[0] == "openai/slow"
    assert relaxed.ranked[0].score == admission.score
    [sentence] = use_case_sentences(found)
    assert sentence.startswith("The maximum latency binds: at 800 ms it would admit openai/slow")


def test_where_nothing_is_left_the_conflict_is_minimal_and_the_remedy_helps() -> None:
    fast, good = option("openai/fast", "0.01", 0.5, 100), option("openai/good", "0.01", 0.9, 900)
    asks = Requirements(minimum_quality=0.8, maximum_latency_ms=500.0, providers=frozenset({"openai"}))
    question = UseCaseQuestion(
        UseCase.REAL_TIME,
        tuple(
            Candidate(replace(o, abilities={Capability.STREAMING: Ability.VERIFIED}), DOCUMENTED)
            for o in (fast, good)
        ),
        asks,
    )
    found = rank_models(question)
    assert set(found.conflict) == {Kind.MINIMUM_QUALITY, Kind.MAXIMUM_LATENCY}
    assert {r.model for r in found.remedies} == {"openai/fast", "openai/good"}
    for remedy in found.remedies:
        assert names(rank_models(replace(question, asks=admit(asks, remedy)))) == [remedy.model]
