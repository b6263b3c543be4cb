"""Clarifai over plain HTTP: concept models, and language models through its OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2

from modelscout.core.errors import BadRequest, ModelNotFound
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability
from modelscout.providers import wire
from modelscout.providers.adapter import Adapter, Answer, RawAnswer, RawStream, StreamReader
from modelscout.providers.chat_wire import ChatReader, chat_body, parse_chat
from modelscout.providers.errors import VendorFailure, malformed, provider_error, retry_after_seconds
from modelscout.providers.protocol import FinishReason, GenerateRequest, ListedModel

REGIONS = {"global": "https://api.clarifai.com"}
DEFAULT_OWNER = ("clarifai", "main")
"""User and app of Clarifai's own public models."""
PAGE_SIZE = 100
CHAT_PATH = "/v2/ext/openai/v1/chat/completions"

SUCCESS = 10000
MIXED_STATUS = 10010

_STATUS_OF_CODE = {
    10020: 500,
    11001: 401,
    11003: 402,
    11004: 402,
    11005: 429,
    11006: 402,
    11008: 401,
    11009: 401,
    11101: 404,
    21200: 404,
    21353: 503,
    21354: 503,
    21355: 503,
}
"""What Clarifai's own codes are as an HTTP status: it answers many failures with 200 or 400."""

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
        base_url=credential.endpoint(REGIONS),
        headers={"Authorization": f"Key {credential.api_key}"},
    ) as client:
        yield ClarifaiAdapter(credential, client)


class ClarifaiAdapter(Adapter):
    """`ProviderAdapter` of Clarifai.

    A model is named by its id in `clarifai/main`, as `user/app/id`, or by its URL. A request with images
    goes to the model as a concept model; one without, or one that names a URL, goes to the chat endpoint.
    It states no rate limits: they are learnt from refusals.
    """

    provider = "clarifai"
    limits_are_per_model = False

    def __init__(self, credential: ProviderCredential, client: httpx2.AsyncClient) -> None:
        """Works with `client`, which the caller closes."""
        super().__init__(credential)
        self._client = client

    async def _list(self) -> list[ListedModel]:
        """The public models of `clarifai/main`."""
        user, app = DEFAULT_OWNER
        found: list[ListedModel] = []
        for page in range(1, 1000):
            query = f"page={page}&per_page={PAGE_SIZE}"
            body = await self._call("GET", f"/v2/users/{user}/apps/{app}/models?{query}")
            models = [entry for entry in body.get("models") or [] if entry.get("id")]
            found += [_listed(entry) for entry in models]
            if len(models) < PAGE_SIZE:
                break
        return found

    async def _get(self, model_id: str) -> ListedModel:
        body = await self._call("GET", _model_path(model_id))
        entry = body.get("model")
        if not isinstance(entry, dict) or not entry.get("id"):
            raise malformed(self._credential, "the answer names no model")
        return _listed(entry)

    async def _send(self, request: GenerateRequest) -> RawAnswer:
        chat = _is_chat(request)
        path = CHAT_PATH if chat else f"{_model_path(request.model)}/outputs"
        sent = chat_body(request) if chat else _inputs(request)
        body = await self._call("POST", path, sent, request.timeout_s)
        return RawAnswer(body, (body.get("status") or {}).get("req_id"))

    @asynccontextmanager
    async def _open(self, request: GenerateRequest) -> AsyncIterator[RawStream]:
        if not _is_chat(request):
            raise BadRequest(f"{request.model} does not stream: call generate", provider=self.provider)
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
            yield RawStream(self._chunks(response), headers=response.headers)

    def _reader(self) -> StreamReader:
        return ChatReader()

    def _parse(self, raw: RawAnswer) -> Answer:
        parse = parse_outputs if "outputs" in raw.body else parse_chat
        return parse(self._credential, raw)

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


def _is_chat(request: GenerateRequest) -> bool:
    return not request.images or bool(_MODEL_URL.match(request.model))


def _model_path(model: str) -> str:
    names = model.split("/")
    if len(names) not in {1, 3} or not all(names):
        raise ModelNotFound(
            f"{model!r} names no Clarifai model: use its id, user/app/id or its URL", provider="clarifai"
        )
    user, app, name = names if len(names) == 3 else (*DEFAULT_OWNER, model)
    return f"/v2/users/{quote(user)}/apps/{quote(app)}/models/{quote(name)}"


def _inputs(request: GenerateRequest) -> dict[str, Any]:
    inputs = [{"data": {"image": {"base64": wire.base64_text(image)}}} for image in request.images]
    config = {"max_concepts": 20, "min_value": 0.2}
    return {"inputs": inputs, "model": {"output_info": {"output_config": config}}}


def parse_outputs(credential: ProviderCredential, raw: RawAnswer) -> Answer:
    """Concepts of all images by falling value, each name once: `text` is a JSON array of the names."""
    body = raw.body
    usage = wire.read_usage(credential, "outputs", body, request_id=raw.request_id)
    values: dict[str, float] = {}
    for output in body["outputs"]:
        for concept in output["data"].get("concepts") or []:
            name = concept["name"]
            values[name] = max(values.get(name, 0.0), float(concept["value"]))
    names = sorted(values, key=lambda name: -values[name])
    model = body["outputs"][0].get("model") or {}
    return Answer(
        text=json.dumps(names, ensure_ascii=False),
        finish_reason=FinishReason.STOP,
        usage=usage,
        served_model=model.get("id"),
        request_id=raw.request_id,
        confidence=values[names[0]] if names else None,
    )


def failure_of(status: int, headers: Mapping[str, str], answer: object, text: str) -> VendorFailure | None:
    """What went wrong, or None. Status 200 is no success by itself: `status.code` decides."""
    body = answer if isinstance(answer, Mapping) else {}
    detail = body.get("status")
    if isinstance(detail, Mapping) and detail.get("code") == MIXED_STATUS:
        detail = _first_failed_output(body) or detail
    detail = detail if isinstance(detail, Mapping) else {}
    code = detail.get("code")
    if status < 400 and code in {None, SUCCESS}:
        return None
    said = [str(detail[key]) for key in ("description", "details") if detail.get(key)]
    # The chat endpoint answers with OpenAI's form of an error.
    error = body.get("error")
    error = error if isinstance(error, Mapping) else {}
    return VendorFailure(
        message=": ".join(said) or str(error.get("message") or text or "no message"),
        status=_status(status, code),
        codes=tuple(str(name) for name in (code, error.get("code")) if name is not None),
        request_id=detail.get("req_id"),
        retry_after_s=retry_after_seconds(headers),
    )


def _status(status: int, code: object) -> int:
    if isinstance(code, int) and code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[code]
    if status >= 400:
        return status
    # 30xxx: the input is wrong; 11100: the request is. The rest are failures on their side.
    return 400 if isinstance(code, int) and (code // 1000 == 30 or code == 11100) else 500


def _first_failed_output(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for output in body.get("outputs") or []:
        status = output.get("status") or {}
        if status.get("code") != SUCCESS:
            return {"req_id": body["status"].get("req_id"), **status}
    return None


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    owner = (entry.get("user_id"), entry.get("app_id"))
    own = owner == DEFAULT_OWNER or not all(owner)
    return ListedModel(
        model_id=str(entry["id"]) if own else f"{owner[0]}/{owner[1]}/{entry['id']}",
        display_name=entry.get("name"),
        created_at=wire.parse_moment(entry.get("created_at")),
        capabilities=_TYPE_CAPABILITIES.get(str(entry.get("model_type_id")), {}),
    )
