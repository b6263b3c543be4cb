"""OpenAI through its Responses API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import openai  # noqa: TID253 - the registry loads this module on the first call only

from modelscout.core.errors import MalformedAnswer, ProviderError
from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.errors import (
    VendorFailure,
    malformed,
    provider_error,
    retry_after_seconds,
    translated,
    unavailable,
)
from modelscout.providers.openai_wire import parse_response, request_body
from modelscout.providers.protocol import (
    GenerateRequest,
    GenerateResult,
    ListedModel,
    RateLimitState,
    StreamEvent,
    TextDelta,
)

DEFAULT_BASE_URL = "https://api.openai.com/v1"

_KINDS: tuple[type[BaseException], ...] = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.StreamError,
    TimeoutError,
    ValueError,
)
_RATE_HEADERS = {
    "requests_limit": ("x-ratelimit-limit-requests",),
    "requests_remaining": ("x-ratelimit-remaining-requests",),
    "tokens_limit": ("x-ratelimit-limit-tokens",),
    "tokens_remaining": ("x-ratelimit-remaining-tokens",),
}
_TOKEN_EVENTS = frozenset(
    {"response.output_text.delta", "response.refusal.delta", "response.function_call_arguments.delta"}
)
_FINAL_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed"})


@asynccontextmanager
async def open_adapter(
    credential: ProviderCredential,
    *,
    concurrency: int = 32,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[OpenAIAdapter]:
    """An adapter on a client of its own, made inside the running loop and closed on exit.

    `transport` replaces the network.
    """
    client = openai.AsyncOpenAI(
        api_key=credential.api_key,
        base_url=credential.base_url or DEFAULT_BASE_URL,
        timeout=wire.timeout(wire.LIST_TIMEOUT_S),
        max_retries=0,
        http_client=wire.http_client(concurrency, transport),
    )
    # The SDK fills these from the environment, which belongs to no organization in particular.
    client.organization = client.project = None
    async with client:
        yield OpenAIAdapter(credential, client)


class OpenAIAdapter:
    """`ProviderAdapter` of OpenAI."""

    provider = "openai"

    def __init__(self, credential: ProviderCredential, client: openai.AsyncOpenAI) -> None:
        """Works with `client`, which the caller closes."""
        self._credential = credential
        self._client = client

    async def list_models(self) -> list[ListedModel]:
        """All models of the key; the list has no pages and tells neither capabilities nor limits."""
        with translated(_KINDS, self._error):
            async with asyncio.timeout(wire.LIST_TIMEOUT_S):
                page = await self._client.models.with_raw_response.list()
            body = wire.json_object(self._credential, page.text, request_id=page.request_id)
            entries = body.get("data")
            if not isinstance(entries, list):
                raise malformed(
                    self._credential, "the list of models has no data", request_id=page.request_id
                )
            return [_listed(entry) for entry in entries if isinstance(entry, dict) and entry.get("id")]

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        """One call, stored nowhere at the vendor."""
        watch = wire.Stopwatch()
        with translated(_KINDS, self._error):
            async with asyncio.timeout(request.timeout_s):
                raw = await self._client.responses.with_raw_response.create(
                    **request_body(request), timeout=wire.timeout(request.timeout_s)
                )
            body = wire.json_object(self._credential, raw.text, request_id=raw.request_id)
            result = self._result(request, body, raw.request_id, watch)
            return replace(result, rate_limit=_rate_limit(raw.headers))

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamEvent]:
        """One streamed call; the last event is the GenerateResult."""
        watch = wire.Stopwatch()
        with translated(_KINDS, self._error):
            async with asyncio.timeout(request.timeout_s):
                raw = await self._client.responses.with_raw_response.create(
                    **request_body(request), stream=True, timeout=wire.timeout(request.timeout_s)
                )
            remaining = request.timeout_s - watch.elapsed_ms() / 1000
            # As plain values: the SDK's own classes take longer to build than the events to arrive.
            async with raw.parse(to=openai.AsyncStream[dict[str, Any]]) as events:
                async for event in wire.within(aiter(events), remaining):
                    kind = event["type"]
                    if kind in _TOKEN_EVENTS:
                        watch.mark_token()
                    if kind == "response.output_text.delta":
                        yield TextDelta(event["delta"])
                    elif kind == "error":
                        raise self._stream_error(event, raw.request_id)
                    elif kind in _FINAL_EVENTS:
                        result = self._result(request, event["response"], raw.request_id, watch)
                        yield replace(
                            result,
                            rate_limit=_rate_limit(raw.headers),
                            time_to_first_token_ms=watch.first_token_ms,
                        )
                        return
        raise malformed(
            self._credential, "the stream ended without its final event", request_id=raw.request_id
        )

    def _result(
        self, request: GenerateRequest, body: Mapping[str, Any], request_id: str | None, watch: wire.Stopwatch
    ) -> GenerateResult:
        duration_ms = watch.elapsed_ms()
        if body.get("status") == "failed" or body.get("error"):
            raise self._stream_error(body.get("error"), request_id)
        try:
            return parse_response(
                self._credential, request, body, request_id=request_id, duration_ms=duration_ms
            )
        except (AttributeError, KeyError, TypeError) as error:
            text = f"the answer has an unknown form: {error!r}"
            raise malformed(self._credential, text, request_id=request_id) from None

    def _stream_error(self, error: object, request_id: str | None) -> ProviderError:
        detail = error if isinstance(error, Mapping) else {}
        nested = detail.get("error")
        detail = nested if isinstance(nested, Mapping) else detail
        codes = tuple(str(detail[key]) for key in ("code", "type") if detail.get(key))
        failure = VendorFailure(
            message=str(detail.get("message") or "the vendor reports a failed response"),
            codes=codes,
            request_id=request_id,
        )
        return provider_error(self._credential, failure)

    def _error(self, error: BaseException) -> ProviderError:
        if isinstance(error, openai.APIStatusError):
            return provider_error(self._credential, _status_failure(error))
        if isinstance(
            error, openai.APIConnectionError | httpx2.HTTPError | httpx2.StreamError | TimeoutError
        ):
            return unavailable(self._credential, error)
        if isinstance(error, openai.APIError) and error.body:
            return self._stream_error(error.body, None)
        return _unreadable(self._credential, error)


def _unreadable(credential: ProviderCredential, error: BaseException) -> MalformedAnswer:
    return malformed(credential, f"the answer cannot be read: {type(error).__name__}: {error}")


def _status_failure(error: openai.APIStatusError) -> VendorFailure:
    body = error.body if isinstance(error.body, Mapping) else {}
    message = body.get("message") or error.message
    return VendorFailure(
        message=str(message),
        status=error.status_code,
        codes=tuple(str(body[key]) for key in ("code", "type") if body.get(key)),
        request_id=error.request_id,
        retry_after_s=retry_after_seconds(error.response.headers),
    )


def _rate_limit(headers: Mapping[str, str]) -> RateLimitState:
    return wire.rate_limit(headers, _RATE_HEADERS)


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    created = entry.get("created")
    retires_at = wire.parse_date(entry.get("shutdown_date"))
    return ListedModel(
        model_id=str(entry["id"]),
        created_at=datetime.fromtimestamp(created, UTC) if isinstance(created, int) and created > 0 else None,
        lifecycle="deprecated" if retires_at else None,
        retires_at=retires_at,
    )
