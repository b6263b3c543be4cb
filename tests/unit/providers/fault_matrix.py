"""Plays every fault for every provider through the retry policy, all at once, and says what the caller sees.

`python tests/unit/providers/fault_matrix.py` prints the table of docs/providers.md.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from emulator_support import EVERYONE, KEYS, MODELS, RunningEmulator

from modelscout.core.errors import ProviderError
from modelscout.providers.limits import forget_limits
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import GenerateRequest, GenerateResult, ProviderAdapter
from modelscout.providers.registry import open_adapter

DEADLINE_S = 30.0
TIMEOUT_S = 2.5
RETIRED = {
    "openai": "gpt-4-turbo",
    "anthropic": "claude-3-sonnet",
    "google": "gemini-2.0-flash",
    "clarifai": "gone",
    "openai_compatible": "gone",
}


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One way to fail. `fault` is what the emulator is told, None where it need not be told anything."""

    name: str
    fault: dict[str, Any] | None
    stream: bool = False
    model: dict[str, str] | None = None
    nobody_listens: bool = False


class Outcome(NamedTuple):
    """What the caller sees after at most three attempts."""

    result: str
    """`answered`, with who answered where that was not who was asked, or the error's type."""
    attempts: int
    longest_wait_s: float


def http(status: int, **more: Any) -> dict[str, Any]:
    return {"kind": "http", "status": status, **more}


CASES = (
    FaultCase("400 bad request", http(400)),
    FaultCase("401 key refused", http(401)),
    FaultCase("402 no money", http(402)),
    FaultCase("403 not permitted", http(403)),
    FaultCase("404 retired model", None, model=RETIRED),
    FaultCase("413 too large", http(413)),
    FaultCase("429, Retry-After 2 s", http(429, retry_after_s=2)),
    FaultCase("429, Retry-After 60 s", http(429, retry_after_s=60)),
    FaultCase("429 without Retry-After", http(429)),
    FaultCase("429, quota spent", http(429, code="insufficient_quota")),
    FaultCase("500", http(500)),
    FaultCase("503", http(503)),
    FaultCase("529 overloaded", http(529)),
    FaultCase("connection refused", None, nobody_listens=True),
    FaultCase("slow first token", {"kind": "slow_first_token", "delay_ms": 400}, stream=True),
    FaultCase("first token too late", {"kind": "slow_first_token", "delay_ms": 4000}, stream=True),
    FaultCase("read timeout", {"kind": "delay", "delay_ms": 4000}),
    FaultCase("error in place of the first token", {"kind": "refuse_first_token"}, stream=True),
    FaultCase("stream cut in the middle", {"kind": "cut_stream"}, stream=True),
    FaultCase("malformed JSON", {"kind": "malformed"}),
    FaultCase("malformed JSON in a stream", {"kind": "malformed"}, stream=True),
    FaultCase("empty body", {"kind": "empty_body"}),
    FaultCase("wrong content type", {"kind": "wrong_type"}),
    FaultCase("200 with an error inside", {"kind": "error_inside", "status": 503}),
    FaultCase("unknown fields", {"kind": "unknown_fields"}),
    FaultCase("unknown events in a stream", {"kind": "unknown_fields"}, stream=True),
    FaultCase("served by another model", {"kind": "serve_other", "code": "another-model"}),
)


def key_of(provider: str, number: int) -> str:
    return f"{KEYS[provider]}-fault-{number}"


async def play(emulator: RunningEmulator) -> dict[str, dict[str, Outcome]]:
    """Outcome by fault and provider; each with a key of its own, so that none disturbs another."""
    forget_limits()
    keys = {
        key_of(provider, number): {"organization": "acme", "provider": provider}
        for provider in EVERYONE
        for number in range(len(CASES))
    }
    emulator.control("PUT", "profile", keys=keys)
    for provider in EVERYONE:
        for number, case in enumerate(CASES):
            if case.fault is not None:
                emulator.fault(provider=provider, key=key_of(provider, number), times=10, **case.fault)
    cells = [(case, provider, key_of(provider, n)) for n, case in enumerate(CASES) for provider in EVERYONE]
    outcomes = await asyncio.gather(*(_play_one(emulator, *cell) for cell in cells))
    emulator.control("DELETE", "faults")
    table: dict[str, dict[str, Outcome]] = {}
    for (case, provider, _), outcome in zip(cells, outcomes, strict=True):
        table.setdefault(case.name, {})[provider] = outcome
    return table


async def _play_one(emulator: RunningEmulator, case: FaultCase, provider: str, key: str) -> Outcome:
    credential = emulator.credential(provider, key)
    if case.nobody_listens:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        credential = replace(credential, base_url=f"http://127.0.0.1:{port}")
    model = (case.model or MODELS)[provider]
    request = GenerateRequest(model, "Count to twelve.", timeout_s=TIMEOUT_S)
    attempts, waits = 0, [0.0]

    async def attempt() -> GenerateResult:
        nonlocal attempts
        attempts += 1
        return await _call(adapter, request, stream=case.stream)

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(seconds)

    async with open_adapter(credential) as adapter:
        try:
            answer = await call_with_retries(
                attempt, deadline_s=DEADLINE_S, sleep=wait, random_fraction=lambda: 0.0
            )
        except ProviderError as error:
            return Outcome(error.error_type, attempts, max(waits))
    result = "answered" if answer.served_model == model else f"answered by {answer.served_model}"
    return Outcome(result, attempts, max(waits))


async def _call(adapter: ProviderAdapter, request: GenerateRequest, *, stream: bool) -> GenerateResult:
    if not stream:
        return await adapter.generate(request)
    events = [event async for event in adapter.stream(request)]
    assert isinstance(events[-1], GenerateResult)
    return events[-1]


def markdown(table: dict[str, dict[str, Outcome]], providers: Iterable[str] = EVERYONE) -> str:
    """The table of the page; providers on which all agree stand in one column."""
    names = list(providers)
    lines = [
        "| fault | what the caller sees | attempts | longest wait | where it differs |",
        "|---|---|---|---|---|",
    ]
    for name, row in table.items():
        common = max(set(row.values()), key=lambda outcome: [row[p] for p in names].count(outcome))
        others = "; ".join(
            f"{p}: {row[p].result}, {row[p].attempts}, {row[p].longest_wait_s:g} s"
            for p in names
            if row[p] != common
        )
        seconds = f"{common.longest_wait_s:g} s"
        lines.append(f"| {name} | `{common.result}` | {common.attempts} | {seconds} | {others or '-'} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table against an emulator of this process."""
    from conftest import emulator_in_a_thread

    with emulator_in_a_thread() as emulator:
        print(markdown(asyncio.run(play(emulator))))


if __name__ == "__main__":
    main()
