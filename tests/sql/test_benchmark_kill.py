"""SIGKILL of a benchmark task: each case has its row once, and little is paid twice, counted by the vendor."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from benchmark_worker import CONCURRENCY, KEY, NOW, work
from killable import Killable
from sqlalchemy import Engine, text

from emulator_thread import served
from modelscout.benchmarks.plan import create_run
from modelscout.benchmarks.suites import load_suites
from modelscout.core.settings import Settings
from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile

MODELS = ("one", "two", "three")
FEATURES = ("chat", "search", "moderation")
ORGANIZATION = uuid.UUID(int=7)
CASES = sum(len(suite.cases) for suite in load_suites() if suite.feature_id in FEATURES) * len(MODELS)


@pytest.fixture
def vendor() -> Iterator[tuple[Any, str]]:
    """The emulator's state and the base URL of its OpenAI."""
    able = {
        "capabilities": ["text_generation", "streaming"],
        "time_to_first_token_ms": 60,
        "output_token_ms": 1,
    }
    profile = parse_profile(
        {
            "now": NOW.isoformat(),
            "keys": {KEY: {"organization": "acme", "provider": "openai"}},
            "models": {f"openai/{name}": able for name in MODELS},
        }
    )
    app = create_app(profile, AnswerKey([]))
    with served(app) as url:
        yield app.state.emulator, f"{url}/openai/v1"


@pytest.fixture
def run_id(engine: Engine) -> str:
    """A planned run of all suites of three models."""
    with engine.begin() as connection:

        def run(statement: str, **values: Any) -> None:
            connection.execute(text(statement), values)

        run("TRUNCATE organizations, ai_models, ai_model_prices, ai_features, ai_benchmark_runs CASCADE")
        run("INSERT INTO organizations (id, name, slug) VALUES (:id, 'acme', 'acme')", id=ORGANIZATION)
        run(
            "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
            "VALUES (:id, 'openai', 'llm__acme__openai', 'valid')",
            id=ORGANIZATION,
        )
        run(
            "INSERT INTO ai_features (id, name, required_capabilities, use_case) "
            "SELECT f, f, '{text_generation}', 'real_time' FROM unnest(cast(:f AS text[])) AS f",
            f=list(FEATURES),
        )
        run(
            "INSERT INTO ai_models (provider, provider_model_id, name) "
            "SELECT 'openai', n, n FROM unnest(cast(:n AS text[])) AS n",
            n=list(MODELS),
        )
        run(
            "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
            "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
            "SELECT 'openai', provider_model_id, 'standard', '2026-01-01', 1, 1, 'test' FROM ai_models"
        )
        run(
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) SELECT :o, id, 'available', :now, :now, :now FROM ai_models",
            o=ORGANIZATION,
            now=NOW,
        )
        run(
            "INSERT INTO ai_model_capabilities (model_id, capability, result, tested_at) "
            "SELECT id, 'text_generation', 'verified', :now FROM ai_models",
            now=NOW,
        )
    settings = Settings(database_url="", suite_cases=1000, spend_limit_usd=Decimal(100))
    return create_run(engine, settings, run_key="killed", now=NOW, about="accuracy", replay=False).run_id


def done(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM ai_benchmark_results")).scalar_one())


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.verify)])
def test_a_task_that_is_killed_and_run_again_pays_little_twice(
    engine: Engine, warehouse_url: str, vendor: tuple[Any, str], run_id: str, kills: int
) -> None:
    emulator, base_url = vendor
    rng = random.Random(kills)
    killed = 0
    for _ in range(kills):
        before = done(engine)
        wanted = before + rng.randint(1, CASES // (kills + 2))
        process = Killable(work, warehouse_url, base_url, run_id)
        while process.poll() is None and done(engine) < wanted:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.05))
        killed += process.poll() is None
        process.kill()
        process.wait(timeout=30)
        assert done(engine) > before
    assert killed == kills, "every kill hit a task at work"
    last = Killable(work, warehouse_url, base_url, run_id)
    assert last.wait(timeout=120) == 0
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT count(*), count(DISTINCT (model_id, suite, case_key, trial)) FROM ai_benchmark_results"
            )
        ).one()
    assert tuple(rows) == (CASES, CASES)
    calls = sum(
        count for (_, model, _, status), count in emulator.journal.calls.items() if model and status == 200
    )
    assert CASES <= calls <= CASES + kills * CONCURRENCY
