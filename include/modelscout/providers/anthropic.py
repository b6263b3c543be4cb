"""Anthropic through its Messages API."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar, Literal

import anthropic  # noqa: TID253 - the registry loads this module on the first call only
import httpx2

from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability
from modelscout.providers import wire
from modelscout.providers.adapter import Adapter, Answer, RawAnswer, RawStream, StreamReader
from modelscout.providers.batch import Batches
from modelscout.providers.errors import VendorFailure, malformed, retry_after_seconds
from modelscout.providers.protocol import FinishReason, GenerateRequest, ListedModel, ToolCall

REGIONS = {"global": "https://api.anthropic.com", "us": "https://api.anthropic.com"}
"""One endpoint; the request says where the model runs (`inference_geo`)."""

_LIFECYCLES: list[Literal["active", "deprecated", "retired"]] = ["active", "deprecated", "retired"]
_EFFORT_MODELS = re.compile(
    r"^claude-(?:opus-4-[5-9]|sonnet-4-[6-9]|(?:haiku|sonnet|opus|fable|mythos)-(?:[5-9]|\d\d)(?!\d))"
)
_FINISH_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.REFUSAL,
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
        base_url=credential.endpoint(REGIONS),
        timeout=wire.timeout(wire.LIST_TIMEOUT_S),
        max_retries=0,
        http_client=wire.http_client(concurrency, transport),
    )
    # The SDK fills these from the environment, which belongs to no organization in particular.
    client._custom_headers = {}
    async with client:
        yield AnthropicAdapter(credential, client)


class AnthropicAdapter(Adapter):
    """`ProviderAdapter` of Anthropic."""

    provider = "anthropic"
    sdk_errors = (anthropic.AnthropicError,)
    rate_headers: ClassVar = {
        "requests_limit": ("anthropic-ratelimit-requests-limit",),
        "requests_remaining": ("anthropic-ratelimit-requests-remaining",),
        "tokens_limit": ("anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-input-tokens-limit"),
        "tokens_remaining": (
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-input-tokens-remaining",
        ),
    }

    def __init__(self, credential: ProviderCredential, client: anthropic.AsyncAnthropic) -> None:
        """Works with `client`, which the caller closes."""
        super().__init__(credential)
        self._client = client

    @property
    def batches(self) -> Batches:
        """Half the price, within a day."""
        from modelscout.providers.anthropic_batches import AnthropicBatches

        return AnthropicBatches(self, self._client)

    async def _list(self) -> list[ListedModel]:
        """Retired models included. Pages are read as plain values: building the SDK's own takes 15 ms each."""
        found: list[ListedModel] = []
        more: dict[str, Any] = {}
        while True:
            raw = await self._client.models.with_raw_response.list(limit=1000, lifecycle=_LIFECYCLES, **more)
            page = wire.json_object(self._credential, await raw.text(), request_id=raw.request_id)
            found += [_listed(entry) for entry in page["data"]]
            if not (page.get("has_more") and page.get("last_id")):
                return found
            more = {"after_id": page["last_id"]}

    async def _get(self, model_id: str) -> ListedModel:
        raw = await self._client.models.with_raw_response.retrieve(model_id)
        return _listed(wire.json_object(self._credential, await raw.text(), request_id=raw.request_id))

    async def _send(self, request: GenerateRequest) -> RawAnswer:
        raw = await self._client.messages.with_raw_response.create(
            **self.message_body(request), timeout=wire.timeout(request.timeout_s)
        )
        body = wire.json_object(self._credential, await raw.text(), request_id=raw.request_id)
        return RawAnswer(body, raw.request_id, raw.headers)

    @asynccontextmanager
    async def _open(self, request: GenerateRequest) -> AsyncIterator[RawStream]:
        raw = await self._client.messages.with_raw_response.create(
            **self.message_body(request), stream=True, timeout=wire.timeout(request.timeout_s)
        )
        # As plain values: the SDK's own classes take longer to build than the events to arrive.
        async with await raw.parse(to=anthropic.AsyncStream[dict[str, Any]]) as events:
            yield RawStream(aiter(events), raw.request_id, raw.headers)

    def _reader(self) -> StreamReader:
        return MessageReader()

    def _parse(self, raw: RawAnswer) -> Answer:
        return parse_message(self._credential, raw)

    def message_body(self, request: GenerateRequest) -> dict[str, Any]:
        """Arguments of `messages.create`, with the region where the model shall run."""
        body = request_body(request)
        region = self._credential.region
        return body if region == "global" else body | {"inference_geo": region}

    def _failure(self, error: BaseException) -> VendorFailure | None:
        if not isinstance(error, anthropic.APIStatusError):
            return None
        failure = failure_of(error.body, message=error.message)
        return replace(
            failure,
            # A failure inside a stream comes after the status 200: then the type alone tells.
            status=error.status_code if error.status_code >= 400 else None,
            request_id=error.request_id or failure.request_id,
            retry_after_s=retry_after_seconds(error.response.headers),
        )


