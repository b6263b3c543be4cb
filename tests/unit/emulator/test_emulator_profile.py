"""A profile that is wrong is refused with the field and the remedy."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability
from modelscout.emulator.__main__ import main
from modelscout.emulator.answers import load_answers
from modelscout.emulator.profile import ModelProfile, load_profile, parse_model, parse_profile


def test_profile_is_read(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    data = {
        "now": "2026-11-23T12:00:00",
        "keys": {
            "sk-1": {"organization": "acme", "provider": "openai", "models": ["m"], "requests_per_minute": 9}
        },
        "models": {
            "openai/m": {"retires_at": "2027-01-14", "capabilities": ["tool_use"], "quality": {"x": 0.25}}
        },
    }
    path.write_text(json.dumps(data))
    profile = load_profile(path)
    assert profile.now == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert profile.item_correlation == 0.6
    key = profile.keys["sk-1"]
    assert (key.organization, key.models, key.requests_per_minute) == ("acme", frozenset({"m"}), 9)
    model = profile.models["openai/m"]
    assert model.retires_at == date(2027, 1, 14)
    assert model.can(Capability.TOOL_USE)
    assert not model.can(Capability.STREAMING)
    assert (model.quality_for("x"), model.quality_for("y")) == (0.25, 0.9)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "profile is list, not an object"),
        ({"latency": 1}, "profile: unknown field latency; known are batch_expires_ms"),
        ({"now": "yesterday"}, "profile.now='yesterday'"),
        ({"seed": "x"}, "profile.seed='x': must be a whole number"),
        ({"latency_scale": -1}, "profile.latency_scale=-1: must not be negative"),
        ({"item_correlation": 2}, "item_correlation=2.0 is not between 0 and 1"),
        (
            {"keys": {"sk-very-secret-key": {"provider": "openai"}}},
            "keys[sk-…]: organization missing: add it",
        ),
        ({"keys": {"k": {"organization": "a", "provider": "ai"}}}, "provider='ai': use one of openai"),
        (
            {"keys": {"k": {"organization": "a", "provider": "openai", "requests_per_minute": 0}}},
            "requests_per_minute=0 must be at least 1",
        ),
        ({"models": {"m": {}}}, "models[m]: name it as provider/id"),
        ({"models": {"openai/m": {"speed": 1}}}, "models[openai/m]: unknown field speed"),
        (
            {"models": {"openai/m": {"lifecycle": "old"}}},
            "lifecycle='old': use one of active, deprecated, retired",
        ),
        (
            {"models": {"openai/m": {"capabilities": ["sing"]}}},
            "capabilities: sing unknown: use text_generation",
        ),
        ({"models": {"openai/m": {"quality": {"x": 1.5}}}}, "quality[x]=1.5 is not between 0 and 1"),
        ({"models": {"openai/m": {"billing": "barter"}}}, "billing='barter': use one of tokens, operations"),
        ({"models": {"openai/m": {"judge": "harsh"}}}, "judge='harsh': use one of honest, prefers_long"),
        ({"models": {"openai/m": {"judge_error_rate": 2}}}, "judge_error_rate=2.0 is not between 0 and 1"),
        ({"models": {"openai/m": {"retires_at": "soon"}}}, "retires_at='soon'"),
        ({"models": {"openai/m": {"verbosity": "high"}}}, "verbosity='high': must be a number"),
    ],
)
def test_wrong_profile_is_refused(data: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_profile(data)
    assert message in str(caught.value)
    assert "very-secret" not in str(caught.value)


def test_profile_shows_no_keys() -> None:
    profile = parse_profile(
        {"keys": {"sk-secret": {"organization": "a", "provider": "openai"}}, "control_token": "hush-hush"}
    )
    assert "sk-secret" not in repr(profile)
    assert "hush-hush" not in repr(profile)


@pytest.mark.parametrize(
    ("settings", "lifecycle"),
    [
        ({}, "active"),
        ({"retires_at": "2026-11-24"}, "active"),
        ({"retires_at": "2026-11-23"}, "retired"),
        ({"deprecated_at": "2026-11-23", "retires_at": "2026-12-01"}, "deprecated"),
        ({"deprecated_at": "2026-11-24"}, "active"),
        ({"lifecycle": "deprecated"}, "deprecated"),
        ({"lifecycle": "retired"}, "retired"),
    ],
)
def test_lifecycle_follows_the_profiles_time(settings: dict[str, Any], lifecycle: str) -> None:
    model = parse_model("openai/m", settings)
    assert model.lifecycle_at(datetime(2026, 11, 23, 12, tzinfo=UTC)) == lifecycle


def test_model_can_be_changed_in_part() -> None:
    base = ModelProfile(verbosity=2.0, reasoning_tokens=9)
    changed = parse_model("openai/m", {"reasoning_tokens": 4}, base)
    assert (changed.verbosity, changed.reasoning_tokens) == (2.0, 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: not an object"),
        ('{"feature": "f", "correct": "x"}', "line 2: fingerprint must be a text"),
        ('{"fingerprint": "a", "feature": "f", "correct": "x", "hint": 1}', "line 2: unknown field hint"),
        (
            '{"fingerprint": "a", "feature": "f", "correct": "x", "wrong": "y"}',
            "wrong must be a list of texts",
        ),
        ('{"fingerprint": "a", "feature": "capability:fly", "correct": "x"}', "names no capability"),
    ],
)
def test_wrong_answer_key_is_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"fingerprint": "a", "feature": "f", "correct": "x"}\n' + line + "\n")
    with pytest.raises(ConfigurationError) as caught:
        load_answers(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.json"
    assert main(["--port", "1", "--profile", str(missing)]) == 2
    assert f"error: profile {missing} cannot be read: No such file" in capsys.readouterr().err
