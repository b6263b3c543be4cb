"""SIGKILL while answers come in, while the judge is calibrated and while it grades; and two tasks at once."""

from __future__ import annotations

import random
import time

import pytest
from judge_support import ITEMS, KNOWN, NOW, SETTINGS, fill, pairs, rows, vendors
from judge_worker import CONCURRENCY, work
from killable import Killable
from sqlalchemy import Engine

from modelscout.benchmarks.plan import create_run

ANSWERS, VERDICTS = 3 * ITEMS, KNOWN + 3 * ITEMS


@pytest.fixture
def run_id(engine: Engine) -> str:
    fill(engine)
    return create_run(engine, SETTINGS, run_key="killed", now=NOW, suites=False).run_id


def progress(engine: Engine) -> int:
    """Answers that are there and verdicts that are there."""
    [(answers, graded, known)] = rows(
        engine,
        "SELECT count(*), count(score), (SELECT count(*) FROM ai_judge_calibration_verdicts) "
        "FROM ai_benchmark_results",
    )
    return int(answers + graded + known)


@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.verify)])
def test_a_task_that_is_killed_grades_the_rest_and_pays_little_twice(
    engine: Engine, warehouse_url: str, run_id: str, kills: int
) -> None:
    total = ANSWERS + VERDICTS
    # One in every stretch: among the answers, the known answers and the verdicts.
    rng = random.Random(kills)
    marks = [round(total * (number + rng.uniform(0.3, 0.7)) / (kills + 1)) for number in range(kills)]
    slow = {"time_to_first_token_ms": 40, "output_token_ms": 0}
    with vendors(slow, **{f"openai/{name}": slow for name in ("incumbent", "candidate", "cousin")}) as up:
        up.change_scale(1.0)
        killed = 0
        for mark in marks:
            process = Killable(work, warehouse_url, up.url, run_id)
            while process.poll() is None and progress(engine) < mark:
                time.sleep(0.005)
            killed += process.poll() is None
            process.kill()
            process.wait(timeout=30)
        assert killed == kills, "every kill hit a task at work"
        last = Killable(work, warehouse_url, up.url, run_id)
        assert last.wait(timeout=120) == 0
        paid = sum(up.answered(f"openai/{name}") for name in ("incumbent", "candidate", "cousin"))
        judged = up.answered("anthropic/judge")
    assert rows(engine, "SELECT count(*), count(score) FROM ai_benchmark_results") == [(ANSWERS, ANSWERS)]
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_answers") == [(0,)]
    assert rows(engine, "SELECT passed FROM ai_judge_calibrations") == [(True,)]
    assert pairs(engine) == {"candidate": ITEMS, "cousin": ITEMS}
    assert paid >= ANSWERS
    assert judged >= VERDICTS
    assert paid + judged <= ANSWERS + VERDICTS + kills * CONCURRENCY


def test_two_tasks_at_once_calibrate_a_judge_once(engine: Engine, warehouse_url: str, run_id: str) -> None:
    with vendors({}) as up:
        tasks = [Killable(work, warehouse_url, up.url, run_id) for _ in range(2)]
        assert [task.wait(timeout=120) for task in tasks] == [0, 0]
    assert rows(engine, "SELECT passed FROM ai_judge_calibrations") == [(True,)]
    assert rows(engine, "SELECT count(*) FROM ai_judge_calibration_verdicts") == [(KNOWN,)]
    assert rows(engine, "SELECT count(score) FROM ai_benchmark_results") == [(ANSWERS,)]
