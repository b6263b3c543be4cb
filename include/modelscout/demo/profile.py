"""What the emulator is set to: quality, latency, capabilities and lifecycle of every model of the demo."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, Provider
from modelscout.demo.scenario import (
    FEATURES,
    ORGANIZATIONS,
    RETIRED_DAYS_AGO,
    RETIRES_SOON_DAYS,
    control_token,
    secret_reference,
)

if TYPE_CHECKING:
    from modelscout.demo.samples import DemoSample

SEED = 153
"""Of who gets which item right; one under which the few items show what is planted, held by a test."""
ITEM_CORRELATION = 0.6
"""How much a hard item is hard for all models: correlation of the latent difficulties."""
SWAP_VARIABLE = "MODELSCOUT_DEMO_SWAP"
LATENCY_SCALE = 0.05
"""The emulator answers in a twentieth of the time, so that a demo night takes seconds."""

_TEXT = frozenset(
    {
        Capability.TEXT_GENERATION,
        Capability.IMAGE_ANALYSIS,
        Capability.STRUCTURED_OUTPUT,
        Capability.TOOL_USE,
        Capability.STREAMING,
    }
)
_REASONING = _TEXT | {Capability.COMPLEX_REASONING, Capability.LARGE_CONTEXT}
_FAST = _REASONING | {Capability.FAST_PROCESSING}
_CONCEPTS = frozenset({Capability.IMAGE_ANALYSIS, Capability.FAST_PROCESSING})


@dataclass(frozen=True, slots=True)
class Speed:
    """Latency of a class of models: medians in ms, and the log-normal spread of both."""

    time_to_first_token_ms: float
    output_token_ms: float
    sigma: float = 0.35


SMALL = Speed(260, 4.0)
MIDDLE = Speed(420, 8.0)
LARGE = Speed(780, 14.0)
CONCEPT = Speed(180, 0.0, 0.25)


@dataclass(frozen=True, slots=True)
class DemoModel:
    """One model as the emulator serves it."""

    name: str
    released_on: date
    speed: Speed
    quality: Mapping[str, float]
    """Probability of a right answer per feature; the same for every organization."""
    capabilities: frozenset[Capability]
    context_window_tokens: int | None
    max_output_tokens: int | None
    image_tokens: int
    """Of one photo."""
    reasoning_tokens: int = 0
    """Typical count per answer."""
    verbosity: float = 1.0
    """Output tokens relative to the plain answer."""
    retires_in_days: int | None = None
    undocumented: frozenset[Capability] = frozenset()
    contradicted: frozenset[Capability] = frozenset()
    """Documented, but the model does not do it."""
    billing: str = "tokens"


def _quality(
    photo_tagging: float, descriptions: float, chat: float, search: float, moderation: float
) -> dict[str, float]:
    return {
        "photo_tagging": photo_tagging,
        "descriptions": descriptions,
        "chat": chat,
        "search": search,
        "moderation": moderation,
    }


MODELS: Mapping[str, DemoModel] = {
    "openai/gpt-4o": DemoModel(
        "GPT-4o", date(2024, 5, 13), MIDDLE, _quality(0.82, 0.80, 0.83, 0.82, 0.85),
        _TEXT, 128_000, 16_384, 765,
    ),
    "openai/gpt-6-luna": DemoModel(
        "GPT-6 Luna", date(2026, 9, 8), SMALL, _quality(0.94, 0.72, 0.94, 0.88, 0.86),
        _FAST, 922_000, 128_000, 900,
    ),
    "openai/gpt-6.1-terra": DemoModel(
        "GPT-6.1 Terra", date(2026, 10, 20), MIDDLE, _quality(0.90, 0.80, 0.90, 0.87, 0.88),
        _REASONING, 922_000, 128_000, 900, reasoning_tokens=60,
    ),
    "openai/gpt-6.1-sol": DemoModel(
        "GPT-6.1 Sol", date(2026, 10, 20), LARGE, _quality(0.92, 0.93, 0.93, 0.91, 0.92),
        _REASONING, 922_000, 128_000, 900, reasoning_tokens=120,
    ),
    "openai/gpt-5.4-mini": DemoModel(
        "GPT-5.4 mini", date(2026, 3, 17), SMALL, _quality(0.80, 0.74, 0.84, 0.80, 0.86),
        _FAST, 272_000, 128_000, 900, reasoning_tokens=30,
    ),
    "google/gemini-3.8-flash": DemoModel(
        "Gemini 3.8 Flash", date(2026, 10, 6), SMALL, _quality(0.86, 0.78, 0.88, 0.87, 0.86),
        _FAST, 1_048_576, 65_536, 1_090, reasoning_tokens=60,
    ),
    "google/gemini-3.5-flash-lite": DemoModel(
        "Gemini 3.5 Flash-Lite", date(2026, 5, 19), SMALL, _quality(0.76, 0.70, 0.78, 0.88, 0.80),
        _FAST, 1_048_576, 65_536, 1_090,
    ),
    "google/gemini-3.1-flash-lite": DemoModel(
        "Gemini 3.1 Flash-Lite", date(2026, 5, 7), SMALL, _quality(0.70, 0.66, 0.74, 0.72, 0.76),
        _FAST, 1_048_576, 65_536, 1_090, contradicted=frozenset({Capability.COMPLEX_REASONING}),
    ),
    "google/gemini-3.1-pro-preview": DemoModel(
        "Gemini 3.1 Pro Preview", date(2026, 2, 19), LARGE, _quality(0.87, 0.85, 0.90, 0.89, 0.90),
        _REASONING, 1_048_576, 65_536, 1_090, reasoning_tokens=180,
    ),
    "anthropic/claude-sonnet-4-5": DemoModel(
        "Claude Sonnet 4.5", date(2025, 9, 29), MIDDLE, _quality(0.85, 0.88, 0.88, 0.85, 0.88),
        _REASONING, 200_000, 64_000, 1_036, retires_in_days=RETIRES_SOON_DAYS,
    ),
    "anthropic/claude-sonnet-5-5": DemoModel(
        "Claude Sonnet 5.5", date(2026, 9, 29), MIDDLE, _quality(0.95, 0.96, 0.94, 0.92, 0.92),
        _REASONING, 1_000_000, 128_000, 1_036, reasoning_tokens=60,
    ),
    "anthropic/claude-haiku-5-5": DemoModel(
        "Claude Haiku 5.5", date(2026, 10, 13), SMALL, _quality(0.90, 0.76, 0.82, 0.78, 0.85),
        _FAST, 1_000_000, 128_000, 1_036, verbosity=1.3,
    ),
    "anthropic/claude-opus-4-1": DemoModel(
        "Claude Opus 4.1", date(2025, 8, 5), LARGE, _quality(0.84, 0.86, 0.88, 0.86, 0.88),
        _REASONING, 200_000, 32_000, 1_036, retires_in_days=-RETIRED_DAYS_AGO,
        undocumented=frozenset({Capability.STRUCTURED_OUTPUT}),
    ),
    "anthropic/claude-opus-5-5": DemoModel(
        "Claude Opus 5.5", date(2026, 9, 29), LARGE, _quality(0.95, 0.96, 0.95, 0.94, 0.94),
        _REASONING, 1_000_000, 128_000, 1_036, reasoning_tokens=90,
    ),
    "clarifai/general-image-recognition": DemoModel(
        "General image recognition", date(2022, 1, 20), CONCEPT, {"photo_tagging": 0.70},
        _CONCEPTS, None, None, 0, billing="operations",
    ),
}  # fmt: skip
"""One row per model; the columns of `_quality` are photo_tagging, descriptions, chat, search, moderation."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Two models whose qualities are exchanged, so that a test sees the recommendations become wrong."""

    first: str
    second: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Swap | None:
        """Read `MODELSCOUT_DEMO_SWAP`, such as `openai/gpt-6-luna:openai/gpt-4o`; None where it is empty."""
        text = (os.environ if environ is None else environ).get(SWAP_VARIABLE, "").strip()
        if not text:
            return None
        first, _, second = text.partition(":")
        for key in (first, second):
            if key not in MODELS:
                raise ConfigurationError(
                    f"{SWAP_VARIABLE}={text!r}: {key!r} is no model of the demo; "
                    f"write two of {', '.join(MODELS)} with a colon between them"
                )
        return cls(first, second)

    def source(self, key: str) -> str:
        """The model whose quality `key` has."""
        return {self.first: self.second, self.second: self.first}.get(key, key)


