"""Selects with Modelscout's client and with litellm's Router in one process: `python select_peer.py URL ORGANIZATIONS`.

Runs in the peers' environment with `include/` on PYTHONPATH. URL is a warehouse's without its login; ORGANIZATIONS how
many it holds. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from modelscout.selection import KeeperOptions, ModelSelector, SnapshotKeeper, Workload

FEATURES = ("photo_tagging", "descriptions", "chat", "search")
MODELS = (
    ("openai", "gpt-6-luna"), ("openai", "gpt-6.1-terra"), ("anthropic", "claude-haiku-5-5"),
    ("anthropic", "claude-sonnet-5-5"), ("google", "gemini-3.8-flash"), ("google", "gemini-3.5-flash-lite"),
)  # fmt: skip
STRATEGIES = (
    "simple-shuffle", "least-busy", "usage-based-routing", "usage-based-routing-v2", "latency-based-routing",
    "cost-based-routing",
)  # fmt: skip
CALLS = 20_000
PEER_CALLS = 2_000
REFRESH_S = 10.0


def organization(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def percentiles(nanoseconds: Sequence[int]) -> dict[str, float]:
    """Microseconds."""
    ordered = sorted(nanoseconds)
    return {
        "n": len(ordered),
        "p50_us": ordered[len(ordered) // 2] / 1e3,
        "p99_us": ordered[len(ordered) * 99 // 100] / 1e3,
        "max_us": ordered[-1] / 1e3,
    }


def timed(calls: Sequence[Callable[[], object]]) -> dict[str, float]:
    clock = time.perf_counter_ns
    taken = []
    for call in calls:
        began = clock()
        call()
        taken.append(clock() - began)
    return percentiles(taken)


def resident_mb() -> float:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def keeper(url: str, login: str, **options: Any) -> tuple[SnapshotKeeper, dict[str, float]]:
    """A started keeper, the seconds and the processor's seconds that it took, and the memory that it added."""
    gc.collect()
    before, began, worked = resident_mb(), time.perf_counter(), time.process_time()
    started = SnapshotKeeper(url.replace("LOGIN", login), KeeperOptions(**options)).start()
    took = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - worked}
    gc.collect()
    return started, took | {"megabytes": resident_mb() - before}


