"""The comparison on a warehouse made by hand: measured beside documented, and one organization's own month."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.comparison import ComparedModel, Comparison, compare
from modelscout.core.errors import ConfigurationError
from modelscout.costs.calculator import RESOLUTIONS
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACME, OTHER = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
NAMES = ("openai/gpt-4o", "gpt-6-luna", "clarifai/general-image-recognition", "claude-opus-4-1")
INSERT_USE = text(
    "INSERT INTO ai_model_analytics (model_id, organization_id, feature_id, date, total_requests, success_count, "
    "input_tokens, output_tokens, image_tokens, image_count, duration_sum_ms, duration_count, latency_histogram, "
    "outcome_score_sum, outcome_count, simulated) SELECT id, :organization, :feature, :on, :requests, :answers, "
    ":input, :output, :image_tokens, :images, :duration, :answers, cast(:histogram AS jsonb), :score, :judged, :sim "
    "FROM ai_models WHERE provider_model_id = :model"
)


@pytest.fixture(scope="module")
def engine(warehouse_url: str) -> Iterator[Engine]:
    opened = open_engine(warehouse_url)
    sync_catalog(opened, now=NOW)
    with opened.begin() as connection:
        fill(connection)
    yield opened
    opened.dispose()


def fill(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO organizations (id, slug) VALUES (:a, 'acme'), (:b, 'other'), (:c, 'idle')"),
        {"a": ACME, "b": OTHER, "c": uuid.UUID(int=0xC)},
    )
    connection.execute(
        text(
            "INSERT INTO ai_features (id, name, required_capabilities, use_case) VALUES "
            "('photo_tagging', 'Photo tagging', '{image_analysis}', 'batch_processing'), "
            "('descriptions', 'Descriptions', '{text_generation,structured_output}', 'high_accuracy')"
        )
    )
    use(connection, feature="photo_tagging", on=date(2026, 11, 19), requests=100, answers=90, input=90_000,
        output=2_700, image_tokens=68_850, images=90, duration=90_000, histogram='{"300": 60, "340": 30}',
        score=40, judged=50)  # fmt: skip
    use(connection, feature="photo_tagging", on=date(2026, 11, 23), requests=100, answers=100, input=100_000,
        output=3_000, image_tokens=76_500, images=100, duration=50_000, histogram='{"300": 60, "350": 40}',
        score=36, judged=50)  # fmt: skip
    use(connection, feature="descriptions", model="claude-opus-4-1", requests=10, answers=10, input=10_000,
        output=2_000)  # fmt: skip
    use(connection, organization=OTHER, feature="photo_tagging", requests=10**6, answers=10**6, input=10**9)
    connection.execute(
        text(
            'UPDATE ai_models SET performance_metrics = \'{"n": 60, "duration_ms": 80.0, "error_rate": 0.05, '
            '"error_rate_interval": [0.01, 0.14], "simulated": false}\', benchmark_results = '
            '\'{"chat": {"score": 0.75, "n": 12, "interval": [0.47, 0.91], "simulated": false}}\' '
            "WHERE provider_model_id = 'gpt-4o'"
        ).execution_options(no_parameters=True)
    )
    for capability, result in (
        ("image_analysis", "verified"),
        ("tool_use", "contradicted"),
        ("streaming", "documented"),
    ):
        connection.execute(
            text(
                "INSERT INTO ai_model_capabilities (model_id, capability, result, documented) "
                "SELECT id, :c, :r, TRUE FROM ai_models WHERE provider_model_id = 'gpt-4o'"
            ),
            {"c": capability, "r": result},
        )


def use(connection: Connection, **values: object) -> None:
    row = {
        "organization": ACME,
        "model": "gpt-4o",
        "on": date(2026, 11, 20),
        "output": 0,
        "image_tokens": 0,
        "images": 0,
        "duration": 0,
        "histogram": "{}",
        "score": 0,
        "judged": 0,
        "sim": False,
    }
    connection.execute(INSERT_USE, row | values)


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Comparison:
    return compare(NAMES, now=NOW, size=RESOLUTIONS["medium"], engine=engine, organization="acme")


def model(comparison: Comparison, name: str) -> ComparedModel:
    return next(m for m in comparison.models if m.model == name)


def test_documented_and_measured_stand_side_by_side(acme: Comparison) -> None:
    performance = model(acme, "openai/gpt-4o").performance
    assert performance.documented is not None
    assert performance.documented.speed == "high"
    assert performance.platform is not None
    assert (performance.platform.duration_ms, performance.platform.n) == (80.0, 60)
    assert performance.platform.error_rate_interval == (0.01, 0.14)
    assert [(s.feature, s.score, s.interval) for s in performance.platform.scores] == [
        ("chat", 0.75, (0.47, 0.91))
    ]
    own = performance.own
    assert own is not None
    assert (own.requests, own.success_rate) == (200, Decimal("0.95"))
    assert (own.quality, own.judged_answers) == (Decimal("0.76"), 100)
    assert own.mean_ms == Decimal("736.8")  # 140,000 ms over 190 answers.
    # 120 of 190 answers are in bucket 300, up to 1.02^300 = 380 ms; the 181st is in bucket 350, up to 1,024 ms.
    assert own.p50_ms == pytest.approx(1.02**299.5, rel=0.01)
    assert own.p95_ms == pytest.approx(1.02**349.5, rel=0.01)


def test_what_was_not_measured_is_unknown(acme: Comparison) -> None:
    performance = model(acme, "openai/gpt-6-luna").performance
    assert (performance.platform, performance.own) == (None, None)
    assert acme.simulated is False


def test_capabilities_say_what_a_probe_found(acme: Comparison) -> None:
    found = {c.capability.value: (c.documented, c.tested) for c in model(acme, "openai/gpt-4o").capabilities}
    assert found["image_analysis"] == (True, "verified")
    assert found["tool_use"] == (True, "contradicted")
    assert found["streaming"] == (True, "untested")
    assert found["large_context"] == (False, "untested")


def test_the_month_is_the_organizations_own_mix_at_each_models_image_tokens(acme: Comparison) -> None:
    # 190 photos and answers in the five days from 19 to 23 November; a month has 30.4375 days.
    # Text: 190,000 - 145,350 = 44,650 tokens; answers: 5,700.
    month = Decimal("30.4375") / 5
    for name, tokens, given, answer in (
        ("openai/gpt-4o", 765, "2.5", "10"),
        ("openai/gpt-6-luna", 1229, "0.1", "0.5"),
    ):
        cost = (Decimal(44_650 + 190 * tokens) * Decimal(given) + 5_700 * Decimal(answer)) / 10**6
        tagging = next(f for f in model(acme, name).costs.features if f.feature == "photo_tagging")
        assert tagging.monthly_usd == (cost * month).quantize(Decimal("1e-12")).normalize()
        assert tagging.requests_per_month == 200 * month
    clarifai = model(acme, "clarifai/general-image-recognition").costs
    assert clarifai.features[1].monthly_usd == 190 * Decimal("0.0012") * month


def test_a_feature_that_a_model_cannot_serve_leaves_the_month_unknown_and_counts(acme: Comparison) -> None:
    costs = model(acme, "clarifai/general-image-recognition").costs
    assert costs.monthly_usd is None
    assert costs.known_monthly_usd == costs.features[1].monthly_usd
    assert costs.unpriced_requests_per_month == 10 * Decimal("30.4375") / 4
    assert costs.reason == "descriptions: the model has no structured_output, text_generation"


def test_a_retired_model_has_no_month(acme: Comparison) -> None:
    opus = model(acme, "anthropic/claude-opus-4-1")
    assert opus.lifecycle.days_left is not None
    assert opus.lifecycle.days_left < 0
    assert opus.costs.monthly_usd is None
    assert opus.costs.features[0].reason == f"retired on {opus.lifecycle.retires_on}"


def test_features_narrow_the_month(engine: Engine) -> None:
    found = compare(
        NAMES[2:3],
        now=NOW,
        size=RESOLUTIONS["medium"],
        engine=engine,
        organization="acme",
        features=["photo_tagging"],
    )
    assert found.models[0].costs.monthly_usd == 190 * Decimal("0.0012") * Decimal("30.4375") / 5
    with pytest.raises(ConfigurationError, match="the organization's are descriptions, photo_tagging"):
        compare(
            NAMES[:1],
            now=NOW,
            size=RESOLUTIONS["medium"],
            engine=engine,
            organization="acme",
            features=["search"],
        )


@pytest.mark.parametrize("organization", ["idle", None])
def test_without_usage_the_month_is_unknown(engine: Engine, organization: str | None) -> None:
    found = compare(NAMES[:1], now=NOW, size=RESOLUTIONS["low"], engine=engine, organization=organization)
    costs = found.models[0].costs
    assert (costs.monthly_usd, costs.known_monthly_usd) == (None, None)
    assert costs.reason == "no usage of an organization is known"
    assert found.models[0].performance.platform is not None
    assert found.models[0].performance.own is None
