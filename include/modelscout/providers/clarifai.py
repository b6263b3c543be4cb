"""Clarifai over plain HTTP: concept models, and language models through its OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx2

from modelscout.core.errors import BadRequest, ModelNotFound, ProviderError
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability
from modelscout.providers import wire
from modelscout.providers.chat_wire import ChatBuilder, chat_body, parse_chat
from modelscout.providers.clarifai_wire import failure_of, parse_outputs
from modelscout.providers.errors import malformed, provider_error, translated, unavailable
from modelscout.providers.protocol import GenerateRequest, GenerateResult, ListedModel, StreamEvent, TextDelta

DEFAULT_BASE_URL = "https://api.clarifai.com"
DEFAULT_OWNER = ("clarifai", "main")
"""User and app of Clarifai's own public models."""
PAGE_SIZE = 100
CHAT_PATH = "/v2/ext/openai/v1/chat/completions"

_KINDS: tuple[type[BaseException], ...] = (httpx2.HTTPError, httpx2.StreamError, TimeoutError, ValueError)
_MODEL_URL = re.compile(r"^https?://[^/]+/[^/]+/[^/]+/models/[^/]+$")
_TYPE_CAPABILITIES: dict[str, dict[Capability, bool]] = {
    "visual-classifier": {Capability.IMAGE_ANALYSIS: True, Capability.TEXT_GENERATION: False},
    "visual-detector": {Capability.IMAGE_ANALYSIS: True, Capability.TEXT_GENERATION: False},
    "text-to-text": {Capability.TEXT_GENERATION: True},
    "multimodal-to-text": {Capability.TEXT_GENERATION: True, Capability.IMAGE_ANALYSIS: True},
}


