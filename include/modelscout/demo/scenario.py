"""Who the demo is about, and what must be recommended to them. All times follow from one given `now`."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.core.private_files import create_private
from modelscout.core.types import Capability, Provider, UseCase, Verdict

NAMESPACE = uuid.UUID("6f0c9f58-5f1e-4d0b-9a7c-1f6b7d5b2a10")
"""Ids of the demo's organizations are version 5 UUIDs under it, so that they never change."""
MARGIN = 0.05
"""Quality loss that every demo feature tolerates."""
HISTORY_DAYS = 30
RETIRES_SOON_DAYS = 9
"""claude-sonnet-4-5 retires on the day that is so many days after today."""
RETIRED_DAYS_AGO = 5
"""claude-opus-4-1 retired on the day that is so many days before today."""
SAMPLES_PER_FEATURE = 200
SPARSE_SAMPLES = 6
KEYS_FILE = "demo_keys.json"


class ModelRef(NamedTuple):
    """A model by its natural key."""

    provider: Provider
    model: str

    @property
    def key(self) -> str:
        """Such as `openai/gpt-4o`, as the emulator's profile names it."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """What an organization's key of one provider opens."""

    provider: Provider
    models: tuple[str, ...]
    accepted: bool = True
    """False: the provider answers 401, as it does to a key that was revoked."""


@dataclass(frozen=True, slots=True)
class DemoOrganization:
    """One simulated customer."""

    slug: str
    name: str
    share: float
    """Of all requests."""
    utc_offset_hours: int
    """Where its users live: shifts the day and night of its traffic."""
    keys: tuple[KeyGrant, ...]

    @property
    def id(self) -> uuid.UUID:
        """The same in every installation."""
        return uuid.uuid5(NAMESPACE, self.slug)

    def models(self) -> tuple[ModelRef, ...]:
        """All models that its accepted keys can see."""
        return tuple(ModelRef(k.provider, m) for k in self.keys if k.accepted for m in k.models)


@dataclass(frozen=True, slots=True)
class DemoFeature:
    """One feature, as it stands in `ai_features`."""

    id: str
    name: str
    required_capabilities: tuple[Capability, ...]
    use_case: UseCase
    objective: str = "cost"


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which model serves a feature of an organization, and what must be recommended in its place."""

    organization: str
    feature: str
    incumbent: ModelRef
    share: float
    """Of the organization's requests."""
    expected: Verdict
    expected_models: tuple[str, ...] = ()
    """Provider's ids of the models that may be recommended; empty: any, or none."""
    retires_in_days: int | None = None
    """Day of the incumbent's retirement, counted from today; negative: gone already."""
    samples: int = SAMPLES_PER_FEATURE
    batch_share: float = 0.0
    """Part of the requests that waits for the cheaper batch processing."""


def _openai(model: str) -> ModelRef:
    return ModelRef(Provider.OPENAI, model)


def _anthropic(model: str) -> ModelRef:
    return ModelRef(Provider.ANTHROPIC, model)


def _google(model: str) -> ModelRef:
    return ModelRef(Provider.GOOGLE, model)