def selections(selector: ModelSelector, count: int, organizations: int) -> dict[str, Any]:
    """The client: an ordinary request; one with everything to weigh; and with every model's state reported."""
    drawn = random.Random(7)
    pairs = [(organization(drawn.randrange(organizations)), drawn.choice(FEATURES)) for _ in range(count)]
    hard = Workload(
        complexity="high", urgency="real-time", cost_sensitivity="high", requires=frozenset({"structured_output"}),
        deadline_ms=4_000, requests=3,
    )  # fmt: skip
    select = selector.select
    found = {
        "ordinary": timed([lambda p=p: select(*p) for p in pairs]),
        "demanding": timed([lambda p=p: select(*p, hard) for p in pairs]),
    }
    for name, _ in pairs[: count // 4]:
        for provider, model in MODELS:
            state = selector.states.of(name, provider, model)
            state.started()
            state.succeeded(800.0, selector.states.clock())
            state.head_room(500, selector.states.clock() + 60)
    known = pairs[: count // 4]
    found["ordinary, states known"] = timed([lambda p=p: select(*p) for p in known])
    found["demanding, states known"] = timed([lambda p=p: select(*p, hard) for p in known])
    return found


def peers() -> dict[str, Any]:
    """litellm's Router with the same six models behind one name, one strategy after the other."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    os.environ["LITELLM_LOG"] = "ERROR"
    import litellm

    litellm.suppress_debug_info = True
    deployments = [
        {
            "model_name": "chat",
            "litellm_params": {
                "model": f"openai/{model}", "api_key": "none", "rpm": 10_000, "tpm": 10_000_000,
                "input_cost_per_token": 1e-7, "output_cost_per_token": 4e-7,
            },
            "model_info": {"id": f"{provider}-{model}"},
        }
        for provider, model in MODELS
    ]  # fmt: skip
    messages = [{"role": "user", "content": "Which photos show the harbour?"}]
    found = {}
    for strategy in STRATEGIES:
        router = litellm.Router(model_list=deployments, routing_strategy=strategy)

        def once(router: Any = router) -> object:
            return router.get_available_deployment("chat", messages=messages, request_kwargs={})

        def once_async(router: Any = router) -> Awaitable[object]:
            return router.async_get_available_deployment("chat", messages=messages, request_kwargs={})

        found[strategy] = {"asynchronous": asyncio.run(timed_async(once_async, PEER_CALLS))}
        try:
            for _ in range(100):
                once()
            found[strategy]["synchronous"] = timed([once] * PEER_CALLS)
        except Exception as error:  # noqa: BLE001  # One strategy has no synchronous form.
            found[strategy]["refused"] = type(error).__name__
    return found


async def timed_async(call: Callable[[], Awaitable[object]], count: int) -> dict[str, float]:
    clock = time.perf_counter_ns
    taken = []
    for number in range(count + 100):
        began = clock()
        await call()
        if number >= 100:
            taken.append(clock() - began)
    return percentiles(taken)


def while_refreshing(url: str, organizations: int) -> dict[str, Any]:
    """One thread selects, at once again and every millisecond: while nothing else happens, and while everything is
    read anew without a pause."""
    drawn = random.Random(8)
    pairs = [(organization(drawn.randrange(organizations)), drawn.choice(FEATURES)) for _ in range(50_000)]
    found: dict[str, Any] = {}
    quiet, _ = keeper(url, "bench_nightly")
    busy, _ = keeper(url, "bench_nightly", everything_s=0.0, poll_s=0.001, between_full_s=0.0, gather_s=0.0)
    quiet.close()
    for what, kept in (("nothing is read", quiet), ("everything is read anew", busy)):
        for name, pause_s in (("back to back", 0.0), ("every millisecond", 0.001)):
            found[f"{what}: {name}"] = selecting(ModelSelector(kept), pairs, pause_s, kept)
    busy.close()
    return found


def selecting(
    selector: ModelSelector, pairs: Sequence[tuple[str, str]], pause_s: float, kept: SnapshotKeeper
) -> dict[str, Any]:
    """Selects for a while; counts the snapshots that it saw and the longest pause of the garbage collector."""
    taken: list[int] = []
    pauses = [0.0]
    began_gc = [0.0]

    def watch(phase: str, _: object) -> None:
        if phase == "start":
            began_gc[0] = time.perf_counter()
        else:
            pauses.append(time.perf_counter() - began_gc[0])

    gc.callbacks.append(watch)
    seen: set[float] = set()
    until = time.perf_counter() + REFRESH_S
    number = 0
    while time.perf_counter() < until:
        pair = pairs[number % len(pairs)]
        number += 1
        began = time.perf_counter_ns()
        selector.select(*pair)
        taken.append(time.perf_counter_ns() - began)
        if pause_s:
            time.sleep(pause_s)
        if number % 100 == 0:
            seen.add(kept.snapshot.known_at_s)
    gc.callbacks.remove(watch)
    return percentiles(taken) | {"snapshots": len(seen), "longest_gc_us": 1e6 * max(pauses)}


def seconds_until_effective(url: str) -> float:
    """From the commit of a change to the first selection that goes by it, the worst of ten; the defaults' keeper."""
    started, _ = keeper(url, "bench_nightly")
    selector = ModelSelector(started)
    worst = 0.0
    with psycopg.connect(
        url.replace("LOGIN", "postgres").replace("+psycopg", ""), autocommit=True
    ) as connection:
        for number in range(10):
            who = organization(number * 97)
            connection.execute(
                "UPDATE ai_feature_settings SET parameters = jsonb_build_object('seed', %s::int) "
                "WHERE organization_id = %s AND feature_id = 'chat'",
                [number + 1_000, who],
            )
            began = time.perf_counter()
            while selector.select(who, "chat").choice.parameters.get("seed") != number + 1_000:
                time.sleep(0.001)
            worst = max(worst, time.perf_counter() - began)
    started.close()
    return worst


def main() -> None:
    url, organizations = sys.argv[1], int(sys.argv[2])
    answer: dict[str, Any] = {"litellm": peers()}
    say("litellm is measured")
    one, _ = keeper(url, "bench_organization")
    answer["one organization"] = selections(ModelSelector(one), CALLS, 1)
    one.close()
    kept, took = keeper(url, "bench_nightly")
    answer["loaded"] = took | {"rows": sum(len(o.features) for o in kept.snapshot.organizations.values())}
    say(f"all is loaded: {answer['loaded']}")
    answer["all organizations"] = selections(ModelSelector(kept), CALLS, organizations)
    kept.close()
    answer["effective after s"] = seconds_until_effective(url)
    say(f"changes were effective after {answer['effective after s']:.2f} s")
    answer["refreshing"] = while_refreshing(url, organizations)
    say("refreshes are measured")
    ids = [organization(number) for number in range(organizations)]
    scoped, answer["loaded, one transaction each"] = keeper(url, "bench_application", organizations=ids)
    scoped.close()
    print(json.dumps(answer))


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
