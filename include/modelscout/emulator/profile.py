"""What the emulator pretends to be: keys, models and how well and fast each model answers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, Provider
from modelscout.emulator.reader import as_object, build, known_fields

PROVIDERS = (*Provider, "openai_compatible")
"""Whose APIs are spoken; the last stands for self-hosted servers and gateways."""
LIFECYCLES = ("active", "deprecated", "retired")
BILLINGS = ("tokens", "operations")
JUDGES = ("honest", "prefers_long", "obeys", "says_yes")


@dataclass(frozen=True, slots=True)
class KeyProfile:
    """One API key. `models` None means every model of the provider; limits None mean none."""

    organization: str
    provider: str
    models: frozenset[str] | None = None
    """Model ids without the provider, such as `gpt-6-luna`."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    lists_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class ModelProfile:
    """One model. `quality` is the share of right answers by feature, with `default` for all others."""

    display_name: str | None = None
    created_at: datetime | None = None
    lifecycle: str = "active"
    deprecated_at: date | None = None
    retires_at: date | None = None
    """The first day on which calls answer 404."""
    context_window_tokens: int | None = None
    max_output_tokens: int | None = None
    capabilities: frozenset[str] = frozenset({"text_generation", "streaming"})
    """What the model can really do."""
    documented_capabilities: frozenset[str] | None = None
    """What the list of models claims; None means the truth."""
    quality: Mapping[str, float] = field(default_factory=lambda: {"default": 0.9})
    time_to_first_token_ms: float = 400.0
    """Median of a log-normal distribution whose sigma is `latency_sigma`."""
    output_token_ms: float = 6.0
    latency_sigma: float = 0.25
    verbosity: float = 1.0
    """Factor on the output tokens of an answer."""
    reasoning_tokens: int = 0
    image_tokens: int = 300
    served_as: str | None = None
    """Id of the model that really answers, without the provider."""
    billing: str = "tokens"
    judge: str = "honest"
    """How it grades the answers of others: see judging.py."""
    judge_error_rate: float = 0.0
    """Share of an honest judge's verdicts that are wrong."""

    def can(self, capability: Capability) -> bool:
        """Whether the model really has a capability."""
        return capability.value in self.capabilities

    def claims(self, capability: Capability) -> bool:
        """Whether the list of models says that it has a capability."""
        claimed = self.capabilities if self.documented_capabilities is None else self.documented_capabilities
        return capability.value in claimed

    def quality_for(self, feature: str) -> float:
        """Share of right answers for a feature; 0.9 where the profile says nothing."""
        return self.quality.get(feature, self.quality.get("default", 0.9))

    def lifecycle_at(self, now: datetime) -> str:
        """`active`, `deprecated` or `retired` at a moment, by the dates and the declared state."""
        today = now.date()
        if self.lifecycle == "retired" or (self.retires_at and today >= self.retires_at):
            return "retired"
        if self.lifecycle == "deprecated" or (self.deprecated_at and today >= self.deprecated_at):
            return "deprecated"
        return "active"


@dataclass(frozen=True, slots=True)
class Profile:
    """The whole emulator. `models` is keyed by `provider/id`."""

    keys: Mapping[str, KeyProfile] = field(default_factory=dict, repr=False)
    models: Mapping[str, ModelProfile] = field(default_factory=dict)
    now: datetime | None = None
    """The moment at which lifecycles are judged; None means the real time."""
    seed: int = 0
    latency_scale: float = 1.0
    """Factor on every delay; 0 answers at once."""
    list_ms: float = 0.0
    """How long a list of models, or a look at one, takes: the median of a log-normal distribution."""
    list_sigma: float = 0.0
    batch_ms: float = 1_000.0
    """How long a batch takes, whatever `latency_scale`; its items are answered evenly over this time."""
    batch_expires_ms: float = 86_400_000.0
    """After so long the rest of a batch expires."""
    batch_items: int = 50_000
    """A batch of more is refused."""
    control_token: str = field(default="", repr=False)
    """Bearer token of `/control/…`; empty closes the control endpoints."""
    item_correlation: float = 0.6
    """How far models fail on the same items: 0 independent, 1 always together."""

    def current_time(self) -> datetime:
        """The profile's moment, or the real one, in UTC."""
        return self.now or datetime.now(UTC)


