"""`deployment prepare` killed with SIGKILL at many instants ends right when it is run again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from modelscout.warehouse.engine import open_engine
from topology import container
from topology.stack import ROOT, Stack

pytestmark = [pytest.mark.end_to_end, pytest.mark.verify, pytest.mark.timeout(1200)]
ADVANCES = 7


@pytest.fixture
def stack() -> Iterator[Stack]:
    if not container.is_possible():
        pytest.skip("this machine gives processes no mounts of their own (unshare)")
    stack = Stack()
    try:
        stack.server.create()
        yield stack
    finally:
        stack.destroy()


def test_a_preparation_that_was_killed_at_many_instants_ends_right(stack: Stack) -> None:
    command = stack.command("prepare", stack.services["prepare"].entrypoint)
    killed = 0
    for number in range(ADVANCES):
        process = subprocess.Popen(
            command,
            env=stack.environment("prepare"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Later and later, so that each kill meets another step.
        time.sleep(4 + 5 * number)
        if process.poll() is None:
            killed += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
    assert killed >= 3
    done = stack.prepare()
    assert done.returncode == 0, done.stderr[-3000:]
    counts = {
        "airflow": ("SELECT count(*) FROM ab_user", "SELECT count(*) FROM slot_pool WHERE pool LIKE 'llm%'"),
        "modelscout": ("SELECT count(*) FROM _yoyo_migration",),
    }
    found = {}
    for database, statements in counts.items():
        url = f"postgresql+psycopg://postgres@/{database}?host={stack.server.folder}&port={stack.ports['postgres']}"
        engine = open_engine(url)
        with engine.connect() as connection:
            found[database] = [connection.execute(text(s)).scalar_one() for s in statements]
        engine.dispose()
    assert found["airflow"][0] == 1
    assert found["airflow"][1] == 6
    assert found["modelscout"][0] == len(list((ROOT / "sql/migrations").iterdir()))
