# ruff: noqa: F811
"""After a fork, as with gunicorn's preload and Celery's prefork: the child works by itself, the parent goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selection_support import ACME
from sqlalchemy import Engine, text
from test_adaptive_outage import keys, warehouse  # noqa: F401
from test_selection_outage import keeper, until

from modelscout.core.secrets import ProviderCredential
from modelscout.selection import (
    AdaptiveOptions,
    AdaptiveRequest,
    AdaptiveService,
    AsyncAdaptiveService,
    ModelSelector,
    WarehousePrices,
)
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions

Keys = Callable[[str, str], ProviderCredential]


def in_a_child(work: Callable[[], Any]) -> Any:
    """What `work` gives in a forked child, which is ended after 30 s."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        answer: Any = "nothing"
        try:
            answer = work()
        except BaseException as error:  # noqa: BLE001
            answer = repr(error)
        finally:
            os.write(write, json.dumps(answer).encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child hung"
    return json.loads(told)


def ask(service: AdaptiveService) -> list[Any]:
    result = service.process(
        AdaptiveRequest(organization="acme", feature="chat", prompt="Hello", deadline_s=10)
    )
    return [result.choice.name, result.cost_usd is not None]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_everything_that_a_parent_used_works_in_its_child(
    engine: Engine,
    warehouse_url: str,
    keys: Keys,
    tmp_path: Path,
) -> None:
    prices = WarehousePrices(warehouse_url)
    options = RecorderOptions(spill_folder=tmp_path)
    with keeper(warehouse_url) as kept, UsageRecorder(warehouse_url, options) as recorder:
        selector = ModelSelector(kept)
        given = AdaptiveOptions(usage=recorder, prices=prices)
        with AdaptiveService(selector, keys, given) as service:
            assert prices.wait(str(ACME))
            assert ask(service) == ["openai/gpt-6-luna", True]
            down = selector.states.of(str(ACME), "openai", "gpt-6-luna")
            down.failed("authentication_failed", selector.states.clock())
            assert ask(service)[0] == "anthropic/claude-haiku-5-5"

            def works() -> Any:
                answers = [ask(service), ask(service)]
                prices._books.clear()
                known = prices.wait(str(ACME))
                return [answers, known, recorder.close(10)]

            # Somebody holds every lock while the fork happens.
            locks = [service._lock, selector.states._lock, selector.spend._lock]
            held, release = threading.Event(), threading.Event()

            def hold() -> None:
                for lock in locks:
                    lock.acquire()
                held.set()
                release.wait(30)
                for lock in locks:
                    lock.release()

            holder = threading.Thread(target=hold)
            holder.start()
            held.wait(5)
            # What its parent found out about a key is not the child's: it asks the first model again.
            found = in_a_child(works)
            release.set()
            holder.join()
            assert found == [[["openai/gpt-6-luna", True]] * 2, True, True]
            assert ask(service)[0] == "anthropic/claude-haiku-5-5"
    prices.close()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM ai_usage_events")).scalar() == 5


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_an_asynchronous_service_works_in_the_childs_own_loop(
    warehouse_url: str,
    keys: Keys,
) -> None:
    with keeper(warehouse_url) as kept:
        request = AdaptiveRequest(organization="acme", feature="chat", prompt="Hello", deadline_s=10)
        loop = asyncio.new_event_loop()
        service = AsyncAdaptiveService(ModelSelector(kept), keys)
        assert loop.run_until_complete(service.process(request)).choice.name == "openai/gpt-6-luna"
        found = in_a_child(lambda: asyncio.run(service.process(request)).choice.name)
        assert found == "openai/gpt-6-luna"
        assert loop.run_until_complete(service.process(request)).choice.name == "openai/gpt-6-luna"
        loop.run_until_complete(service.close())
        loop.close()
        until(lambda: kept.processes >= 1)
