"""Killed with SIGKILL at random instants, or two at once, the rollup ends with the rows of one clean run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from rollup_support import NOW, fill, forget_rollup, rolled_up
from sqlalchemy import Engine

from modelscout.analytics.rollup import roll_up

SEED = 20261125
PROGRAM = """
import sys
from datetime import datetime
from modelscout.analytics.rollup import roll_up
from modelscout.warehouse.engine import open_engine
engine = open_engine(sys.argv[1])
print("begins", flush=True)
roll_up(engine, now=datetime.fromisoformat(sys.argv[2]))
print("ends", flush=True)
"""


@pytest.fixture(scope="module")
def filled(warehouse_url: str) -> Iterator[Engine]:
    from modelscout.warehouse.engine import open_engine

    engine = open_engine(warehouse_url)
    fill(engine, 20_000)
    yield engine
    engine.dispose()


def start(url: str) -> subprocess.Popen[str]:
    """A rollup in a process of its own, which is about to begin."""
    command = [sys.executable, "-c", PROGRAM, url, NOW.isoformat()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def seconds_of(url: str) -> float:
    process = start(url)
    began = time.monotonic()
    assert process.wait() == 0
    return time.monotonic() - began


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.verify)])
def test_after_kills_at_random_instants_the_rows_are_those_of_a_clean_run(
    filled: Engine, warehouse_url: str, kills: int
) -> None:
    forget_rollup(filled)
    seconds = seconds_of(warehouse_url)
    clean = rolled_up(filled)
    assert len(clean["ai_model_analytics"]) > 50
    forget_rollup(filled)
    rng = random.Random(SEED)
    killed = 0
    for _ in range(kills):
        process = start(warehouse_url)
        time.sleep(rng.random() * seconds * 0.9)
        os.kill(process.pid, signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if process.stdout is not None:
            process.stdout.close()
    assert killed > 0, "every rollup had ended before it was killed"
    assert roll_up(filled, now=NOW).differences == ()
    assert rolled_up(filled) == clean
    assert roll_up(filled, now=NOW).hours == 0


def test_two_processes_at_once_end_with_the_rows_of_one(filled: Engine, warehouse_url: str) -> None:
    forget_rollup(filled)
    roll_up(filled, now=NOW)
    clean = rolled_up(filled)
    forget_rollup(filled)
    processes = [start(warehouse_url) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert rolled_up(filled) == clean
