"""Any endpoint that speaks OpenAI's Chat Completions: self-hosted servers and gateways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai  # noqa: TID253 - the registry loads this module on the first call only

from modelscout.core.errors import ModelNotFound
from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.adapter import Adapter, Answer, RawAnswer, RawStream, StreamReader
from modelscout.providers.chat_wire import ChatReader, chat_body, parse_chat
from modelscout.providers.errors import VendorFailure, malformed, retry_after_seconds
from modelscout.providers.parameters import sampling_of
from modelscout.providers.protocol import GenerateRequest, ListedModel

REGIONS: dict[str, str] = {}
"""No endpoint of its own: the connection's host names it, and its operator says where it stands."""
LIMIT = "max_tokens"
"""The older name, which every copy knows: a limit that is ignored is money spent."""


@asynccontextmanager
async def open_adapter(
    credential: ProviderCredential,
    *,
    concurrency: int = 32,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[OpenAICompatibleAdapter]:
    """An adapter on a client of its own, made inside the running loop and closed on exit.

    `transport` replaces the network. Raises ConfigurationError where the credential names no endpoint.
    """
    client = openai.AsyncOpenAI(
        api_key=credential.api_key,
        base_url=credential.endpoint(REGIONS),
        timeout=wire.timeout(wire.LIST_TIMEOUT_S),
        max_retries=0,
        http_client=wire.http_client(concurrency, transport),
    )
    client.organization = client.project = None
    async with client:
        yield OpenAICompatibleAdapter(credential, client)


class OpenAICompatibleAdapter(Adapter):
    """`ProviderAdapter` of whoever copies OpenAI's API, as far as the copies agree."""

    provider = "openai_compatible"
    sdk_errors = (openai.OpenAIError,)
    rate_headers = wire.OPENAI_RATE_HEADERS

    def __init__(self, credential: ProviderCredential, client: openai.AsyncOpenAI) -> None:
        """Works with `client`, which the caller closes."""
        super().__init__(credential)
        self._client = client

    async def _list(self) -> list[ListedModel]:
        page = await self._client.models.with_raw_response.list()
        body = wire.json_object(self._credential, page.text, request_id=page.request_id)
        entries = body.get("data")
        if not isinstance(entries, list):
            raise malformed(self._credential, "the list of models has no data", request_id=page.request_id)
        return [_listed(entry) for entry in entries if isinstance(entry, dict) and entry.get("id")]

    async def _get(self, model_id: str) -> ListedModel:
        """From the list, which every server has; few can be asked for one model."""
        for model in await self._list():
            if model.model_id == model_id:
                return model
        raise ModelNotFound(f"{model_id} is not in the endpoint's list", provider=self.provider)

    async def _send(self, request: GenerateRequest) -> RawAnswer:
        raw = await self._client.chat.completions.with_raw_response.create(
            **(chat_body(request, limit=LIMIT) | sampling_of(self.provider, request)),
            timeout=wire.timeout(request.timeout_s),
        )
        body = wire.json_object(self._credential, raw.text, request_id=raw.request_id)
        return RawAnswer(body, raw.request_id, raw.headers)

    @asynccontextmanager
    async def _open(self, request: GenerateRequest) -> AsyncIterator[RawStream]:
        raw = await self._client.chat.completions.with_raw_response.create(
            **(chat_body(request, stream=True, limit=LIMIT) | sampling_of(self.provider, request)),
            timeout=wire.timeout(request.timeout_s),
        )
        async with raw.parse(to=openai.AsyncStream[dict[str, Any]]) as events:
            yield RawStream(aiter(events), raw.request_id, raw.headers)

    def _reader(self) -> StreamReader:
        return ChatReader()

    def _parse(self, raw: RawAnswer) -> Answer:
        return parse_chat(self._credential, raw)

    def _failure(self, error: BaseException) -> VendorFailure | None:
        if not isinstance(error, openai.APIStatusError | openai.APIError):
            return None
        body = error.body if isinstance(error.body, Mapping) else {}
        status = getattr(error, "status_code", None)
        if status is None and not body:
            return None
        response = getattr(error, "response", None)
        return VendorFailure(
            message=str(body.get("message") or body.get("detail") or error.message),
            status=status,
            codes=tuple(str(body[key]) for key in ("code", "type") if body.get(key)),
            request_id=getattr(error, "request_id", None),
            retry_after_s=None if response is None else retry_after_seconds(response.headers),
        )


def _listed(entry: Mapping[str, Any]) -> ListedModel:
    window = entry.get("max_model_len") or entry.get("context_length") or entry.get("context_window")
    return ListedModel(
        model_id=str(entry["id"]),
        display_name=entry.get("name"),
        context_window_tokens=window if isinstance(window, int) else None,
    )
