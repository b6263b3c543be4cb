"""The emulator on a free port, served by uvicorn in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from emulator_support import ANSWERS, PROFILE, RunningEmulator

from modelscout.emulator.answers import AnswerKey, parse_answer
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.providers.limits import forget_limits


@pytest.fixture(scope="session")
def emulator_server() -> Iterator[RunningEmulator]:
    with emulator_in_a_thread() as running:
        yield running


@contextmanager
def emulator_in_a_thread() -> Iterator[RunningEmulator]:
    app = create_app(parse_profile(PROFILE), AnswerKey([parse_answer(item) for item in ANSWERS]))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    _wait_until(lambda: server.started)
    yield RunningEmulator(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """What one test's vendor refused must not slow down the next test's."""
    forget_limits()


@pytest.fixture
def emulator(emulator_server: RunningEmulator) -> Iterator[RunningEmulator]:
    """The emulator, with no faults left over for the next test."""
    yield emulator_server
    emulator_server.control("DELETE", "faults")


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the emulator did not start within 10 s")
        time.sleep(0.01)
