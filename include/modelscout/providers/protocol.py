"""What every provider adapter takes and gives. This module must never import a vendor's SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from modelscout.core.types import Capability, TokenUsage


class FinishReason(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"
    OTHER = "other"


class ReasoningEffort(StrEnum):
    """How long a model may think; adapters leave it out where a model does not take it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Image:
    """An image as bytes with its media type, such as `image/png`."""

    data: bytes = field(repr=False)
    media_type: str = "image/png"


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may ask for; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to call a tool."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One call. No sampling parameters: this year's models refuse them."""

    model: str
    prompt: str
    images: tuple[Image, ...] = ()
    system: str | None = None
    json_schema: Mapping[str, Any] | None = None
    """If set, the answer must be JSON valid under this schema."""
    tools: tuple[Tool, ...] = ()
    max_output_tokens: int = 1024
    reasoning_effort: ReasoningEffort | None = None
    temperature: float | None = None
    """Adapters leave it, and `top_p`, out where the model does not take it (`parameters.takes_sampling`)."""
    top_p: float | None = None
    timeout_s: float = 60.0
    """From when it is sent."""
    patience_s: float | None = None
    """How long it may wait for its turn within the key's limits before; None: as long as `timeout_s`."""

    @property
    def longest_wait_s(self) -> float:
        """Seconds that it may wait for its turn."""
        return self.timeout_s if self.patience_s is None else self.patience_s


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """What the vendor's headers say is left; None where it does not say."""

    requests_limit: int | None = None
    requests_remaining: int | None = None
    tokens_limit: int | None = None
    tokens_remaining: int | None = None


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """One answer."""

    text: str
    finish_reason: FinishReason
    usage: TokenUsage
    requested_model: str
    served_model: str
    """The model that answered, as the vendor names it: not always the one that was asked for."""
    request_id: str | None
    duration_ms: float | None
    """None where nobody measured it: an answer that came in a batch."""
    time_to_first_token_ms: float | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    rate_limit: RateLimitState = RateLimitState()
    confidence: float | None = None
    """0 to 1, where the provider gives one (concept models)."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of a streamed answer."""

    text: str


StreamEvent = TextDelta | GenerateResult
"""A stream yields text deltas and ends with exactly one GenerateResult."""


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as the provider lists it for one key. None means that the provider does not say."""

    model_id: str
    display_name: str | None = None
    created_at: datetime | None = None
    lifecycle: str | None = None
    """`active`, `deprecated` or `retired`, only where the provider says so: silence is no statement."""
    deprecated_at: date | None = None
    retires_at: date | None = None
    context_window_tokens: int | None = None
    max_output_tokens: int | None = None
    capabilities: Mapping[Capability, bool] = field(default_factory=dict)


class ProviderAdapter(Protocol):
    """One provider for one key, bound to the running event loop."""

    provider: str

    async def list_models(self) -> list[ListedModel]:
        """All models that the key can see, over all pages. Raises ProviderError."""
        ...

    async def get_model(self, model_id: str) -> ListedModel:
        """One model as it is now, in one request. Raises ProviderError, ModelNotFound where it is not there."""
        ...

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        """One call, never retried here. Raises ProviderError."""
        ...

    def stream(self, request: GenerateRequest) -> AsyncIterator[StreamEvent]:
        """One streamed call. Raises ProviderError; MalformedAnswer where the stream is cut."""
        ...
