"""The planted winner is among the two models that a night tries, as the benchmark chooses them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import pytest

from modelscout.benchmarks.candidates import ModelFacts, ReplayNeed, SuiteScore, choose_candidates, usage_of
from modelscout.benchmarks.graders import grade
from modelscout.benchmarks.suites import load_suites
from modelscout.catalog.loader import load_catalog
from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.settings import Settings
from modelscout.core.types import Capability, Provider, TokenUsage, UseCase, Verdict
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import PriceRow
from modelscout.demo.profile import MODELS, features_of, quality, retires_on
from modelscout.demo.samples import baseline, difficulty, samples
from modelscout.demo.scenario import ASSIGNMENTS, FEATURES, Assignment, ModelRef, organization

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRIED = 2
TOKEN_FIELDS = tuple(TokenUsage.__dataclass_fields__)
PLANTED = [a for a in ASSIGNMENTS if a.expected in (Verdict.SWITCH, Verdict.MIGRATE, Verdict.TRIAL)]


@lru_cache(maxsize=1)
def prices() -> Mapping[tuple[str, str], tuple[PriceRow, ...]]:
    found: dict[tuple[str, str], list[PriceRow]] = defaultdict(list)
    for row in price_rows(load_catalog().models):
        found[row.provider, row.model_id].append(row)
    return {key: tuple(rows) for key, rows in found.items()}


@lru_cache(maxsize=1)
def catalog() -> Mapping[str, tuple[float, str | None]]:
    return {
        f"{m.provider}/{m.model_id}": (m.use_case_scores[UseCase.HIGH_ACCURACY].score, m.lifecycle.successor)
        for m in load_catalog().models
    }


def suite_scores(model: ModelRef) -> dict[str, SuiteScore]:
    """What the emulator answers to the platform's suites, where the model can take the case."""
    found = {}
    can = MODELS[model.key].capabilities - MODELS[model.key].contradicted
    for suite in load_suites():
        if suite.feature_id not in features_of(model.key):
            continue
        total, n = 0.0, 0
        for case in suite.cases_for({str(c) for c in can})[: Settings.suite_cases]:
            if case.json_schema is not None and Capability.STRUCTURED_OUTPUT not in can:
                continue
            right = difficulty(content_fingerprint(case.prompt, case.images), model)
            n += 1
            total += (
                1.0
                if right < quality(model.key, suite.feature_id)
                else grade(case.grader, case.wrong_answers[0], case.reference)
            )
        found[suite.feature_id] = SuiteScore(total, n)
    return found


def facts(model: ModelRef) -> ModelFacts:
    settings = MODELS[model.key]
    end = retires_on(model.key, NOW)
    accuracy, successor = catalog()[model.key]
    gone = end is not None and end <= NOW.date()
    return ModelFacts(
        model_id=model.key,
        provider=str(model.provider),
        name=model.model,
        status="retired" if gone else "available",
        retires_on=end,
        successor=successor,
        verified=frozenset(str(c) for c in settings.capabilities - settings.contradicted),
        high_accuracy=accuracy,
        prices=prices()[str(model.provider), model.model],
        suite_scores=suite_scores(model),
    )


def tried(assignment: Assignment) -> list[str]:
    usages = []
    for sample in (s for s in samples() if s.assignment is assignment):
        used = baseline(sample).usage
        counted = TokenUsage(**{name: used[name] for name in TOKEN_FIELDS})
        has_image = sample.case.image is not None
        usages.append(usage_of(counted, estimated_input_tokens=1_100, has_image=has_image))
    required = next(f.required_capabilities for f in FEATURES if f.id == assignment.feature)
    need = ReplayNeed(
        feature_id=assignment.feature,
        required=frozenset(str(c) for c in required),
        usages=tuple(usages),
        incumbent=facts(assignment.incumbent),
    )
    reachable = [facts(model) for model in organization(assignment.organization).models()]
    chosen = choose_candidates(need, reachable, now=NOW, horizon_days=30, limit=TRIED)
    return [candidate.model_id.partition("/")[2] for candidate in chosen]


@pytest.mark.parametrize("assignment", PLANTED, ids=lambda a: f"{a.organization}-{a.feature}")
def test_the_planted_winner_is_tried_first_night(assignment: Assignment) -> None:
    # Where this fails after a change of the suites or of the catalog: choose another profile.SEED.
    assert set(tried(assignment)) & set(assignment.expected_models)


def test_the_successor_of_a_model_that_goes_is_tried_first() -> None:
    assignment = next(a for a in PLANTED if (a.retires_in_days or 0) > 0)
    assert tried(assignment)[0] == "claude-sonnet-5-5"


def test_every_demo_model_is_in_the_catalog_and_has_a_price() -> None:
    for key in MODELS:
        provider, _, model = key.partition("/")
        assert key in catalog()
        assert prices()[provider, model]
        assert Provider(provider)
