"""The gate before a vendor that answers nobody, on a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from modelscout.discovery.gate import FAILURES_TO_CLOSE, FIRST_PAUSE_S, LONGEST_PAUSE_S, VendorGate


class Vendor:
    """Answers as `script` says, then always."""

    def __init__(self, script: list[bool]) -> None:
        self._script: Iterator[bool] = iter(script)
        self.questions = 0
        self.pauses: list[float] = []
        self.now = 0.0
        self.open_questions = 0
        self.most_open = 0

    async def __call__(self) -> bool:
        self.questions += 1
        self.open_questions += 1
        self.most_open = max(self.most_open, self.open_questions)
        await asyncio.sleep(0)
        self.open_questions -= 1
        return next(self._script, True)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


async def test_single_failures_do_not_close_it() -> None:
    vendor = Vendor([False] * (FAILURES_TO_CLOSE - 1) + [True] + [False] * (FAILURES_TO_CLOSE - 1))
    gate = VendorGate(sleep=vendor.sleep, clock=lambda: vendor.now)
    for _ in range(2 * FAILURES_TO_CLOSE):
        assert await gate.ask(vendor)
    assert vendor.pauses == []
    assert not gate.is_closed()


async def test_while_closed_one_question_at_a_time_after_growing_pauses() -> None:
    failing = FAILURES_TO_CLOSE + 10
    vendor = Vendor([False] * failing)
    gate = VendorGate(sleep=vendor.sleep, clock=lambda: vendor.now)
    for _ in range(FAILURES_TO_CLOSE):
        await gate.ask(vendor)
    assert gate.is_closed()
    vendor.most_open = 0
    asked = await asyncio.gather(*(gate.ask(vendor) for _ in range(40)))
    assert all(asked)
    assert vendor.questions == FAILURES_TO_CLOSE + 40
    assert vendor.pauses == pytest.approx(
        [min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 1.5**n) for n in range(11)]
    ), "ten more failures and the one that was answered"
    assert not gate.is_closed()


async def test_it_gives_up_and_asks_no_more() -> None:
    vendor = Vendor([False] * 1000)
    gate = VendorGate(give_up_after_s=20, sleep=vendor.sleep, clock=lambda: vendor.now)
    for _ in range(FAILURES_TO_CLOSE):
        await gate.ask(vendor)
    asked = await asyncio.gather(*(gate.ask(vendor) for _ in range(100)))
    assert sum(vendor.pauses) >= 20
    assert asked.count(True) == len(vendor.pauses) - 1
    assert gate.has_given_up()
    assert vendor.questions == FAILURES_TO_CLOSE + asked.count(True)