def quality(model_key: str, feature: str, swap: Swap | None = None) -> float:
    """Probability that the model's answer is right. Raises KeyError where it cannot do the feature."""
    return MODELS[model_key if swap is None else swap.source(model_key)].quality[feature]


def retires_on(model_key: str, now: datetime) -> date | None:
    """First UTC day on which the model no longer answers, None where no end is announced."""
    days = MODELS[model_key].retires_in_days
    return None if days is None else now.astimezone(UTC).date() + timedelta(days=days)


def emulator_profile(
    now: datetime,
    keys: Mapping[str, str],
    *,
    swap: Swap | None = None,
    latency_scale: float = LATENCY_SCALE,
) -> dict[str, Any]:
    """The emulator's profile as JSON. `keys` are those of `demo_keys`; refused ones are left out."""
    return {
        "now": now.isoformat(),
        "seed": SEED,
        "latency_scale": latency_scale,
        "control_token": control_token(keys),
        "item_correlation": ITEM_CORRELATION,
        "keys": _granted_keys(keys),
        "models": {key: _model_entry(key, now, swap) for key in MODELS},
    }


def write_emulator_files(
    folder: Path,
    now: datetime,
    keys: Mapping[str, str],
    *,
    swap: Swap | None = None,
    latency_scale: float = LATENCY_SCALE,
    more: Sequence[DemoSample] = (),
) -> tuple[Path, Path]:
    """Write profile.json and answers.jsonl, readable by their owner only; returns both paths.

    `more` items are in the answer key besides the seeded ones.
    """
    from modelscout.benchmarks.answer_key import answer_key
    from modelscout.demo.samples import answer_entries

    folder.mkdir(parents=True, exist_ok=True)
    profile = emulator_profile(now, keys, swap=swap, latency_scale=latency_scale)
    entries = [*answer_entries(), *answer_entries(more), *answer_key()]
    return (
        _write(folder / "profile.json", [json.dumps(profile, indent=1)]),
        _write(
            folder / "answers.jsonl", (json.dumps(asdict(entry), ensure_ascii=False) for entry in entries)
        ),
    )