ORGANIZATIONS = (
    DemoOrganization(
        slug="acme",
        name="Acme Photos",
        share=0.62,
        utc_offset_hours=-6,
        keys=(
            KeyGrant(Provider.OPENAI, ("gpt-4o", "gpt-6-luna", "gpt-6.1-terra", "gpt-5.4-mini")),
            KeyGrant(Provider.GOOGLE, ("gemini-3.8-flash", "gemini-3.5-flash-lite", "gemini-3.1-flash-lite")),
            KeyGrant(
                Provider.ANTHROPIC,
                ("claude-sonnet-4-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-4-1"),
            ),
            KeyGrant(Provider.CLARIFAI, ("general-image-recognition",)),
        ),
    ),
    DemoOrganization(
        slug="bloom",
        name="Bloom Market",
        share=0.30,
        utc_offset_hours=1,
        keys=(
            KeyGrant(Provider.OPENAI, ("gpt-6-luna", "gpt-6.1-sol", "gpt-5.4-mini")),
            KeyGrant(
                Provider.GOOGLE, ("gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-3.5-flash-lite")
            ),
        ),
    ),
    DemoOrganization(
        slug="civic",
        name="Civic Archive",
        share=0.08,
        utc_offset_hours=0,
        keys=(
            KeyGrant(
                Provider.ANTHROPIC,
                ("claude-opus-4-1", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"),
            ),
            KeyGrant(Provider.CLARIFAI, ("general-image-recognition",)),
            KeyGrant(Provider.OPENAI, (), accepted=False),
        ),
    ),
)

FEATURES = (
    DemoFeature("photo_tagging", "Photo tagging", (Capability.IMAGE_ANALYSIS,), UseCase.BATCH_PROCESSING),
    DemoFeature(
        "descriptions",
        "Descriptions",
        (Capability.TEXT_GENERATION, Capability.STRUCTURED_OUTPUT),
        UseCase.HIGH_ACCURACY,
    ),
    DemoFeature("chat", "Chat", (Capability.TEXT_GENERATION,), UseCase.REAL_TIME),
    DemoFeature("search", "Search", (Capability.TEXT_GENERATION,), UseCase.COST_SENSITIVE),
    DemoFeature("moderation", "Moderation", (Capability.TEXT_GENERATION,), UseCase.QUALITY_CONTROL),
)

ASSIGNMENTS = (
    Assignment(
        "acme", "photo_tagging", _openai("gpt-4o"), 0.3397, Verdict.SWITCH, ("gpt-6-luna",), batch_share=0.08
    ),
    Assignment(
        "acme",
        "descriptions",
        _anthropic("claude-sonnet-4-5"),
        0.12,
        Verdict.MIGRATE,
        ("claude-sonnet-5-5",),
        retires_in_days=RETIRES_SOON_DAYS,
    ),
    Assignment("acme", "chat", _openai("gpt-6-luna"), 0.28, Verdict.KEEP),
    Assignment("acme", "search", _google("gemini-3.5-flash-lite"), 0.26, Verdict.TRIAL, ("gpt-6-luna",)),
    Assignment(
        "acme",
        "moderation",
        _openai("gpt-5.4-mini"),
        0.0003,
        Verdict.INSUFFICIENT_EVIDENCE,
        samples=SPARSE_SAMPLES,
    ),
    Assignment(
        "bloom",
        "photo_tagging",
        _google("gemini-3.1-pro-preview"),
        0.35,
        Verdict.SWITCH,
        ("gpt-6-luna",),
        batch_share=0.08,
    ),
    Assignment("bloom", "descriptions", _openai("gpt-6.1-sol"), 0.30, Verdict.KEEP),
    Assignment("bloom", "chat", _openai("gpt-5.4-mini"), 0.35, Verdict.SWITCH, ("gpt-6-luna",)),
    Assignment(
        "civic",
        "descriptions",
        _anthropic("claude-opus-4-1"),
        0.45,
        Verdict.MIGRATE,
        ("claude-sonnet-5-5", "claude-opus-5-5"),
        retires_in_days=-RETIRED_DAYS_AGO,
    ),
    Assignment(
        "civic",
        "photo_tagging",
        ModelRef(Provider.CLARIFAI, "general-image-recognition"),
        0.55,
        Verdict.SWITCH,
        ("claude-haiku-5-5",),
    ),
)


def organization(slug: str) -> DemoOrganization:
    """The organization `slug`. Raises KeyError where the demo has none of that name."""
    for candidate in ORGANIZATIONS:
        if candidate.slug == slug:
            return candidate
    raise KeyError(f"the demo has no organization {slug!r}")


def assignments_of(slug: str) -> tuple[Assignment, ...]:
    """What the organization `slug` uses AI for."""
    return tuple(a for a in ASSIGNMENTS if a.organization == slug)


def secret_reference(slug: str, provider: str) -> str:
    """Name of the connection that holds the organization's key of `provider`."""
    return f"llm__{slug}__{provider}"


_KEY_SHAPES: Mapping[Provider, str] = {
    Provider.OPENAI: "sk-proj-{0}",
    Provider.ANTHROPIC: "sk-ant-api03-{0}",
    Provider.GOOGLE: "AIza{0:.35}",
    Provider.CLARIFAI: "{0:.32}",
}


def demo_keys(data_folder: Path) -> dict[str, str]:
    """API keys of the demo by secret reference, also those that a provider will refuse.

    They derive from a random secret that is drawn once per data folder and kept there, readable by its
    owner only. Raises ConfigurationError where the file cannot be read.
    """
    secret = _secret(data_folder / KEYS_FILE)
    keys: dict[str, str] = {}
    for org in ORGANIZATIONS:
        for grant in org.keys:
            reference = secret_reference(org.slug, grant.provider)
            digest = hmac.new(secret, reference.encode(), hashlib.sha256).hexdigest()
            keys[reference] = _KEY_SHAPES[grant.provider].format(digest)
    return keys


def control_token(keys: Mapping[str, str]) -> str:
    """Token of the emulator's control endpoint; as secret as the keys that it derives from."""
    return hashlib.sha256("\n".join(("control", *sorted(keys.values()))).encode()).hexdigest()


def _secret(path: Path) -> bytes:
    if not path.exists():
        _create_secret(path)
    try:
        return bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path} is not the demo's key file: delete it, a new one is made"
        ) from error


def _create_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        create_private(path, json.dumps({"secret": secrets.token_hex(32)}))
