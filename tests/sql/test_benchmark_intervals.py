"""The intervals that a benchmark publishes hold what they promise: simulated runs whose truth is known."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pytest
from sqlalchemy import Engine, text

from emulator_thread import served
from modelscout.benchmarks.answer_key import answer_key
from modelscout.benchmarks.plan import create_run
from modelscout.benchmarks.runner import finish_run, run_shard
from modelscout.core.secrets import ProviderCredential
from modelscout.core.settings import Settings
from modelscout.emulator.answers import AnswerKey, parse_answer
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
CASES = 64
SEED = 20261125
RUN = uuid.UUID(int=77)


class Truth(NamedTuple):
    """What one simulated model is."""

    quality: float
    median_ms: float


@pytest.fixture(autouse=True)
def _empty(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE organizations, ai_models, ai_model_prices, ai_features, ai_benchmark_runs CASCADE")
        )


def published(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT provider_model_id, benchmark_results, performance_metrics FROM ai_models")
        ).all()
    return {name: (results, metrics) for name, results, metrics in rows}


def covered(intervals: Sequence[Sequence[float]], truths: Sequence[float]) -> float:
    return float(
        np.mean([low <= truth <= high for (low, high), truth in zip(intervals, truths, strict=True)])
    )


@pytest.mark.parametrize("runs", [300, pytest.param(1_000, marks=pytest.mark.verify)])
def test_simulated_runs_cover_the_truth(engine: Engine, runs: int) -> None:
    rng = np.random.default_rng(SEED)
    truths = [
        Truth(q, m) for q, m in zip(rng.uniform(0.3, 0.97, runs), rng.uniform(200, 4000, runs), strict=True)
    ]
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO ai_models (id, provider, provider_model_id) SELECT md5('m' || n)::uuid, 'openai', "
                 "'m' || n FROM generate_series(0, :last) AS n"),
            {"last": runs - 1},
        )  # fmt: skip
        connection.execute(
            text("INSERT INTO ai_benchmark_runs (id, kind, seed, spend_limit_usd, status, started_at) "
                 "VALUES (:id, 'manual', 1, 1, 'running', :now)"),
            {"id": RUN, "now": NOW},
        )  # fmt: skip
        driver: Any = connection.connection.driver_connection
        columns = (
            "run_id, feature_id, model_id, source, suite, case_key, score, duration_ms, time_to_first_token_ms, "
            "output_tokens, finished_at"
        )
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY ai_benchmark_results ({columns}) FROM STDIN") as copy,
        ):
            for number, truth in enumerate(truths):
                model = uuid.UUID(hex=hashlib.md5(f"m{number}".encode()).hexdigest())
                right = rng.random(CASES) < truth.quality
                durations = truth.median_ms * np.exp(rng.normal(0, 0.4, CASES))
                for case in range(CASES):
                    ms = round(float(durations[case]))
                    copy.write_row((RUN, "chat", model, "platform", "chat/1", f"c{case}", int(right[case]), ms,
                                    ms // 2, 40, NOW))  # fmt: skip
    with engine.begin() as connection:
        # As autovacuum does after so many rows.
        connection.execute(text("ANALYZE ai_benchmark_results, ai_models"))
    assert finish_run(engine, str(RUN), now=NOW) == runs
    found = published(engine)
    names = [f"m{n}" for n in range(runs)]
    quality = covered([found[n][0]["chat"]["interval"] for n in names], [t.quality for t in truths])
    median = covered([found[n][1]["duration_interval_ms"] for n in names], [t.median_ms for t in truths])
    assert quality >= 0.935
    assert median >= 0.935
    widths = [found[n][0]["chat"]["interval"][1] - found[n][0]["chat"]["interval"][0] for n in names]
    assert np.mean(widths) < 0.25, "an interval that says nothing covers everything"


@pytest.mark.verify
def test_twenty_models_through_http_show_the_quality_they_were_set_to(engine: Engine) -> None:
    qualities = {f"model-{n}": 0.4 + 0.025 * n for n in range(20)}
    everything = ["text_generation", "streaming"]
    profile = parse_profile(
        {
            "now": NOW.isoformat(),
            "seed": 5,
            "latency_scale": 0,
            "item_correlation": 0.0,
            "keys": {"key-of-acme-0123456789": {"organization": "acme", "provider": "openai"}},
            "models": {
                f"openai/{name}": {"quality": {"default": quality}, "capabilities": everything}
                for name, quality in qualities.items()
            },
        }
    )
    answers = AnswerKey(
        [
            parse_answer(
                {
                    "fingerprint": e.fingerprint,
                    "feature": e.feature,
                    "correct": e.correct,
                    "wrong": list(e.wrong),
                }
            )
            for e in answer_key()
            if e.feature == "chat"
        ]
    )
    _insert_models(engine, list(qualities))
    settings = Settings(database_url="", spend_limit_usd=Decimal(1000), suite_cases=1000)
    plan = create_run(engine, settings, run_key="n", now=NOW, replay=False)
    with served(create_app(profile, answers)) as url:
        key = ProviderCredential("openai", "key-of-acme-0123456789", f"{url}/openai/v1")
        for shard in plan.shards:
            counts = asyncio.run(run_shard(engine, plan.run_id, shard, lambda _: key, settings, now=NOW))
            assert counts["failed"] == 0
    finish_run(engine, plan.run_id, now=NOW)
    found = published(engine)
    intervals = [found[name][0]["chat"]["interval"] for name in qualities]
    assert all(found[name][0]["chat"]["n"] >= 60 for name in qualities)
    # Of twenty intervals at 95 % fewer than 17 hold in 2 of 100 suites; the seed is fixed.
    assert covered(intervals, list(qualities.values())) >= 0.85


def _insert_models(engine: Engine, names: list[str]) -> None:
    with engine.begin() as connection:

        def run(statement: str, **values: Any) -> None:
            connection.execute(text(statement), values)

        run(
            "INSERT INTO organizations (id, name, slug, simulated) VALUES (:id, 'acme', 'acme', TRUE)", id=RUN
        )
        run(
            "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
            "VALUES (:id, 'openai', 'llm__acme__openai', 'valid')",
            id=RUN,
        )
        run(
            "INSERT INTO ai_features (id, name, required_capabilities, use_case) "
            "VALUES ('chat', 'Chat', '{text_generation}', 'real_time')"
        )
        run(
            "INSERT INTO ai_models (provider, provider_model_id, name) "
            "SELECT 'openai', n, n FROM unnest(cast(:n AS text[])) AS n",
            n=names,
        )
        run(
            "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
            "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
            "SELECT 'openai', n, 'standard', '2026-01-01', 1, 1, 'test' FROM unnest(cast(:n AS text[])) AS n",
            n=names,
        )
        run(
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) SELECT :o, id, 'available', :now, :now, :now FROM ai_models",
            o=RUN,
            now=NOW,
        )
        run(
            "INSERT INTO ai_model_capabilities (model_id, capability, result, tested_at) "
            "SELECT id, c, 'verified', :now FROM ai_models "
            "CROSS JOIN unnest(ARRAY['text_generation', 'streaming']) AS c",
            now=NOW,
        )