@asynccontextmanager
async def open_adapter(
    credential: ProviderCredential,
    *,
    concurrency: int = 32,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[ClarifaiAdapter]:
    """An adapter on a client of its own, made inside the running loop and closed on exit.

    `transport` replaces the network.
    """
    async with wire.http_client(
        concurrency,
        transport,
        base_url=credential.base_url or DEFAULT_BASE_URL,
        headers={"Authorization": f"Key {credential.api_key}"},
    ) as client:
        yield ClarifaiAdapter(credential, client)


class ClarifaiAdapter:
    """`ProviderAdapter` of Clarifai.

    A model is named by its id in `clarifai/main`, as `user/app/id`, or by its URL. A request with images
    goes to the model as a concept model; one without, or one that names a URL, goes to the chat endpoint.
    """

    provider = "clarifai"

    def __init__(self, credential: ProviderCredential, client: httpx2.AsyncClient) -> None:
        """Works with `client`, which the caller closes."""
        self._credential = credential
        self._client = client

    async def list_models(self) -> list[ListedModel]:
        """The public models of `clarifai/main`, over all pages."""
        user, app = DEFAULT_OWNER
        found: list[ListedModel] = []
        with translated(_KINDS, self._error):
            async with asyncio.timeout(wire.LIST_TIMEOUT_S):
                for page in range(1, 1000):
                    query = f"page={page}&per_page={PAGE_SIZE}"
                    body = await self._call("GET", f"/v2/users/{user}/apps/{app}/models?{query}")
                    models = [entry for entry in body.get("models") or [] if entry.get("id")]
                    found += [_listed(entry) for entry in models]
                    if len(models) < PAGE_SIZE:
                        break
        return found

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        """One call: image to concepts, or chat."""
        watch = wire.Stopwatch()
        chat = _is_chat(request)
        with translated(_KINDS, self._error):
            path = CHAT_PATH if chat else _outputs_path(request.model)
            sent = chat_body(request) if chat else _inputs(request)
            async with asyncio.timeout(request.timeout_s):
                body = await self._call("POST", path, sent, request.timeout_s)
            return self._parsed(request, body, watch, chat=chat)

    def _parsed(
        self, request: GenerateRequest, body: Mapping[str, Any], watch: wire.Stopwatch, *, chat: bool
    ) -> GenerateResult:
        duration_ms = watch.elapsed_ms()
        parse = parse_chat if chat else parse_outputs
        try:
            return replace(parse(self._credential, request, body), duration_ms=duration_ms)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise malformed(self._credential, f"the answer has an unknown form: {error!r}") from None

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamEvent]:
        """One streamed chat; concept models have nothing to stream: BadRequest."""
        if not _is_chat(request):
            raise BadRequest(f"{request.model} does not stream: call generate", provider=self.provider)
        watch = wire.Stopwatch()
        builder = ChatBuilder()
        with translated(_KINDS, self._error):
            call = self._client.stream(
                "POST",
                CHAT_PATH,
                json=chat_body(request, stream=True),
                timeout=wire.timeout(request.timeout_s),
            )
            async with call as response:
                if response.status_code >= 400:
                    await response.aread()
                    self._checked(response)
                async for chunk in wire.within(self._chunks(response), request.timeout_s):
                    piece = builder.add(chunk)
                    if builder.has_output:
                        watch.mark_token()
                    if piece:
                        yield TextDelta(piece)
            result = self._parsed(request, builder.body, watch, chat=True)
            yield replace(result, time_to_first_token_ms=watch.first_token_ms)

    async def _chunks(self, response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
        async for line in response.aiter_lines():
            data = line.removeprefix("data:").strip()
            if not line.startswith("data:") or data == "[DONE]":
                continue
            chunk = wire.json_object(self._credential, data, request_id=None)
            failure = failure_of(200, response.headers, chunk, data)
            if failure is None and chunk.get("error"):
                failure = failure_of(500, response.headers, chunk, data)
            if failure is not None:
                raise provider_error(self._credential, failure)
            yield chunk

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, seconds: float | None = None
    ) -> dict[str, Any]:
        response = await self._client.request(
            method, path, json=body, timeout=wire.timeout(seconds or wire.LIST_TIMEOUT_S)
        )
        return self._checked(response)

    def _checked(self, response: httpx2.Response) -> dict[str, Any]:
        """The body of a successful answer. Raises ProviderError."""
        try:
            answer = json.loads(response.text)
        except ValueError:
            answer = None
        failure = failure_of(response.status_code, response.headers, answer, response.text)
        if failure is not None:
            raise provider_error(self._credential, failure)
        if not isinstance(answer, dict):
            raise malformed(self._credential, f"the body is not a JSON object: {response.text}")
        return answer

    def _error(self, error: BaseException) -> ProviderError:
        if isinstance(error, httpx2.HTTPError | httpx2.StreamError | TimeoutError):
            return unavailable(self._credential, error)
        return malformed(self._credential, f"the answer cannot be read: {type(error).__name__}: {error}")


def _is_chat(request: GenerateRequest) -> bool:
    return not request.images or bool(_MODEL_URL.match(request.model))


def _outputs_path(model: str) -> str:
    names = model.split("/")
    if len(names) not in {1, 3} or not all(names):
        raise ModelNotFound(
            f"{model!r} names no Clarifai model: use its id, user/app/id or its URL", provider="clarifai"
        )
    user, app, name = names if len(names) == 3 else (*DEFAULT_OWNER, model)
    return f"/v2/users/{quote(user)}/apps/{quote(app)}/models/{quote(name)}/outputs"


def _inputs(request: GenerateRequest) -> dict[str, Any]:
    inputs = [{"data": {"image": {"base64": wire.base64_text(image)}}} for image in request.images]
    config = {"max_concepts": 20, "min_value": 0.2}
    return {"inputs": inputs, "model": {"output_info": {"output_config": config}}}


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    owner = (entry.get("user_id"), entry.get("app_id"))
    own = owner == DEFAULT_OWNER or not all(owner)
    return ListedModel(
        model_id=str(entry["id"]) if own else f"{owner[0]}/{owner[1]}/{entry['id']}",
        display_name=entry.get("name"),
        created_at=wire.parse_moment(entry.get("created_at")),
        capabilities=_TYPE_CAPABILITIES.get(str(entry.get("model_type_id")), {}),
    )
