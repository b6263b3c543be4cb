"""An emulator inside the process, called without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile

ALL = ["text_generation", "image_analysis", "structured_output", "tool_use", "streaming", "complex_reasoning"]


@pytest.fixture
def profile_data() -> dict[str, Any]:
    """A small profile; change it before asking for `client`."""
    keys = {name: f"key-of-{name}-0123456789" for name in ("openai", "anthropic", "google", "clarifai")}
    return {
        "now": "2026-11-23T12:00:00+00:00",
        "seed": 3,
        "latency_scale": 0,
        "control_token": "control",
        "keys": {key: {"organization": "acme", "provider": name} for name, key in keys.items()},
        "models": {
            "openai/m": {"capabilities": ALL, "reasoning_tokens": 7, "retires_at": "2027-01-14"},
            "anthropic/m": {
                "capabilities": ALL,
                "reasoning_tokens": 7,
                "context_window_tokens": 200_000,
                "max_output_tokens": 64_000,
            },
            "google/m": {"capabilities": ALL, "reasoning_tokens": 7, "context_window_tokens": 200_000},
            "clarifai/m": {"capabilities": ALL},
            "clarifai/concepts": {"capabilities": ["image_analysis"], "billing": "operations"},
        },
    }


@pytest.fixture
def answers() -> AnswerKey:
    return AnswerKey()


@pytest.fixture
async def client(profile_data: dict[str, Any], answers: AnswerKey) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(parse_profile(profile_data), answers)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://emulator.test") as opened:
        yield opened
