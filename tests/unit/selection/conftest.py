"""The emulator for the adaptive service's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emulator_support import ANSWERS, PROFILE, RunningEmulator

from emulator_thread import served
from modelscout.emulator.answers import AnswerKey, parse_answer
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.providers.limits import forget_limits


@pytest.fixture(scope="module")
def emulator_server() -> Iterator[RunningEmulator]:
    app = create_app(parse_profile(PROFILE), AnswerKey([parse_answer(item) for item in ANSWERS]))
    with served(app) as url:
        yield RunningEmulator(url)


@pytest.fixture
def emulator(emulator_server: RunningEmulator) -> Iterator[RunningEmulator]:
    """The emulator, with nothing left over for the next test."""
    forget_limits()
    yield emulator_server
    emulator_server.control("DELETE", "faults")
    emulator_server.control("PUT", "profile", **{k: PROFILE[k] for k in ("keys", "models", "latency_scale")})
