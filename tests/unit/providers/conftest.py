"""The emulator for the adapters' tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from emulator_support import ANSWERS, PROFILE, RunningEmulator

from emulator_thread import served
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
    with served(app) as url:
        yield RunningEmulator(url)


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """What one test's vendor refused must not slow down the next test's."""
    forget_limits()


@pytest.fixture
def emulator(emulator_server: RunningEmulator) -> Iterator[RunningEmulator]:
    """The emulator, with no faults left over for the next test."""
    yield emulator_server
    emulator_server.control("DELETE", "faults")
