"""The words of the field as types. Units are in the names; tokens and latencies follow OpenTelemetry GenAI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum


class Provider(StrEnum):
    """Vendors with an adapter of their own."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    CLARIFAI = "clarifai"


class Capability(StrEnum):
    """What a model can do; documented by the catalog, verified by a probe."""

    TEXT_GENERATION = "text_generation"
    IMAGE_ANALYSIS = "image_analysis"
    STRUCTURED_OUTPUT = "structured_output"
    COMPLEX_REASONING = "complex_reasoning"
    LARGE_CONTEXT = "large_context"
    TOOL_USE = "tool_use"
    STREAMING = "streaming"
    FAST_PROCESSING = "fast_processing"


class UseCase(StrEnum):
    """Situations a model is scored for, 0 to 100."""

    BATCH_PROCESSING = "batch_processing"
    REAL_TIME = "real_time"
    COST_SENSITIVE = "cost_sensitive"
    HIGH_ACCURACY = "high_accuracy"
    COMPLEX_ANALYSIS = "complex_analysis"
    QUALITY_CONTROL = "quality_control"


class ModelType(StrEnum):
    """What a model takes in and gives out."""

    LANGUAGE = "language"
    VISION = "vision"
    MULTIMODAL = "multimodal"


class ModelStatus(StrEnum):
    """State of a model for one organization's key. `active` means available and in use."""

    ACTIVE = "active"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    DEPRECATED = "deprecated"
    RETIRED = "retired"


class CapabilityResult(StrEnum):
    """What is known about one capability of one model."""

    DOCUMENTED = "documented"
    VERIFIED = "verified"
    CONTRADICTED = "contradicted"
    UNTESTED = "untested"


class Verdict(StrEnum):
    """The five answers of a recommendation."""

    SWITCH = "switch"
    MIGRATE = "migrate"
    KEEP = "keep"
    TRIAL = "trial"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


class Processing(StrEnum):
    """How a provider was asked to process a call; each has its own price."""

    STANDARD = "standard"
    BATCH = "batch"
    FLEX = "flex"
    PRIORITY = "priority"


WORKLOAD_LEVELS: Mapping[str, tuple[str, ...]] = {
    "complexity": ("low", "medium", "high"),
    "volume": ("light", "moderate", "heavy"),
    "urgency": ("real-time", "near-real-time", "batch"),
    "accuracy": ("basic", "standard", "high", "critical"),
}
"""What a workload is described by; the least demanding level first, of urgency the most pressing."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """What one call consumed.

    `input_tokens` include cached and image tokens, `output_tokens` include reasoning tokens, as in the
    OpenTelemetry GenAI conventions. `operations` counts units of providers that bill per operation.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    """All tokens written to a cache; `cache_write_1h_tokens` of them with the long lifetime."""
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    image_tokens: int = 0
    image_count: int = 0
    operations: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))