def request_body(request: GenerateRequest) -> dict[str, Any]:
    """Arguments of `messages.create`."""
    content: list[dict[str, Any]] = [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": image.media_type, "data": wire.base64_text(image)},
        }
        for image in request.images
    ]
    content.append({"type": "text", "text": request.prompt})
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": [{"role": "user", "content": content}],
    }
    if request.system:
        body["system"] = request.system
    output: dict[str, Any] = {}
    if request.json_schema is not None:
        output["format"] = {"type": "json_schema", "schema": wire.closed_schema(request.json_schema)}
    if request.reasoning_effort and _EFFORT_MODELS.match(request.model):
        output["effort"] = request.reasoning_effort.value
    if output:
        body["output_config"] = output
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
            for tool in request.tools
        ]
    return body


def parse_message(credential: ProviderCredential, raw: RawAnswer) -> Answer:
    """What a finished message says. Raises MalformedAnswer."""
    body = raw.body
    stop_reason = body.get("stop_reason")
    if not stop_reason:
        raise malformed(credential, "the message has no stop reason", request_id=raw.request_id)
    blocks = body["content"]
    return Answer(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        finish_reason=_FINISH_REASONS.get(stop_reason, FinishReason.OTHER),
        usage=wire.read_usage(credential, "messages", body, request_id=raw.request_id),
        served_model=body.get("model"),
        request_id=raw.request_id or body.get("id"),
        tool_calls=tuple(
            ToolCall(name=block["name"], arguments=block["input"])
            for block in blocks
            if block["type"] == "tool_use" and isinstance(block["input"], Mapping)
        ),
    )


class MessageReader:
    """Puts a message together from the events of a stream."""

    def __init__(self) -> None:
        """Starts with no message."""
        self.body: dict[str, Any] = {"content": [], "usage": {}}
        self.complete = False
        self.has_output = False
        self._json: dict[int, list[str]] = {}

    def add(self, event: Mapping[str, Any]) -> str | None:
        """Take in one event; returns the text it adds, if any. Raises ValueError for cut tool arguments."""
        kind = event.get("type")
        if kind == "message_start":
            self.body = {**event["message"], "content": []}
        elif kind == "content_block_start":
            self.body["content"].append(dict(event["content_block"]))
        elif kind == "content_block_delta":
            return self._add_delta(event["index"], event["delta"])
        elif kind == "content_block_stop":
            self._close_block(event["index"])
        elif kind == "message_delta":
            self.body.update({k: v for k, v in event["delta"].items() if v is not None})
            known = {k: v for k, v in (event.get("usage") or {}).items() if v is not None}
            self.body["usage"] = {**self.body.get("usage", {}), **known}
        elif kind == "message_stop":
            self.complete = bool(self.body.get("stop_reason"))
        return None

    def _add_delta(self, index: int, delta: Mapping[str, Any]) -> str | None:
        kind = delta["type"]
        if kind == "text_delta":
            self.has_output = True
            self.body["content"][index]["text"] += delta["text"]
            return str(delta["text"])
        if kind == "input_json_delta":
            self.has_output = True
            self._json.setdefault(index, []).append(delta["partial_json"])
        return None

    def _close_block(self, index: int) -> None:
        text = "".join(self._json.pop(index, ()))
        if text:
            self.body["content"][index]["input"] = wire.loads(text)


def failure_of(body: object, *, message: str) -> VendorFailure:
    """A failure from the body of an error; `message` where it holds none."""
    body = body if isinstance(body, Mapping) else {}
    detail = body.get("error")
    detail = detail if isinstance(detail, Mapping) else {}
    extra = detail.get("details")
    codes = [extra.get("error_code")] if isinstance(extra, Mapping) else []
    codes.append(detail.get("type"))
    return VendorFailure(
        message=str(detail.get("message") or message),
        codes=tuple(str(code) for code in codes if code),
        request_id=body.get("request_id"),
    )


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
