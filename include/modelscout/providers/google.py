"""Google's Gemini API through google-genai."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from google import genai  # noqa: TID253 - the registry loads this module on the first call only
from google.genai import errors, types  # noqa: TID253

from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability
from modelscout.providers import wire
from modelscout.providers.adapter import Adapter, Answer, RawAnswer, RawStream, StreamReader
from modelscout.providers.batch import Batches
from modelscout.providers.errors import VendorFailure, malformed, retry_after_seconds
from modelscout.providers.parameters import sampling_of
from modelscout.providers.protocol import FinishReason, GenerateRequest, ListedModel, ToolCall

REGIONS = {"global": "https://generativelanguage.googleapis.com"}
"""The Gemini API keeps to no region; Vertex AI, which does, wants other credentials than a key."""
DEFAULT_API_VERSION = "v1beta"
"""Aliases such as `gemini-flash-latest` and some request fields exist on v1beta only."""

_VERSION = re.compile(r"/(v\d+(?:beta|alpha)?\d*)/?$")
_THINKING_LEVEL_MODELS = re.compile(r"^(?:models/)?gemini-(?:[3-9]|\d\d)")
_REFUSALS = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE"}
)


@asynccontextmanager
async def open_adapter(
    credential: ProviderCredential,
    *,
    concurrency: int = 32,
    api_version: str | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[GoogleAdapter]:
    """An adapter on a client of its own, made inside the running loop and closed on exit.

    `api_version` overrides a version that the endpoint ends with; without either it is v1beta. `transport`
    replaces the network.
    """
    base_url = credential.endpoint(REGIONS)
    match = _VERSION.search(base_url)
    if match:
        base_url = base_url[: match.start()]
    options = types.HttpOptions(
        base_url=base_url,
        api_version=api_version or (match.group(1) if match else DEFAULT_API_VERSION),
        timeout=int(wire.LIST_TIMEOUT_S * 1000),
        retry_options=None,
        # Neither is used; without them the SDK makes its own, which takes longer than a call.
        httpx_client=wire.unused_client(),
        async_client_args={"ssl": wire.tls_context()},
    )
    hooks = {"response": [_refuse_unreadable_errors]}
    async with wire.http_client(concurrency, transport, event_hooks=hooks) as http:
        # Without a client of ours the SDK takes aiohttp wherever that happens to be installed.
        options.httpx_async_client = http
        client = genai.Client(api_key=credential.api_key, vertexai=False, http_options=options)
        yield GoogleAdapter(credential, client, http, f"{base_url.rstrip('/')}/{options.api_version}")


class GoogleAdapter(Adapter):
    """`ProviderAdapter` of Google. It states no rate limits: they are learnt from refusals."""

    provider = "google"
    sdk_errors = (errors.APIError,)

    def __init__(
        self, credential: ProviderCredential, client: genai.Client, http: httpx2.AsyncClient, root: str
    ) -> None:
        """Works with `client` and `http`, which the caller closes; `root` is the endpoint with its version."""
        super().__init__(credential)
        self._client = client
        self._http = http
        self._root = root

    @property
    def batches(self) -> Batches:
        """Half the price, within a day."""
        from modelscout.providers.google_batches import GoogleBatches

        return GoogleBatches(self, self._client, self._http, self._root)

    async def _list(self) -> list[ListedModel]:
        """Google names no lifecycle and no modalities."""
        pager = await self._client.aio.models.list(config=types.ListModelsConfig(page_size=100))
        found = list(pager.page)
        # Not `async for`: the SDK's iterator fails on an empty page.
        while pager.config.get("page_token"):
            found += await pager.next_page()
        return [_listed(model) for model in found if model.name]

    async def _get(self, model_id: str) -> ListedModel:
        model = await self._client.aio.models.get(model=model_id)
        if not model.name:
            raise malformed(self._credential, "the answer names no model")
        return _listed(model)

    async def _send(self, request: GenerateRequest) -> RawAnswer:
        answer = await self._client.aio.models.generate_content(
            model=request.model, contents=contents(request), config=_config(request, raw=True)
        )
        raw = answer.sdk_http_response
        body = wire.json_object(self._credential, (raw.body if raw else None) or "", request_id=None)
        return RawAnswer(body, body.get("responseId"))

    @asynccontextmanager
    async def _open(self, request: GenerateRequest) -> AsyncIterator[RawStream]:
        chunks = await self._client.aio.models.generate_content_stream(
            model=request.model, contents=contents(request), config=_config(request, raw=False)
        )

        async def events() -> AsyncIterator[Mapping[str, Any]]:
            async for chunk in chunks:
                yield chunk.model_dump(mode="json", by_alias=True, exclude_none=True)

        yield RawStream(events())

    def _reader(self) -> StreamReader:
        return AnswerReader()

    def _parse(self, raw: RawAnswer) -> Answer:
        return parse_answer(self._credential, raw.body)

    def _failure(self, error: BaseException) -> VendorFailure | None:
        if isinstance(error, httpx2.HTTPStatusError):
            return VendorFailure(message=str(error), status=error.response.status_code)
        if not isinstance(error, errors.APIError):
            return None
        status: object = error.code
        return failure_of(
            error.details,
            message=error.message,
            code=error.status,
            status=status if isinstance(status, int) else None,
            headers=getattr(error.response, "headers", None),
        )


def failure_of(
    body: object,
    *,
    message: str | None = None,
    code: str | None = None,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> VendorFailure:
    """A failure from the body of an error or from a google.rpc.Status; `message` and `code` as the SDK reads them."""
    body = body if isinstance(body, Mapping) else {}
    nested: object = body.get("error", body)
    detail: Mapping[str, Any] = nested if isinstance(nested, Mapping) else {}
    found: object = detail.get("details")
    entries = [e for e in (found if isinstance(found, list) else []) if isinstance(e, Mapping)]
    code = code or detail.get("status")
    codes = [*(entry.get("reason") for entry in entries), *_daily_quotas(entries), code]
    delay = next((_seconds(entry["retryDelay"]) for entry in entries if "retryDelay" in entry), None)
    return VendorFailure(
        message=str(message or detail.get("message") or code or "no message"),
        status=status if status is not None and status >= 400 else None,
        codes=tuple(str(code) for code in codes if code),
        retry_after_s=delay if delay is not None else retry_after_seconds(headers or {}),
    )


def _daily_quotas(entries: list[Mapping[str, Any]]) -> list[str]:
    """A quota of the day that is used up comes with the status of a rate limit; waiting a minute does not help."""
    violations = [v for entry in entries for v in entry.get("violations") or () if isinstance(v, Mapping)]
    return ["daily_quota"] if any("PerDay" in str(v.get("quotaId")) for v in violations) else []


async def _refuse_unreadable_errors(response: httpx2.Response) -> None:
    """Keep the status of an error whose body is no JSON: the SDK would lose it over the decoding."""
    if response.status_code < 400:
        return
    try:
        json.loads(await response.aread())
    except ValueError:
        text = response.text or response.reason_phrase
        raise httpx2.HTTPStatusError(text, request=response.request, response=response) from None


def contents(request: GenerateRequest) -> types.Content:
    """What the user says: images first, then the text."""
    parts = [types.Part.from_bytes(data=image.data, mime_type=image.media_type) for image in request.images]
    return types.Content(role="user", parts=[*parts, types.Part.from_text(text=request.prompt)])


def _config(request: GenerateRequest, *, raw: bool) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        **generation_config(request),
        http_options=types.HttpOptions(timeout=int(request.timeout_s * 1000)),
        should_return_http_response=raw or None,
    )


def generation_config(request: GenerateRequest) -> dict[str, Any]:
    """Arguments of GenerateContentConfig."""
    config: dict[str, Any] = {"max_output_tokens": request.max_output_tokens}
    if request.system:
        config["system_instruction"] = request.system
    if request.json_schema is not None:
        config["response_mime_type"] = "application/json"
        config["response_json_schema"] = dict(request.json_schema)
    if request.tools:
        declarations = [
            {
                "name": tool.name,
                "description": tool.description,
                "parameters_json_schema": dict(tool.parameters),
            }
            for tool in request.tools
        ]
        config["tools"] = [{"function_declarations": declarations}]
        config["automatic_function_calling"] = {"disable": True}
    if request.reasoning_effort and _THINKING_LEVEL_MODELS.match(request.model):
        config["thinking_config"] = {"thinking_level": request.reasoning_effort.value.upper()}
    return config | sampling_of("google", request)


def parse_answer(credential: ProviderCredential, body: Mapping[str, Any]) -> Answer:
    """What a finished answer says. Raises MalformedAnswer."""
    response_id = body.get("responseId")
    candidate = (body.get("candidates") or [{}])[0]
    reason = candidate.get("finishReason")
    if not reason and not (body.get("promptFeedback") or {}).get("blockReason"):
        raise malformed(credential, "the answer has no finish reason", request_id=response_id)
    parts = (candidate.get("content") or {}).get("parts") or []
    calls = tuple(
        ToolCall(name=part["functionCall"]["name"], arguments=part["functionCall"].get("args") or {})
        for part in parts
        if "functionCall" in part
    )
    return Answer(
        text=_text(parts),
        finish_reason=_finish_reason(reason, has_calls=bool(calls)),
        usage=wire.read_usage(credential, "generate_content", body, request_id=response_id),
        served_model=body.get("modelVersion"),
        request_id=response_id,
        tool_calls=calls,
    )


def _text(parts: list[Mapping[str, Any]]) -> str:
    return "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))


def _finish_reason(reason: str | None, *, has_calls: bool) -> FinishReason:
    if reason is None or reason in _REFUSALS:
        return FinishReason.REFUSAL
    if reason == "MAX_TOKENS":
        return FinishReason.LENGTH
    if reason == "STOP":
        return FinishReason.TOOL_CALLS if has_calls else FinishReason.STOP
    return FinishReason.OTHER


class AnswerReader:
    """Puts one answer together from the chunks of a stream."""

    def __init__(self) -> None:
        """Starts empty."""
        self.body: dict[str, Any] = {}
        self.has_output = False
        self.complete = False
        self._parts: list[Mapping[str, Any]] = []

    def add(self, event: Mapping[str, Any]) -> str | None:
        """Take in one chunk; returns the text it adds."""
        # Usage counts are running totals: the last chunk's hold.
        self.body.update({key: value for key, value in event.items() if key != "candidates"})
        self.complete = self.complete or bool((event.get("promptFeedback") or {}).get("blockReason"))
        candidate = (event.get("candidates") or [None])[0]
        if candidate is None:
            return None
        new_parts = (candidate.get("content") or {}).get("parts") or []
        self._parts.extend(new_parts)
        known = (self.body.get("candidates") or [{}])[0]
        self.body["candidates"] = [{**known, **candidate, "content": {"parts": self._parts}}]
        self.complete = self.complete or bool(candidate.get("finishReason"))
        text = _text(new_parts)
        self.has_output = self.has_output or bool(text) or any("functionCall" in part for part in new_parts)
        return text


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
