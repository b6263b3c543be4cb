"""Small questions about a mix, drawn at random, and their answer by trying everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from modelscout.core.types import Capability
from modelscout.recommender.mix_model import TIE, Scale
from modelscout.recommender.mix_question import MixQuestion, Need, Objective, month_usd
from modelscout.recommender.questions import Ability, Measure, Option, Requirements, Source, failures

PROVIDERS = ("anthropic", "google", "openai")
SHARES = st.integers(0, 20).map(lambda n: n / 20)


def measure(value: float, width: float = 0.05) -> Measure:
    return Measure(value, value - width, value + width, 100, Source.REPLAY)


def option(
    name: str,
    usd: str | None,
    quality: float | None = None,
    latency_ms: float | None = None,
    **values: object,
) -> Option:
    found = Option(
        model=name,
        provider=name.partition("/")[0],
        usd_per_request=None if usd is None else Decimal(usd),
        quality=None if quality is None else measure(quality),
        latency_ms=None if latency_ms is None else measure(latency_ms, 10),
    )
    return replace(found, **values)  # type: ignore[arg-type]


@st.composite
def options(draw: st.DrawFn, name: str) -> Option:
    ability = draw(st.sampled_from([Ability.VERIFIED, Ability.DOCUMENTED, Ability.ABSENT, None]))
    cents = draw(st.one_of(st.none(), st.integers(0, 30)))
    return option(
        name,
        None if cents is None else str(Decimal(cents) / 100),
        draw(st.one_of(st.none(), SHARES)),
        draw(st.one_of(st.none(), st.integers(1, 10).map(lambda n: 100.0 * n))),
        abilities={} if ability is None else {Capability.TOOL_USE: ability},
        unusable=draw(st.sampled_from([None, None, None, None, "retired on 2026-01-01"])),
    )


@st.composite
def questions(draw: st.DrawFn) -> MixQuestion:
    """Two to four features with up to five models of three providers, and any constraints."""
    names = [
        f"{p}/m{i}" for i, p in enumerate(draw(st.lists(st.sampled_from(PROVIDERS), min_size=2, max_size=5)))
    ]
    needs = tuple(draw(_needs(f"f{number}", names)) for number in range(draw(st.integers(2, 4))))
    return MixQuestion(
        needs=needs,
        objective=draw(st.sampled_from(Objective)),
        budget_usd_per_month=draw(st.one_of(st.none(), st.integers(0, 60).map(Decimal))),
        maximum_providers=draw(st.one_of(st.none(), st.integers(1, 3))),
        provider_share=draw(
            st.one_of(st.none(), st.sampled_from([Decimal("0.4"), Decimal("0.5"), Decimal("0.7")]))
        ),
    )


@st.composite
def _needs(draw: st.DrawFn, feature: str, names: list[str]) -> Need:
    return Need(
        feature=feature,
        requests_per_month=Decimal(draw(st.integers(1, 100))),
        options=tuple(draw(options(name)) for name in names),
        asks=Requirements(
            minimum_quality=draw(st.one_of(st.none(), SHARES)),
            maximum_latency_ms=draw(st.one_of(st.none(), st.sampled_from([300.0, 700.0]))),
            capabilities=draw(st.sampled_from([frozenset(), frozenset(), frozenset({Capability.TOOL_USE})])),
            providers=draw(st.sampled_from([None, None, frozenset({"google", "openai"})])),
        ),
        fallback=draw(st.booleans()),
        importance=Decimal(draw(st.integers(1, 3))),
    )


def able(need: Need, objective: Objective) -> list[Option]:
    """Options that meet every requirement and whose figures are known."""
    return [
        o
        for o in need.options
        if not failures(o, need.asks)
        and o.usd_per_request is not None
        and (objective is Objective.COST or o.quality is not None)
    ]


def every_mix(question: MixQuestion) -> Iterator[tuple[Option, ...]]:
    """Every mix that keeps to all constraints, by trying all of them."""
    needs = sorted(question.needs, key=lambda need: need.feature)
    able_options = [able(need, question.objective) for need in needs]
    for mix in itertools.product(*able_options):
        if _keeps(question, needs, able_options, mix):
            yield mix


def _keeps(
    question: MixQuestion, needs: list[Need], able_options: list[list[Option]], mix: tuple[Option, ...]
) -> bool:
    spent = sum((month_usd(n, o) or Fraction(0) for n, o in zip(needs, mix, strict=True)), Fraction(0))
    if question.budget_usd_per_month is not None and spent > Fraction(question.budget_usd_per_month):
        return False
    total = sum(need.requests_per_month for need in needs)
    for provider in PROVIDERS:
        served = sum(n.requests_per_month for n, o in zip(needs, mix, strict=True) if o.provider == provider)
        if question.provider_share is not None and Fraction(served) > Fraction(
            question.provider_share
        ) * Fraction(total):
            return False
    return any(
        {o.provider for o in mix} <= set(opened) and _can_fall_back(needs, able_options, mix, opened)
        for opened in itertools.combinations(PROVIDERS, min(question.maximum_providers or 3, 3))
    )


def _can_fall_back(
    needs: list[Need], able_options: list[list[Option]], mix: tuple[Option, ...], opened: tuple[str, ...]
) -> bool:
    return all(
        not need.fallback or any(o.provider in opened and o.provider != pick.provider for o in others)
        for need, others, pick in zip(needs, able_options, mix, strict=True)
    )


def penalty(question: MixQuestion, mix: tuple[Option, ...]) -> float:
    """What a mix is judged by: its objective, and at the weight `TIE` the other one."""
    scale = Scale.of(question)
    needs = sorted(question.needs, key=lambda need: need.feature)
    gain = spent = 0.0
    for need, chosen in zip(needs, mix, strict=True):
        weight = float(Fraction(need.requests_per_month) * Fraction(need.importance) / scale.weight)
        gain += weight * (chosen.quality.value if chosen.quality else 0.0)
        spent += float((month_usd(need, chosen) or Fraction(0)) / scale.usd)
    return TIE * spent - gain if question.objective is Objective.QUALITY else spent - TIE * gain
