"""The adaptive service while the database is away: requests are answered, their usage arrives afterwards, complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from emulator_support import KEYS, PREFIXES, PROFILE
from selection_support import ACME, assign, change, fill
from sqlalchemy import Engine, text
from test_selection_outage import keeper, shut, until

from emulator_thread import served
from modelscout.core.secrets import ProviderCredential
from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.selection import (
    AdaptiveOptions,
    AdaptiveRequest,
    AsyncAdaptiveService,
    ModelSelector,
    Result,
    SnapshotKeeper,
    WarehousePrices,
)
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions

MODELS = {"luna": "gpt-6-luna", "haiku": "claude-haiku-5-5", "flash": "gemini-3.8-flash"}


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, warehouse_url: str) -> Iterator[None]:
    fill(engine)
    change(engine, "TRUNCATE ai_usage_events")
    for short, name in MODELS.items():
        for table in ("ai_models", "ai_model_prices"):
            change(
                engine,
                f"UPDATE {table} SET provider_model_id = :n WHERE provider_model_id = :s",
                n=name,
                s=short,
            )
    assign(engine, ACME, "chat", "openai/luna", "anthropic/haiku")
    change(engine, "SELECT modelscout.ensure_usage_partitions(current_date - 1, current_date + 1)")
    yield
    shut(warehouse_url, False)


@pytest.fixture
def keys() -> Iterator[Callable[[str, str], ProviderCredential]]:
    with served(create_app(parse_profile(PROFILE), AnswerKey([]))) as url:
        yield lambda _organization, provider: ProviderCredential(
            provider, KEYS[provider], url + PREFIXES[provider]
        )


def rows(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT request_id, attempt, requested_model, error_type, simulated FROM ai_usage_events ORDER BY 1, 2"
            )
        )
        return [tuple(row) for row in found]


async def ask(adaptive: AsyncAdaptiveService, name: str, count: int) -> list[Result]:
    requests = [
        AdaptiveRequest(organization="acme", feature="chat", prompt="Hello", request_id=f"{name}-{n}")
        for n in range(count)
    ]
    return list(await asyncio.gather(*map(adaptive.process, requests)))


async def through_an_outage(
    engine: Engine, url: str, keys: Callable[[str, str], ProviderCredential], folder: Path, away_s: float
) -> None:
    recorder = UsageRecorder(url, RecorderOptions(spill_folder=folder))
    with keeper(url) as kept:
        selector = ModelSelector(kept)
        prices = WarehousePrices(url)
        assert prices.wait(str(ACME))
        options = AdaptiveOptions(usage=recorder, prices=prices)
        async with AsyncAdaptiveService(selector, keys, options) as adaptive:
            before = await ask(adaptive, "before", 5)
            await asyncio.to_thread(until, lambda: recorder.counters.written == 5)
            shut(url, True)
            await asyncio.to_thread(until, lambda: kept._source is None)
            away: list[Result] = []
            ends_at = asyncio.get_running_loop().time() + away_s
            while not away or asyncio.get_running_loop().time() < ends_at:
                away += await ask(adaptive, f"away-{len(away)}", 10)
            assert recorder.counters.written == 5
            shut(url, False)
            engine.dispose()
            await switched(engine, kept, adaptive)
    assert await asyncio.to_thread(recorder.close, 30)
    prices.close()
    assert {r.choice.name for r in (*before, *away)} == {"openai/gpt-6-luna"}
    assert all(r.cost_usd is not None and r.cost_usd > 0 for r in (*before, *away))
    stored = [row[0] for row in rows(engine)]
    assert sorted(stored) == sorted([r.request_id for r in (*before, *away)] + ["after-0"])


async def switched(engine: Engine, kept: SnapshotKeeper, adaptive: AsyncAdaptiveService) -> None:
    """Once the database is back, a change of the model counts."""
    assign(engine, ACME, "chat", "anthropic/haiku", "openai/luna")
    selector = ModelSelector(kept)
    await asyncio.to_thread(until, lambda: selector.select("acme", "chat").provider == "anthropic")
    [result] = await ask(adaptive, "after", 1)
    assert result.choice.name == "anthropic/claude-haiku-5-5"


async def test_requests_are_answered_while_the_database_is_away_and_usage_arrives_afterwards(
    engine: Engine, warehouse_url: str, keys: Callable[[str, str], ProviderCredential], tmp_path: Path
) -> None:
    await through_an_outage(engine, warehouse_url, keys, tmp_path, 0)


@pytest.mark.verify
async def test_a_minute_without_the_database_loses_nothing(
    engine: Engine, warehouse_url: str, keys: Callable[[str, str], ProviderCredential], tmp_path: Path
) -> None:
    await through_an_outage(engine, warehouse_url, keys, tmp_path, 60)


async def test_attempts_are_rows_of_the_usage_table(
    engine: Engine, warehouse_url: str, keys: Callable[[str, str], ProviderCredential], tmp_path: Path
) -> None:
    assign(engine, ACME, "chat", "openai/terra", "anthropic/haiku")  # The emulator has no `terra`: 404.
    recorder = UsageRecorder(warehouse_url, RecorderOptions(spill_folder=tmp_path))
    with keeper(warehouse_url) as kept:
        async with AsyncAdaptiveService(
            ModelSelector(kept), keys, AdaptiveOptions(usage=recorder)
        ) as adaptive:
            await ask(adaptive, "r", 1)
    assert recorder.close(10)
    assert rows(engine) == [
        ("r-0", 1, "terra", "model_not_found", True),
        ("r-0", 2, "claude-haiku-5-5", None, True),
    ]
