"""Plays every fault through the adaptive service, all at once, and says what its caller sees.

`PYTHONPATH=tests:tests/unit/providers python tests/unit/selection/failover_matrix.py` prints the table of
docs/adaptive.md.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import NamedTuple

from adaptive_support import chat, holder, service
from emulator_support import KEYS, LLM_PROVIDERS, MODELS, PREFIXES, RunningEmulator
from fault_matrix import CASES, FaultCase

from modelscout.core.secrets import ProviderCredential
from modelscout.providers.limits import forget_limits
from modelscout.selection import NotAnswered

DEADLINE_S = 3.0
AT_ONCE = 10
PLAYED = [case for case in CASES if not case.stream]
WAYS = ("next", "once", "all")
"""Another provider works; the same, and the request must not be repeated; every provider fails in this way."""


class Outcome(NamedTuple):
    """What the caller sees after so many calls that were sent."""

    result: str
    calls: int

    def __str__(self) -> str:
        return f"{self.result}, {self.calls}"


def key_of(provider: str, number: int, way: str) -> str:
    return f"{KEYS[provider]}-{number}-{way}"


async def play(emulator: RunningEmulator) -> dict[str, dict[str, Outcome]]:
    """Outcome by fault and way. The provider of the model in use changes from fault to fault."""
    forget_limits()
    cells = [(n, way) for n in range(len(PLAYED)) for way in WAYS]
    keys = {
        key_of(provider, n, way): {"organization": "acme", "provider": provider}
        for n, way in cells
        for provider in LLM_PROVIDERS
    }
    emulator.control("PUT", "profile", keys=keys)
    for n, way in cells:
        fault = PLAYED[n].fault
        for provider in _failing(n, way):
            if fault is not None:
                emulator.fault(provider=provider, key=key_of(provider, n, way), times=10, **fault)
    for provider in LLM_PROVIDERS:
        async with emulator.adapter(provider):
            pass  # The vendor's SDK loads here and not within a request's deadline.
    # Opening adapters takes the time that requests are given.
    slots = asyncio.Semaphore(AT_ONCE)
    outcomes = await asyncio.gather(*(_play_one(emulator, *cell, slots) for cell in cells))
    table: dict[str, dict[str, Outcome]] = {}
    for (n, way), outcome in zip(cells, outcomes, strict=True):
        table.setdefault(PLAYED[n].name, {})[way] = outcome
    return table


def _failing(number: int, way: str) -> list[str]:
    return LLM_PROVIDERS if way == "all" else [LLM_PROVIDERS[number % len(LLM_PROVIDERS)]]


async def _play_one(emulator: RunningEmulator, number: int, way: str, slots: asyncio.Semaphore) -> Outcome:
    case, failing = PLAYED[number], _failing(number, way)
    order = [*failing, *(p for p in LLM_PROVIDERS if p not in failing)]
    models = [f"{p}/{(case.model if case.model and p in failing else MODELS)[p]}" for p in order]
    keys = _keys(emulator, case, number, way)
    async with slots, service(emulator, holder(*models), keys=keys) as adaptive:
        try:
            result = await adaptive.process(chat(deadline_s=DEADLINE_S, repeatable=way != "once"))
        except NotAnswered as error:
            return Outcome(f"`{error.error_type}`", len(error.attempts))
    who = "answered by the next" if result.is_fallback else "answered"
    if result.answer.served_model != result.choice.model:
        who = f"answered by `{result.answer.served_model}`"
    return Outcome(who, len(result.attempts))


def _keys(
    emulator: RunningEmulator, case: FaultCase, number: int, way: str
) -> Callable[[str, str], ProviderCredential | None]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def key(_organization_id: str, provider: str) -> ProviderCredential | None:
        url = emulator.url + PREFIXES[provider]
        if case.nobody_listens and provider in _failing(number, way):
            url = nobody
        return ProviderCredential(provider, key_of(provider, number, way), url)

    return key


def markdown(table: dict[str, dict[str, Outcome]]) -> str:
    """The table of the page."""
    lines = [
        "| fault of the model in use | others work | and the request must not be repeated | all fail in this way |",
        "|---|---|---|---|",
    ]
    for name, ways in table.items():
        # How many rounds fit into the deadline is left to chance.
        lines.append(f"| {name} | {ways['next']} | {ways['once']} | {ways['all'].result} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table against an emulator of this process."""
    from emulator_support import ANSWERS, PROFILE

    from emulator_thread import served
    from modelscout.emulator.answers import AnswerKey, parse_answer
    from modelscout.emulator.app import create_app
    from modelscout.emulator.profile import parse_profile

    app = create_app(parse_profile(PROFILE), AnswerKey([parse_answer(item) for item in ANSWERS]))
    with served(app) as url:
        print(markdown(asyncio.run(play(RunningEmulator(url)))))


if __name__ == "__main__":
    main()
