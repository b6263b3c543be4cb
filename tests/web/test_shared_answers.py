"""Answers that several viewers share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from modelscout.web.shared_answers import SharedAnswers


def test_an_answer_is_kept_for_its_time_and_by_its_key() -> None:
    time = [0.0]
    shared = SharedAnswers[int](kept_s=5, most=2, clock=lambda: time[0])
    assert shared.get("a", lambda: 1) == 1
    assert shared.get("a", lambda: 2) == 1
    assert shared.get("b", lambda: 3) == 3
    time[0] = 5.0
    assert shared.get("a", lambda: 4) == 4


def test_only_the_latest_are_kept() -> None:
    shared = SharedAnswers[int](kept_s=5, most=2, clock=lambda: 0.0)
    for number, key in enumerate("abc"):
        shared.get(key, lambda number=number: number)  # type: ignore[misc]
    assert shared.get("c", lambda: 9) == 2
    assert shared.get("a", lambda: 9) == 9


def test_who_asks_at_once_asks_once() -> None:
    shared = SharedAnswers[int](kept_s=5, most=2, clock=lambda: 0.0)
    begin, answered, asked = Barrier(5), Event(), []

    def find() -> int:
        asked.append(1)
        answered.wait(5)
        return 7

    def ask() -> int:
        begin.wait(5)
        return shared.get("a", find)

    with ThreadPoolExecutor(5) as pool:
        found = [pool.submit(ask) for _ in range(4)]
        begin.wait(5)
        answered.set()
        assert [f.result(5) for f in found] == [7] * 4
    assert len(asked) == 1


def test_what_fails_is_not_kept() -> None:
    shared = SharedAnswers[float](kept_s=5, most=2, clock=lambda: 0.0)
    with pytest.raises(ZeroDivisionError):
        shared.get("a", lambda: 1 / 0)
    assert shared.get("a", lambda: 3.0) == 3.0
