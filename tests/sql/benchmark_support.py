"""A vendor in memory and a small warehouse, for tests of probes and benchmark runs."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.benchmarks.answer_key import answer_key
from modelscout.benchmarks.capabilities import plan_probes, probe_shard
from modelscout.benchmarks.plan import create_run as create_any_run
from modelscout.benchmarks.runner import run_shard
from modelscout.benchmarks.stored_runs import BenchmarkPlan
from modelscout.benchmarks.suites import load_suites
from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.secrets import ProviderCredential
from modelscout.core.settings import Settings
from modelscout.core.types import TokenUsage
from modelscout.providers.protocol import FinishReason, GenerateRequest, GenerateResult, TextDelta, ToolCall

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
SETTINGS = Settings(
    database_url="",
    shards=2,
    request_concurrency=4,
    replay_items=35,
    spend_limit_usd=Decimal(10),
    suite_cases=1000,
)
ACME, BLOOM = uuid.UUID(int=10), uuid.UUID(int=11)
MODELS = {"good": uuid.UUID(int=1), "cheap": uuid.UUID(int=2), "old": uuid.UUID(int=3)}
SIZES = {suite.feature_id: len(suite.cases) for suite in load_suites()}
CHAT = SIZES["chat"]
CASES = SIZES["chat"] + SIZES["search"]
"""What a model that answers both features runs."""
create_run = partial(create_any_run, about="accuracy")
"""Speed and cost have their own tests."""
ANSWERS = {entry.fingerprint: entry for entry in answer_key()}


class Vendor:
    """Right on all that the answer key knows, "yes" on the rest, unless told otherwise."""

    provider = "openai"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.fails: Callable[[GenerateRequest], Exception | None] = lambda request: None
        self.wrong: Callable[[GenerateRequest], bool] = lambda request: False

    @asynccontextmanager
    async def open(self, credential: ProviderCredential, *, concurrency: int) -> AsyncIterator[Any]:
        yield self

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        self.asked.append((request.model, request.prompt))
        await asyncio.sleep(0)
        if (error := self.fails(request)) is not None:
            raise error
        entry = ANSWERS.get(content_fingerprint(request.prompt, [image.data for image in request.images]))
        right = "yes" if entry is None else entry.correct
        answer = right if not self.wrong(request) else "no" if entry is None else entry.wrong[0]
        tool = request.tools[0].name if request.tools and answer.startswith("{") else None
        return GenerateResult(
            text=answer,
            finish_reason=FinishReason.STOP,
            usage=TokenUsage(input_tokens=100, output_tokens=40),
            requested_model=request.model,
            served_model=request.model,
            request_id=None,
            duration_ms=500.0,
            tool_calls=(ToolCall(tool, json.loads(answer)),) if tool else (),
        )

    async def stream(self, request: GenerateRequest) -> AsyncIterator[Any]:
        result = await self.generate(request)
        yield TextDelta(result.text[:1])
        yield TextDelta(result.text[1:])
        yield replace(result, time_to_first_token_ms=100.0)


def credentials(reference: str) -> ProviderCredential | None:
    return ProviderCredential("openai", f"sk-{reference}", "http://127.0.0.1:1/openai/v1")


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def small_warehouse(engine: Engine) -> None:
    everybody = "text_generation,image_analysis,structured_output,tool_use,streaming,complex_reasoning"
    with engine.begin() as connection:

        def run(statement: str, **values: Any) -> None:
            connection.execute(text(statement), values)

        run("TRUNCATE organizations, ai_models, ai_model_prices, ai_features, ai_benchmark_runs CASCADE")
        for organization, slug in ((ACME, "acme"), (BLOOM, "bloom")):
            run(
                "INSERT INTO organizations (id, name, slug, simulated) VALUES (:id, :slug, :slug, TRUE)",
                id=organization,
                slug=slug,
            )
            run(
                "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
                "VALUES (:id, 'openai', :reference, 'valid')",
                id=organization,
                reference=f"llm__{slug}__openai",
            )
        for name, model_id in MODELS.items():
            run(
                "INSERT INTO ai_models (id, provider, provider_model_id, name, documented_capabilities, "
                "use_case_scores, updated_at) VALUES (:id, 'openai', :name, :name, string_to_array(:all, ','), "
                """'{"high_accuracy": {"score": 80}}', :at)""",
                id=model_id,
                name=name,
                all=everybody,
                at=NOW - timedelta(days=60),
            )
            run(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES ('openai', :name, 'standard', '2026-01-01', :usd, :usd, 'test')",
                name=name,
                usd=0.1 if name == "cheap" else 1,
            )
        for feature in ("chat", "search"):
            run(
                "INSERT INTO ai_features (id, name, required_capabilities, use_case) "
                "VALUES (:id, :id, '{text_generation}', 'real_time')",
                id=feature,
            )
        for organization, names in ((ACME, ("good", "cheap")), (BLOOM, ("good",))):
            for name in names:
                run(
                    "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, "
                    "last_seen_at, checked_at) VALUES (:o, :m, 'available', :now, :now, :now)",
                    o=organization,
                    m=MODELS[name],
                    now=NOW,
                )


def verify(engine: Engine, *names: str) -> None:
    with engine.begin() as connection:
        for name in names:
            for capability in ("text_generation", "streaming"):
                connection.execute(
                    text(
                        "INSERT INTO ai_model_capabilities (model_id, capability, result, tested_at) "
                        "VALUES (:m, :c, 'verified', :now)"
                    ),
                    {"m": MODELS[name], "c": capability, "now": NOW},
                )


def add_samples(
    engine: Engine, count: int, *, incumbent: str | None = "good", expires: timedelta = timedelta(days=9)
) -> None:
    with engine.begin() as connection:
        for index in range(count):
            connection.execute(
                text(
                    "INSERT INTO ai_workload_samples (organization_id, feature_id, item_key, prompt, reference, "
                    "grader, max_output_tokens, baseline_usage, sampled_at, expires_at) VALUES (:o, 'chat', "
                    """:k, :p, '"yes"', 'normalised', 20, '{"input_tokens": 100, "output_tokens": 40}', :at, :e)"""
                ),
                {
                    "o": ACME,
                    "k": f"item-{index:03}",
                    "p": f"Question {index}?",
                    "at": NOW - timedelta(hours=index),
                    "e": NOW + expires,
                },
            )
        connection.execute(
            text(
                "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                "VALUES (:o, 'chat', :m) ON CONFLICT (organization_id, feature_id) DO NOTHING"
            ),
            {"o": ACME, "m": MODELS[incumbent] if incumbent else None},
        )


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement)).all())


def run_all(
    engine: Engine, vendor: Vendor, plan: BenchmarkPlan, settings: Settings = SETTINGS, now: datetime = NOW
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for phase in ("suites", "replay"):
        for shard in plan.shards:
            work = run_shard(
                engine, plan.run_id, shard, credentials, settings, now=now, phases=[phase], opener=vendor.open
            )
            counts.update(asyncio.run(work))
    return counts


def probe_all(engine: Engine, vendor: Vendor, now: datetime = NOW) -> Counter[str]:
    counts: Counter[str] = Counter()
    for shard in plan_probes(engine, now, 2):
        work = probe_shard(
            engine, shard, credentials, SETTINGS, run_key=f"probes of {now}", now=now, opener=vendor.open
        )
        counts.update(asyncio.run(work))
    return counts