def load_profile(path: Path) -> Profile:
    """Read a profile. Raises ConfigurationError that names the file and the field."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"profile {path} cannot be read: {error.strerror or type(error).__name__}"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"profile {path} is not JSON: {error}") from error
    try:
        return parse_profile(data)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse_profile(data: object) -> Profile:
    """A profile from JSON values. Raises ConfigurationError that names the field."""
    values = known_fields(data, Profile, "profile")
    keys = values.pop("keys", {})
    models = values.pop("models", {})
    profile: Profile = build(Profile, values, "profile")
    profile = dataclasses.replace(
        profile,
        keys={key: _key(entry, f"keys[{_masked(key)}]") for key, entry in as_object(keys, "keys").items()},
        models={name: parse_model(name, entry) for name, entry in as_object(models, "models").items()},
    )
    _check_profile(profile)
    return profile


def parse_model(name: str, data: object, base: ModelProfile | None = None) -> ModelProfile:
    """A model's settings from JSON values, on top of `base` if given. Raises ConfigurationError."""
    where = f"models[{name}]"
    provider, _, model_id = name.partition("/")
    if provider not in PROVIDERS or not model_id:
        raise ConfigurationError(f"{where}: name it as provider/id with one of {', '.join(PROVIDERS)}")
    values = known_fields(data, ModelProfile, where)
    built: ModelProfile = build(ModelProfile, values, where)
    model = dataclasses.replace(base, **{name: getattr(built, name) for name in values}) if base else built
    _check_model(model, where)
    return model


def _key(data: object, where: str) -> KeyProfile:
    key: KeyProfile = build(KeyProfile, known_fields(data, KeyProfile, where), where)
    if key.provider not in PROVIDERS:
        raise ConfigurationError(f"{where}.provider={key.provider!r}: use one of {', '.join(PROVIDERS)}")
    for name in ("requests_per_minute", "tokens_per_minute", "lists_per_minute"):
        value = getattr(key, name)
        if value is not None and value < 1:
            raise ConfigurationError(f"{where}.{name}={value} must be at least 1, or null for no limit")
    return key


def _check_profile(profile: Profile) -> None:
    if not 0 <= profile.item_correlation <= 1:
        raise ConfigurationError(f"item_correlation={profile.item_correlation} is not between 0 and 1")
    for name in ("batch_ms", "batch_expires_ms"):
        if getattr(profile, name) < 0:
            raise ConfigurationError(f"{name}={getattr(profile, name)} is negative")
    if profile.latency_scale < 0:
        raise ConfigurationError(f"latency_scale={profile.latency_scale} is negative")


def _check_model(model: ModelProfile, where: str) -> None:
    if model.lifecycle not in LIFECYCLES:
        raise ConfigurationError(f"{where}.lifecycle={model.lifecycle!r}: use one of {', '.join(LIFECYCLES)}")
    if model.billing not in BILLINGS:
        raise ConfigurationError(f"{where}.billing={model.billing!r}: use one of {', '.join(BILLINGS)}")
    if model.judge not in JUDGES:
        raise ConfigurationError(f"{where}.judge={model.judge!r}: use one of {', '.join(JUDGES)}")
    if not 0 <= model.judge_error_rate <= 1:
        raise ConfigurationError(f"{where}.judge_error_rate={model.judge_error_rate} is not between 0 and 1")
    for name in ("capabilities", "documented_capabilities"):
        names: frozenset[str] | None = getattr(model, name)
        unknown = set(names or ()) - set(Capability)
        if unknown:
            raise ConfigurationError(
                f"{where}.{name}: {', '.join(sorted(unknown))} unknown: use {', '.join(Capability)}"
            )
    shares: Mapping[str, object] = model.quality
    for feature, share in shares.items():
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise ConfigurationError(f"{where}.quality[{feature}]={share!r} is not between 0 and 1")


def _masked(key: str) -> str:
    return f"{key[:3]}…" if len(key) > 8 else "…"
