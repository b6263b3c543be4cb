"""Who is in the demo, and the keys that it draws."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability
from modelscout.demo.profile import (
    MODELS,
    Swap,
    emulator_profile,
    quality,
    retires_on,
    write_emulator_files,
)
from modelscout.demo.scenario import (
    ASSIGNMENTS,
    FEATURES,
    KEYS_FILE,
    ORGANIZATIONS,
    demo_keys,
    organization,
    secret_reference,
)
from modelscout.emulator.answers import Grader, load_answers
from modelscout.emulator.profile import load_profile

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_shares_add_up() -> None:
    assert sum(o.share for o in ORGANIZATIONS) == pytest.approx(1)
    for org in ORGANIZATIONS:
        assert sum(a.share for a in ASSIGNMENTS if a.organization == org.slug) == pytest.approx(1)


def test_organizations_differ_in_keys_and_incumbents() -> None:
    assert len({frozenset(o.models()) for o in ORGANIZATIONS}) == len(ORGANIZATIONS) >= 3
    assert len({o.id for o in ORGANIZATIONS}) == len(ORGANIZATIONS)
    assert {f.id for f in FEATURES} == {a.feature for a in ASSIGNMENTS}
    with pytest.raises(KeyError, match="nobody"):
        organization("nobody")


def test_every_incumbent_is_within_reach_and_does_its_feature() -> None:
    required = {f.id: set(f.required_capabilities) for f in FEATURES}
    for a in ASSIGNMENTS:
        model = MODELS[a.incumbent.key]
        assert a.incumbent in organization(a.organization).models()
        assert required[a.feature] <= model.capabilities - model.contradicted
        assert a.feature in model.quality


def test_planted_successors_are_within_reach() -> None:
    for a in ASSIGNMENTS:
        names = {m.model for m in organization(a.organization).models()}
        assert set(a.expected_models) <= names


def test_keys_are_drawn_once_and_private(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path / "data")
    file = tmp_path / "data" / KEYS_FILE
    assert demo_keys(tmp_path / "data") == keys
    assert demo_keys(tmp_path / "other") != keys
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(set(keys.values())) == len(keys) == sum(len(o.keys) for o in ORGANIZATIONS)
    assert [p.name for p in file.parent.iterdir()] == [KEYS_FILE]


def test_a_broken_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / KEYS_FILE).write_text("{}")
    with pytest.raises(ConfigurationError, match=r"demo_keys\.json.*delete it"):
        demo_keys(tmp_path)


def test_the_emulator_reads_the_profile(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path)
    profile_path, answers_path = write_emulator_files(tmp_path / "emulator", NOW, keys)
    profile = load_profile(profile_path)
    assert stat.S_IMODE(profile_path.stat().st_mode) == 0o600
    assert len(load_answers(answers_path)) > 1_800
    granted = {(k.organization, k.provider): k.models for k in profile.keys.values()}
    assert granted[("acme", "clarifai")] == {"general-image-recognition"}
    assert profile.models["anthropic/claude-opus-4-1"].lifecycle_at(NOW) == "retired"
    assert profile.models["anthropic/claude-sonnet-4-5"].lifecycle_at(NOW) == "deprecated"
    assert profile.models["openai/gpt-4o"].lifecycle_at(NOW) == "active"
    flash_lite = profile.models["google/gemini-3.1-flash-lite"]
    assert flash_lite.claims(Capability.COMPLEX_REASONING)
    assert not flash_lite.can(Capability.COMPLEX_REASONING)


def test_the_refused_key_is_unknown_to_the_emulator(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path)
    profile = emulator_profile(NOW, keys)
    assert keys[secret_reference("civic", "openai")] not in profile["keys"]
    assert keys[secret_reference("civic", "anthropic")] in profile["keys"]
    assert profile["control_token"] not in profile["keys"]


def test_lifecycle_follows_now() -> None:
    later = NOW.replace(day=24)
    for model, days in (("anthropic/claude-sonnet-4-5", 9), ("anthropic/claude-opus-4-1", -5)):
        end, next_end = retires_on(model, NOW), retires_on(model, later)
        assert end is not None
        assert next_end is not None
        assert (end - NOW.date()).days == days
        assert (next_end - end).days == 1


def test_a_swap_exchanges_the_qualities(tmp_path: Path) -> None:
    swap = Swap.from_environment({"MODELSCOUT_DEMO_SWAP": "openai/gpt-6-luna:openai/gpt-4o"})
    assert swap is not None
    assert quality("openai/gpt-4o", "chat", swap) == quality("openai/gpt-6-luna", "chat")
    models = emulator_profile(NOW, demo_keys(tmp_path), swap=swap)["models"]
    assert models["openai/gpt-6-luna"]["quality"]["photo_tagging"] == quality(
        "openai/gpt-4o", "photo_tagging"
    )
    assert models["google/gemini-3.8-flash"]["quality"]["chat"] == quality("google/gemini-3.8-flash", "chat")
    assert Swap.from_environment({}) is None


def test_a_swap_of_an_unknown_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"MODELSCOUT_DEMO_SWAP.*openai/gpt-9"):
        Swap.from_environment({"MODELSCOUT_DEMO_SWAP": "openai/gpt-4o:openai/gpt-9"})


def test_the_baseline_follows_the_emulators_rule(tmp_path: Path) -> None:
    from modelscout.demo.samples import difficulty, samples

    profile = emulator_profile(NOW, demo_keys(tmp_path))
    grader = Grader(profile["seed"], profile["item_correlation"])
    for sample in samples()[::97]:
        model = sample.assignment.incumbent
        assert difficulty(sample.fingerprint, model) == grader.difficulty(sample.fingerprint, model.key)


def test_the_profile_is_json(tmp_path: Path) -> None:
    json.dumps(emulator_profile(NOW, demo_keys(tmp_path)))
