"""Anthropic through its Messages API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anthropic  # noqa: TID253 - the registry loads this module on the first call only
import httpx2

from modelscout.core.errors import ProviderError
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability
from modelscout.providers import wire
from modelscout.providers.anthropic_wire import MessageBuilder, parse_message, request_body
from modelscout.providers.errors import (
    VendorFailure,
    malformed,
    provider_error,
    retry_after_seconds,
    translated,
    unavailable,
)
from modelscout.providers.protocol import (
    GenerateRequest,
    GenerateResult,
    ListedModel,
    RateLimitState,
    StreamEvent,
    TextDelta,
)

DEFAULT_BASE_URL = "https://api.anthropic.com"

_KINDS: tuple[type[BaseException], ...] = (
    anthropic.AnthropicError,
    httpx2.HTTPError,
    httpx2.StreamError,
    TimeoutError,
    ValueError,
)
_RATE_HEADERS = {
    "requests_limit": ("anthropic-ratelimit-requests-limit",),
    "requests_remaining": ("anthropic-ratelimit-requests-remaining",),
    "tokens_limit": ("anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-input-tokens-limit"),
    "tokens_remaining": (
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-input-tokens-remaining",
    ),
}
_CAPABILITIES = {
    Capability.IMAGE_ANALYSIS: "image_input",
    Capability.STRUCTURED_OUTPUT: "structured_outputs",
    Capability.COMPLEX_REASONING: "thinking",
}


@asynccontextmanager
async def open_adapter(
    credential: ProviderCredential,
    *,
    concurrency: int = 32,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[AnthropicAdapter]:
    """An adapter on a client of its own, made inside the running loop and closed on exit.

    `transport` replaces the network.
    """
    client = anthropic.AsyncAnthropic(
        api_key=credential.api_key,
        base_url=credential.base_url or DEFAULT_BASE_URL,
        timeout=wire.timeout(wire.LIST_TIMEOUT_S),
        max_retries=0,
        http_client=wire.http_client(concurrency, transport),
    )
    async with client:
        yield AnthropicAdapter(credential, client)


class AnthropicAdapter:
    """`ProviderAdapter` of Anthropic."""

    provider = "anthropic"

    def __init__(self, credential: ProviderCredential, client: anthropic.AsyncAnthropic) -> None:
        """Works with `client`, which the caller closes."""
        self._credential = credential
        self._client = client

    async def list_models(self) -> list[ListedModel]:
        """All models of the key, retired ones included, over all pages."""
        with translated(_KINDS, self._error):
            async with asyncio.timeout(wire.LIST_TIMEOUT_S):
                pages = self._client.models.list(limit=1000, lifecycle=["active", "deprecated", "retired"])
                return [_listed(model.to_dict(mode="json")) async for model in pages]

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        """One call."""
        watch = wire.Stopwatch()
        with translated(_KINDS, self._error):
            async with asyncio.timeout(request.timeout_s):
                raw = await self._client.messages.with_raw_response.create(
                    **request_body(request), timeout=wire.timeout(request.timeout_s)
                )
                text = await raw.text()
            body = wire.json_object(self._credential, text, request_id=raw.request_id)
            return self._result(request, body, raw.request_id, raw.headers, watch)

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamEvent]:
        """One streamed call; the last event is the GenerateResult."""
        watch = wire.Stopwatch()
        with translated(_KINDS, self._error):
            async with asyncio.timeout(request.timeout_s):
                raw = await self._client.messages.with_raw_response.create(
                    **request_body(request), stream=True, timeout=wire.timeout(request.timeout_s)
                )
            builder = MessageBuilder()
            remaining = request.timeout_s - watch.elapsed_ms() / 1000
            # As plain values: the SDK's own classes take longer to build than the events to arrive.
            async with await raw.parse(to=anthropic.AsyncStream[dict[str, Any]]) as events:
                async for event in wire.within(aiter(events), remaining):
                    piece = builder.add(event)
                    if builder.has_output:
                        watch.mark_token()
                    if piece:
                        yield TextDelta(piece)
            if not builder.complete:
                raise malformed(
                    self._credential,
                    "the stream ended without a stop reason",
                    request_id=raw.request_id,
                )
            yield self._result(request, builder.message, raw.request_id, raw.headers, watch)

    def _result(
        self,
        request: GenerateRequest,
        body: Mapping[str, Any],
        request_id: str | None,
        headers: Mapping[str, str],
        watch: wire.Stopwatch,
    ) -> GenerateResult:
        duration_ms = watch.elapsed_ms()
        try:
            return parse_message(
                self._credential,
                request,
                body,
                request_id=request_id,
                duration_ms=duration_ms,
                time_to_first_token_ms=watch.first_token_ms,
                rate_limit=_rate_limit(headers),
            )
        except (AttributeError, KeyError, TypeError) as error:
            text = f"the answer has an unknown form: {error!r}"
            raise malformed(self._credential, text, request_id=request_id) from None

    def _error(self, error: BaseException) -> ProviderError:
        if isinstance(error, anthropic.APIStatusError):
            return provider_error(self._credential, _status_failure(error))
        if isinstance(
            error, anthropic.APIConnectionError | httpx2.HTTPError | httpx2.StreamError | TimeoutError
        ):
            return unavailable(self._credential, error)
        return malformed(self._credential, f"the answer cannot be read: {type(error).__name__}: {error}")


def _status_failure(error: anthropic.APIStatusError) -> VendorFailure:
    body = error.body if isinstance(error.body, Mapping) else {}
    detail = body.get("error")
    detail = detail if isinstance(detail, Mapping) else {}
    extra = detail.get("details")
    codes = [extra.get("error_code")] if isinstance(extra, Mapping) else []
    codes.append(detail.get("type"))
    return VendorFailure(
        message=str(detail.get("message") or error.message),
        # A failure inside a stream comes after the status 200: then the type alone tells.
        status=error.status_code if error.status_code >= 400 else None,
        codes=tuple(str(code) for code in codes if code),
        request_id=error.request_id or body.get("request_id"),
        retry_after_s=retry_after_seconds(error.response.headers),
    )


def _rate_limit(headers: Mapping[str, str]) -> RateLimitState:
    return wire.rate_limit(headers, _RATE_HEADERS)


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    supported = entry.get("capabilities") or {}
    capabilities = {
        capability: bool(supported[name].get("supported"))
        for capability, name in _CAPABILITIES.items()
        if isinstance(supported.get(name), Mapping)
    }
    created_at = wire.parse_moment(entry.get("created_at"))
    return ListedModel(
        model_id=str(entry["id"]),
        display_name=entry.get("display_name"),
        # The epoch stands for an unknown date.
        created_at=created_at if created_at and created_at.year > 1970 else None,
        lifecycle=entry.get("lifecycle"),
        deprecated_at=wire.parse_date(entry.get("deprecated_at")),
        retires_at=wire.parse_date(entry.get("retires_at")),
        context_window_tokens=entry.get("max_input_tokens"),
        max_output_tokens=entry.get("max_tokens"),
        capabilities=capabilities,
    )
