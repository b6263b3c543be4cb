"""Google's Gemini API through google-genai."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from google import genai  # noqa: TID253 - the registry loads this module on the first call only
from google.genai import errors, types  # noqa: TID253

from modelscout.core.errors import ProviderError
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability
from modelscout.providers import wire
from modelscout.providers.errors import (
    VendorFailure,
    malformed,
    provider_error,
    retry_after_seconds,
    translated,
    unavailable,
)
from modelscout.providers.google_wire import AnswerBuilder, generation_config, parse_answer
from modelscout.providers.protocol import (
    GenerateRequest,
    GenerateResult,
    ListedModel,
    StreamEvent,
    TextDelta,
)

DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com"
DEFAULT_API_VERSION = "v1beta"
"""Aliases such as `gemini-flash-latest` and some request fields exist on v1beta only."""

_KINDS: tuple[type[BaseException], ...] = (
    errors.APIError,
    # google-genai passes transport errors on as they are.
    httpx2.HTTPError,
    httpx2.StreamError,
    TimeoutError,
    ValueError,
)
_VERSION = re.compile(r"/(v\d+(?:beta|alpha)?\d*)/?$")


@asynccontextmanager
async def open_adapter(
    credential: ProviderCredential,
    *,
    concurrency: int = 32,
    api_version: str | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[GoogleAdapter]:
    """An adapter on a client of its own, made inside the running loop and closed on exit.

    `api_version` overrides a version that `base_url` ends with; without either it is v1beta. `transport`
    replaces the network.
    """
    base_url = credential.base_url or DEFAULT_BASE_URL
    match = _VERSION.search(base_url)
    if match:
        base_url = base_url[: match.start()]
    options = types.HttpOptions(
        base_url=base_url,
        api_version=api_version or (match.group(1) if match else DEFAULT_API_VERSION),
        timeout=int(wire.LIST_TIMEOUT_S * 1000),
        retry_options=None,
    )
    hooks = {"response": [_refuse_unreadable_errors]}
    async with wire.http_client(concurrency, transport, event_hooks=hooks) as http:
        # Without a client of ours the SDK takes aiohttp wherever that happens to be installed.
        options.httpx_async_client = http
        client = genai.Client(api_key=credential.api_key, vertexai=False, http_options=options)
        try:
            yield GoogleAdapter(credential, client)
        finally:
            client.close()


class GoogleAdapter:
    """`ProviderAdapter` of Google."""

    provider = "google"

    def __init__(self, credential: ProviderCredential, client: genai.Client) -> None:
        """Works with `client`, which the caller closes."""
        self._credential = credential
        self._client = client

    async def list_models(self) -> list[ListedModel]:
        """All models of the key, over all pages; Google names no lifecycle and no modalities."""
        with translated(_KINDS, self._error):
            async with asyncio.timeout(wire.LIST_TIMEOUT_S):
                pager = await self._client.aio.models.list(config=types.ListModelsConfig(page_size=100))
                found = list(pager.page)
                # Not `async for`: the SDK's iterator fails on an empty page.
                while pager.config.get("page_token"):
                    found += await pager.next_page()
            return [_listed(model) for model in found if model.name]

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        """One call."""
        watch = wire.Stopwatch()
        with translated(_KINDS, self._error):
            async with asyncio.timeout(request.timeout_s):
                answer = await self._client.aio.models.generate_content(
                    model=request.model,
                    contents=_contents(request),
                    config=_config(request, raw=True),
                )
            raw = answer.sdk_http_response
            body = wire.json_object(self._credential, (raw.body if raw else None) or "", request_id=None)
            return self._result(request, body, watch)

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamEvent]:
        """One streamed call; the last event is the GenerateResult."""
        watch = wire.Stopwatch()
        with translated(_KINDS, self._error):
            async with asyncio.timeout(request.timeout_s):
                chunks = await self._client.aio.models.generate_content_stream(
                    model=request.model, contents=_contents(request), config=_config(request, raw=False)
                )
            builder = AnswerBuilder()
            remaining = request.timeout_s - watch.elapsed_ms() / 1000
            async for chunk in wire.within(aiter(chunks), remaining):
                piece = builder.add(chunk.model_dump(mode="json", by_alias=True, exclude_none=True))
                if builder.has_output:
                    watch.mark_token()
                if piece:
                    yield TextDelta(piece)
            yield self._result(request, builder.body, watch)

    def _result(
        self, request: GenerateRequest, body: Mapping[str, Any], watch: wire.Stopwatch
    ) -> GenerateResult:
        duration_ms = watch.elapsed_ms()
        try:
            return parse_answer(
                self._credential,
                request,
                body,
                duration_ms=duration_ms,
                time_to_first_token_ms=watch.first_token_ms,
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise malformed(self._credential, f"the answer has an unknown form: {error!r}") from None

    def _error(self, error: BaseException) -> ProviderError:
        if isinstance(error, errors.APIError):
            return provider_error(self._credential, _status_failure(error))
        if isinstance(error, httpx2.HTTPStatusError):
            failure = VendorFailure(message=str(error), status=error.response.status_code)
            return provider_error(self._credential, failure)
        if isinstance(error, httpx2.HTTPError | httpx2.StreamError | TimeoutError):
            return unavailable(self._credential, error)
        return malformed(self._credential, f"the answer cannot be read: {type(error).__name__}: {error}")


async def _refuse_unreadable_errors(response: httpx2.Response) -> None:
    """Keep the status of an error whose body is no JSON: the SDK would lose it over the decoding."""
    if response.status_code < 400:
        return
    try:
        json.loads(await response.aread())
    except ValueError:
        text = response.text or response.reason_phrase
        raise httpx2.HTTPStatusError(text, request=response.request, response=response) from None


def _contents(request: GenerateRequest) -> types.Content:
    parts = [types.Part.from_bytes(data=image.data, mime_type=image.media_type) for image in request.images]
    return types.Content(role="user", parts=[*parts, types.Part.from_text(text=request.prompt)])


def _config(request: GenerateRequest, *, raw: bool) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        **generation_config(request),
        http_options=types.HttpOptions(timeout=int(request.timeout_s * 1000)),
        should_return_http_response=raw or None,
    )


def _status_failure(error: errors.APIError) -> VendorFailure:
    details: object = error.details
    body = details if isinstance(details, Mapping) else {}
    detail = body.get("error", body)
    entries = detail.get("details") if isinstance(detail, Mapping) else None
    entries = [entry for entry in entries or () if isinstance(entry, Mapping)]
    codes = [entry.get("reason") for entry in entries]
    codes.append(error.status)
    headers = getattr(error.response, "headers", None) or {}
    delay = next((_seconds(entry["retryDelay"]) for entry in entries if "retryDelay" in entry), None)
    return VendorFailure(
        message=str(error.message or error.status or "no message"),
        status=_http_status(error.code),
        codes=tuple(str(code) for code in codes if code),
        retry_after_s=delay if delay is not None else retry_after_seconds(headers),
    )


def _http_status(code: object) -> int | None:
    return code if isinstance(code, int) and code >= 400 else None


def _seconds(text: object) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(text))
    return float(match.group(1)) if match else None


def _listed(model: types.Model) -> ListedModel:
    actions = model.supported_actions or []
    generates = "generateContent" in actions
    capabilities = {Capability.TEXT_GENERATION: generates} if actions else {}
    if generates and model.thinking is not None:
        capabilities[Capability.COMPLEX_REASONING] = bool(model.thinking)
    return ListedModel(
        model_id=(model.name or "").removeprefix("models/"),
        display_name=model.display_name,
        context_window_tokens=model.input_token_limit,
        max_output_tokens=model.output_token_limit,
        capabilities=capabilities,
    )