def _write(path: Path, lines: Iterable[str]) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


def _granted_keys(keys: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    return {
        keys[secret_reference(org.slug, grant.provider)]: {
            "organization": org.slug,
            "provider": str(grant.provider),
            "models": list(grant.models),
            "requests_per_minute": 20_000,
            "tokens_per_minute": 40_000_000,
        }
        for org in ORGANIZATIONS
        for grant in org.keys
        if grant.accepted
    }


def _model_entry(key: str, now: datetime, swap: Swap | None) -> dict[str, Any]:
    model = MODELS[key]
    source = MODELS[key if swap is None else swap.source(key)]
    # The mean stands in for the features that no table lists, such as the capability probes.
    default = round(sum(source.quality.values()) / len(source.quality), 4)
    return {
        "display_name": model.name,
        "created_at": datetime.combine(model.released_on, time(), UTC).isoformat(),
        **_lifecycle(key, now),
        "context_window_tokens": model.context_window_tokens,
        "max_output_tokens": model.max_output_tokens,
        "capabilities": sorted(model.capabilities - model.contradicted),
        "documented_capabilities": sorted(model.capabilities - model.undocumented),
        "quality": {**source.quality, "default": default},
        "time_to_first_token_ms": model.speed.time_to_first_token_ms,
        "output_token_ms": model.speed.output_token_ms,
        "latency_sigma": model.speed.sigma,
        "verbosity": model.verbosity,
        "reasoning_tokens": model.reasoning_tokens,
        "image_tokens": model.image_tokens,
        "served_as": key.partition("/")[2],
        "billing": model.billing,
    }


def _lifecycle(key: str, now: datetime) -> dict[str, Any]:
    """Only Anthropic's list names dates; others' models just stay listed."""
    end = retires_on(key, now)
    if end is None:
        return {"lifecycle": "active", "deprecated_at": None, "retires_at": None}
    gone = end <= now.astimezone(UTC).date()
    return {
        "lifecycle": "retired" if gone else "deprecated",
        "deprecated_at": (end - timedelta(days=75)).isoformat(),
        "retires_at": end.isoformat(),
    }


def features_of(model_key: str) -> tuple[str, ...]:
    """The features that the model can serve, in the scenario's order."""
    return tuple(f.id for f in FEATURES if f.id in MODELS[model_key].quality)


def provider_of(model_key: str) -> Provider:
    """The vendor of a model key such as `openai/gpt-4o`."""
    return Provider(model_key.partition("/")[0])
