"""OpenAI through its Responses API."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai  # noqa: TID253 - the registry loads this module on the first call only

from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.adapter import Adapter, Answer, RawAnswer, RawStream, StreamReader, VendorRefused
from modelscout.providers.batch import Batches
from modelscout.providers.errors import VendorFailure, malformed, retry_after_seconds
from modelscout.providers.parameters import sampling_of
from modelscout.providers.protocol import FinishReason, GenerateRequest, ListedModel, Tool, ToolCall

REGIONS = {
    "global": "https://api.openai.com/v1",
    "us": "https://us.api.openai.com/v1",
    "eu": "https://eu.api.openai.com/v1",
}
"""Endpoints by the region that processes the data, for projects with data residency."""
IMAGE_DETAIL = "high"
"""`auto` means the original resolution on this year's models, which costs five times as much."""

_REASONING_MODELS = re.compile(r"^(?:ft:)?(?:gpt-(?:[5-9]|\d\d)(?!.*chat)|o\d)")
_INCOMPLETE = {"max_output_tokens": FinishReason.LENGTH, "content_filter": FinishReason.REFUSAL}
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
        base_url=credential.endpoint(REGIONS),
        timeout=wire.timeout(wire.LIST_TIMEOUT_S),
        max_retries=0,
        http_client=wire.http_client(concurrency, transport),
    )
    # The SDK fills these from the environment, which belongs to no organization in particular.
    client.organization = client.project = None
    async with client:
        yield OpenAIAdapter(credential, client)


class OpenAIAdapter(Adapter):
    """`ProviderAdapter` of OpenAI. Answers are stored nowhere at the vendor."""

    provider = "openai"
    sdk_errors = (openai.OpenAIError,)
    rate_headers = wire.OPENAI_RATE_HEADERS

    def __init__(self, credential: ProviderCredential, client: openai.AsyncOpenAI) -> None:
        """Works with `client`, which the caller closes."""
        super().__init__(credential)
        self._client = client

    @property
    def batches(self) -> Batches:
        """Half the price, within a day."""
        from modelscout.providers.openai_batches import OpenAIBatches

        return OpenAIBatches(self, self._client)

    async def _list(self) -> list[ListedModel]:
        """The list has no pages and tells neither capabilities nor limits."""
        page = await self._client.models.with_raw_response.list()
        body = wire.json_object(self._credential, page.text, request_id=page.request_id)
        entries = body.get("data")
        if not isinstance(entries, list):
            raise malformed(self._credential, "the list of models has no data", request_id=page.request_id)
        return [_listed(entry) for entry in entries if isinstance(entry, dict) and entry.get("id")]

    async def _get(self, model_id: str) -> ListedModel:
        raw = await self._client.models.with_raw_response.retrieve(model_id)
        return _listed(wire.json_object(self._credential, raw.text, request_id=raw.request_id))

    async def _send(self, request: GenerateRequest) -> RawAnswer:
        raw = await self._client.responses.with_raw_response.create(
            **request_body(request), timeout=wire.timeout(request.timeout_s)
        )
        body = wire.json_object(self._credential, raw.text, request_id=raw.request_id)
        return RawAnswer(body, raw.request_id, raw.headers)

    @asynccontextmanager
    async def _open(self, request: GenerateRequest) -> AsyncIterator[RawStream]:
        raw = await self._client.responses.with_raw_response.create(
            **request_body(request), stream=True, timeout=wire.timeout(request.timeout_s)
        )
        # As plain values: the SDK's own classes take longer to build than the events to arrive.
        async with raw.parse(to=openai.AsyncStream[dict[str, Any]]) as events:
            yield RawStream(aiter(events), raw.request_id, raw.headers)

    def _reader(self) -> StreamReader:
        return ResponseReader()

    def _parse(self, raw: RawAnswer) -> Answer:
        return parse_response(self._credential, raw)

    def _failure(self, error: BaseException) -> VendorFailure | None:
        if isinstance(error, openai.APIStatusError):
            return failure_of(
                error.body,
                error.request_id,
                message=error.message,
                status=error.status_code,
                retry_after_s=retry_after_seconds(error.response.headers),
            )
        if isinstance(error, openai.APIError) and error.body:
            return failure_of(error.body, None)
        return None


