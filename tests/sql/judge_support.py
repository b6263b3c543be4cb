"""A small warehouse whose samples are graded by a rubric, and an emulator with judges. Used by the judge's tests."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, text

from emulator_thread import served
from modelscout.benchmarks.answer_key import known_answer_entry
from modelscout.benchmarks.known_answers import load_known_answers
from modelscout.benchmarks.plan import create_run
from modelscout.benchmarks.runner import finish_run, run_shard
from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.secrets import ProviderCredential
from modelscout.core.settings import Settings
from modelscout.emulator.answers import AnswerItem, AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.warehouse.engine import run_sql

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
ACME = uuid.UUID(int=7)
ITEMS = 32
KNOWN = len(load_known_answers().items)
PROVIDERS = {"openai": "/openai/v1", "anthropic": "/anthropic"}
MODELS = {
    "openai/incumbent": uuid.UUID(int=1),
    "openai/candidate": uuid.UUID(int=2),
    "openai/cousin": uuid.UUID(int=3),
    "anthropic/judge": uuid.UUID(int=4),
}
ABLE = ["text_generation", "structured_output", "streaming"]
SETTINGS = Settings(
    database_url="",
    request_concurrency=16,
    replay_items=ITEMS,
    suite_cases=1000,
    spend_limit_usd=Decimal(5),
    judge_models=("anthropic/judge",),
)


def question(index: int) -> str:
    return f"Describe product {index} in one sentence."


def right(index: int) -> str:
    return f"Product {index} is made of oak and weighs {index + 1} kg."


def answer_key(more: Sequence[AnswerItem] = ()) -> AnswerKey:
    samples = [
        AnswerItem(
            content_fingerprint(question(index)), "descriptions", right(index), ("It is made of plastic.",)
        )
        for index in range(ITEMS)
    ]
    known = [AnswerItem(**asdict(known_answer_entry(item))) for item in load_known_answers().items]
    return AnswerKey([*samples, *known, *more])


class Vendors:
    """The emulator while a test runs."""

    def __init__(self, emulator: Any, url: str) -> None:
        self.emulator = emulator
        self.url = url

    def credentials(self, reference: str) -> ProviderCredential | None:
        provider = reference.rpartition("__")[2]
        return ProviderCredential(provider, f"key-{provider}-0123456789", f"{self.url}{PROVIDERS[provider]}")

    def answered(self, model: str) -> int:
        """Calls of a model, such as `anthropic/judge`, that were answered."""
        return sum(
            count
            for (provider, name, _, status), count in self.emulator.journal.calls.items()
            if f"{provider}/{name}" == model and status == 200
        )

    def change(self, models: Mapping[str, Mapping[str, Any]]) -> None:
        """Other settings of the models from now on."""
        self.emulator.apply(profile(models))

    def change_scale(self, latency_scale: float) -> None:
        """Answers take their time from now on."""
        self.emulator.apply(replace(self.emulator.profile, latency_scale=latency_scale))


def profile(models: Mapping[str, Mapping[str, Any]]) -> Any:
    return parse_profile(
        {
            "now": NOW.isoformat(),
            "latency_scale": 0,
            "seed": 3,
            "keys": {f"key-{p}-0123456789": {"organization": "acme", "provider": p} for p in PROVIDERS},
            "models": {
                name: {"capabilities": ABLE} | dict(models.get(name, {})) for name in [*MODELS, *models]
            },
        }
    )


@contextmanager
def vendors(judge: Mapping[str, Any], more: Sequence[AnswerItem] = (), **models: Any) -> Iterator[Vendors]:
    """An emulator whose judge has these settings."""
    app = create_app(profile({"anthropic/judge": judge, **models}), answer_key(more))
    with served(app) as url:
        yield Vendors(app.state.emulator, url)


def fill(engine: Engine) -> None:
    """One organization with keys for both vendors and samples under a rubric."""
    with engine.begin() as c:

        def run(statement: str, **values: Any) -> None:
            c.execute(text(statement), values)

        run("TRUNCATE organizations, ai_models, ai_model_prices, ai_features, ai_benchmark_runs CASCADE")
        run("INSERT INTO organizations (id, name, slug, simulated) VALUES (:id, 'a', 'acme', TRUE)", id=ACME)
        run(
            "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
            "SELECT :id, p, 'llm__acme__' || p, 'valid' FROM unnest(cast(:p AS text[])) AS p",
            id=ACME,
            p=list(PROVIDERS),
        )
        run(
            "INSERT INTO ai_features (id, name, required_capabilities, use_case) "
            "VALUES ('descriptions', 'd', '{text_generation}', 'real_time')"
        )
        for name, model in MODELS.items():
            provider, _, model_name = name.partition("/")
            run(
                "INSERT INTO ai_models (id, provider, provider_model_id, name) VALUES (:id, :p, :n, :n)",
                id=model,
                p=provider,
                n=model_name,
            )
        run(
            "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
            "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
            "SELECT provider, provider_model_id, 'standard', '2026-01-01', 1, 1, 'test' FROM ai_models"
        )
        run(
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) SELECT :o, id, 'available', :now, :now, :now FROM ai_models",
            o=ACME,
            now=NOW,
        )
        run(
            "INSERT INTO ai_model_capabilities (model_id, capability, result, tested_at) "
            "SELECT m.id, c, 'verified', :now FROM ai_models AS m, unnest(cast(:c AS text[])) AS c "
            "WHERE c <> 'text_generation' OR m.provider_model_id <> 'judge'",
            now=NOW,
            c=ABLE,
        )
        run(
            "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
            "VALUES (:o, 'descriptions', :m)",
            o=ACME,
            m=MODELS["openai/incumbent"],
        )
        for index in range(ITEMS):
            rubric = {"rubric": ["Says that it is made of oak.", "Says what it weighs."]}
            run(
                "INSERT INTO ai_workload_samples (organization_id, feature_id, item_key, prompt, reference, grader, "
                "max_output_tokens, baseline_usage, sampled_at, expires_at) VALUES (:o, 'descriptions', :k, :p, "
                """:r, 'rubric', 60, '{"input_tokens": 100, "output_tokens": 40}', :at, :e)""",
                o=ACME,
                k=f"item-{index:03}",
                p=question(index),
                r=json.dumps(rubric | {"reference": right(index)}),
                at=NOW - timedelta(hours=index),
                e=NOW + timedelta(days=60),
            )


def run_replay(
    engine: Engine,
    vendors: Vendors,
    key: str,
    *,
    settings: Settings = SETTINGS,
    now: datetime = NOW,
    **plan: Any,
) -> tuple[str, Counter[str]]:
    """One run with its counts; the same key goes on with the same run."""
    made = create_run(engine, settings, run_key=key, now=now, **({"suites": False} | plan))
    counts: Counter[str] = Counter()
    for shard in made.shards:
        counts.update(
            asyncio.run(run_shard(engine, made.run_id, shard, vendors.credentials, settings, now=now))
        )
    finish_run(engine, made.run_id, now)
    return made.run_id, counts


def rows(engine: Engine, statement: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement)).all()]


def pairs(engine: Engine, now: datetime = NOW) -> dict[str, int]:
    """Paired items that count as evidence, by candidate."""
    with engine.connect() as connection:
        return {r["model"]: r["n"] for r in run_sql(connection, "queries/recommender_pairs", {"now": now})}
