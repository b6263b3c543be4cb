"""What the catalog says about one model. All facts carry the place and the day they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from modelscout.core.types import Capability, ModelType, Provider, UseCase


class PerformanceClass(StrEnum):
    """A coarse class; for cost, `very_high` means dear."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"


class FactGroup(StrEnum):
    """Groups of facts that share one source."""

    IDENTITY = "identity"
    CAPABILITIES = "capabilities"
    PERFORMANCE = "performance"
    LIMITS = "limits"
    LIFECYCLE = "lifecycle"
    USE_CASE_SCORES = "use_case_scores"


class UseCaseScore(NamedTuple):
    """How well a model suits one use case, 0 to 100, and why."""

    score: int
    reason: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a group of facts was read, and when."""

    text: str
    read_on: date


@dataclass(frozen=True, slots=True)
class PerformanceClasses:
    """Documented classes, before anything is measured; the rules stand in docs/catalog.md."""

    speed: PerformanceClass
    accuracy: PerformanceClass
    cost: PerformanceClass


@dataclass(frozen=True, slots=True)
class Limits:
    """The vendor's limits; None means that no source gives one."""

    context_window_tokens: int | None = None
    """Input and output together."""
    max_input_tokens: int | None = None
    """Where the vendor caps the input below the window."""
    max_output_tokens: int | None = None
    max_images: int | None = None
    """Images per call."""
    requests_per_minute: int | None = None
    """Of the vendor's first paid tier; a key's own limits come from discovery."""
    tokens_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Dates in UTC; a model answers up to, and not on, `retires_on`."""

    released_on: date | None = None
    deprecated_on: date | None = None
    retires_on: date | None = None
    successor: str | None = None
    """Model id of the same provider."""

    def is_retired(self, on: date) -> bool:
        """Whether the model is gone on the day `on`."""
        return self.retires_on is not None and self.retires_on <= on


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """One specific model version of one provider."""

    provider: Provider
    model_id: str
    aliases: tuple[str, ...]
    name: str
    version: str
    family: str
    type: ModelType
    capabilities: frozenset[Capability]
    """Documented, not verified."""
    performance: PerformanceClasses
    limits: Limits
    use_case_scores: Mapping[UseCase, UseCaseScore]
    lifecycle: Lifecycle
    sources: Mapping[FactGroup, Source]