def request_body(request: GenerateRequest) -> dict[str, Any]:
    """Arguments of `responses.create`."""
    content: list[dict[str, Any]] = [{"type": "input_text", "text": request.prompt}]
    content += [
        {"type": "input_image", "image_url": wire.data_url(image), "detail": IMAGE_DETAIL}
        for image in request.images
    ]
    body: dict[str, Any] = {
        "model": request.model,
        "store": False,
        "max_output_tokens": request.max_output_tokens,
        "input": [{"role": "user", "content": content}],
    }
    if request.system:
        body["instructions"] = request.system
    if request.json_schema is not None:
        schema, strict = wire.strict_if_possible(request.json_schema)
        form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}
        body["text"] = {"format": form}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.reasoning_effort and _REASONING_MODELS.match(request.model):
        body["reasoning"] = {"effort": request.reasoning_effort.value}
    return body | sampling_of("openai", request)


def _tool(tool: Tool) -> dict[str, Any]:
    schema, strict = wire.strict_if_possible(tool.parameters)
    named = {"type": "function", "name": tool.name, "description": tool.description}
    return named | {"parameters": schema, "strict": strict}


def parse_response(credential: ProviderCredential, raw: RawAnswer) -> Answer:
    """What a finished response says. Raises MalformedAnswer or VendorRefused."""
    body, request_id = raw.body, raw.request_id
    if body.get("status") == "failed":
        raise VendorRefused(failure_of(body.get("error"), request_id))
    if body.get("status") not in {"completed", "incomplete"}:
        text = f"the response has status {body.get('status')!r}"
        raise malformed(credential, text, request_id=request_id)
    parts = [p for item in body["output"] if item.get("type") == "message" for p in item["content"]]
    calls = tuple(_tool_calls(credential, body, request_id))
    refusals = [part["refusal"] for part in parts if part.get("type") == "refusal"]
    text = "".join(part["text"] for part in parts if part.get("type") == "output_text")
    return Answer(
        text=text or "".join(refusals),
        finish_reason=_finish_reason(body, has_calls=bool(calls), refused=bool(refusals)),
        usage=wire.read_usage(credential, "responses", body, request_id=request_id),
        served_model=body.get("model"),
        request_id=request_id or body.get("id"),
        tool_calls=calls,
    )


def _tool_calls(
    credential: ProviderCredential, body: Mapping[str, Any], request_id: str | None
) -> Iterator[ToolCall]:
    for item in body["output"]:
        # Where the tokens ended, the arguments are cut.
        if item.get("type") == "function_call" and body.get("status") != "incomplete":
            arguments = wire.json_object(credential, item["arguments"] or "{}", request_id=request_id)
            yield ToolCall(name=item["name"], arguments=arguments)


def _finish_reason(body: Mapping[str, Any], *, has_calls: bool, refused: bool) -> FinishReason:
    if body.get("status") == "incomplete":
        reason = (body.get("incomplete_details") or {}).get("reason")
        return _INCOMPLETE.get(str(reason), FinishReason.OTHER)
    if refused:
        return FinishReason.REFUSAL
    return FinishReason.TOOL_CALLS if has_calls else FinishReason.STOP


class ResponseReader:
    """The final event of a stream holds the whole response."""

    def __init__(self) -> None:
        """Starts empty."""
        self.has_output = False
        self.complete = False
        self.body: Mapping[str, Any] = {}

    def add(self, event: Mapping[str, Any]) -> str | None:
        """Take in one event; returns the text it adds."""
        kind = event["type"]
        if kind == "error":
            raise VendorRefused(failure_of(event, None))
        if kind in _FINAL_EVENTS:
            self.body, self.complete = event["response"], True
        self.has_output = self.has_output or kind in _TOKEN_EVENTS
        return str(event["delta"]) if kind == "response.output_text.delta" else None


def failure_of(
    body: object,
    request_id: str | None,
    *,
    message: str = "the vendor reports a failed response",
    status: int | None = None,
    retry_after_s: float | None = None,
) -> VendorFailure:
    """A failure from the body of an error, or from an event of a stream that has begun."""
    detail = body if isinstance(body, Mapping) else {}
    nested = detail.get("error")
    detail = nested if isinstance(nested, Mapping) else detail
    return VendorFailure(
        message=str(detail.get("message") or message),
        status=status,
        codes=tuple(str(detail[key]) for key in ("code", "type") if detail.get(key)),
        request_id=request_id,
        retry_after_s=retry_after_s,
    )


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    retires_at = wire.parse_date(entry.get("shutdown_date"))
    return ListedModel(
        model_id=str(entry["id"]),
        created_at=wire.parse_epoch(entry.get("created")),
        lifecycle="deprecated" if retires_at else None,
        retires_at=retires_at,
    )
