"""What all adapters share on the wire: timeouts, headers, JSON bodies and the form of schemas."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import httpx2

from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import TokenUsage
from modelscout.costs.usage import normalise_usage
from modelscout.providers.errors import malformed
from modelscout.providers.protocol import Image, RateLimitState

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5.0
LIST_TIMEOUT_S = 30.0
OPENAI_RATE_HEADERS = {
    "requests_limit": ("x-ratelimit-limit-requests",),
    "requests_remaining": ("x-ratelimit-remaining-requests",),
    "tokens_limit": ("x-ratelimit-limit-tokens",),
    "tokens_remaining": ("x-ratelimit-remaining-tokens",),
}
"""Headers of OpenAI and of those who copy its API."""


class Stopwatch:
    """Milliseconds since it was made, and since then until the first token."""

    def __init__(self) -> None:
        """Starts now."""
        self._start = time.monotonic()
        self.first_token_ms: float | None = None

    def elapsed_ms(self) -> float:
        """Milliseconds so far."""
        return (time.monotonic() - self._start) * 1000

    def mark_token(self) -> None:
        """Remember the time of the first token; later calls change nothing."""
        if self.first_token_ms is None:
            self.first_token_ms = self.elapsed_ms()


def timeout(seconds: float) -> httpx2.Timeout:
    """Timeout of each step of a call, with a short one for the connection."""
    return httpx2.Timeout(seconds, connect=min(CONNECT_TIMEOUT_S, seconds))


def http_client(
    concurrency: int, transport: httpx2.AsyncBaseTransport | None = None, **more: Any
) -> httpx2.AsyncClient:
    """An HTTP client with as many connections as calls in flight, all kept open.

    It follows no redirects: another host must not get the key.
    """
    return httpx2.AsyncClient(
        verify=tls_context(),
        limits=httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        timeout=timeout(LIST_TIMEOUT_S),
        follow_redirects=False,
        transport=transport,
        **more,
    )


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One for all clients of a process: making one takes 20 ms, a client a tenth of one."""
    return httpx2.create_ssl_context()


@functools.cache
def unused_client() -> httpx2.Client:
    """A client that refuses every request, for an SDK that would make one of its own."""
    refuse = httpx2.MockTransport(lambda _: httpx2.Response(501))
    return httpx2.Client(transport=refuse, verify=tls_context())


async def within(items: AsyncIterator[T], seconds: float) -> AsyncIterator[T]:
    """The items of a stream that arrive within `seconds` of the start; then TimeoutError.

    Only the wait for an item is ever cancelled, never what the consumer does between two items.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        async with asyncio.timeout_at(deadline):
            try:
                item = await anext(items)
            except StopAsyncIteration:
                return
        yield item


def loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError."""
    return json.loads(text)


def json_object(credential: ProviderCredential, text: str, *, request_id: str | None) -> dict[str, Any]:
    """The JSON object in a body. Raises MalformedAnswer."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        # The whole text: a key must be taken out before anything is cut.
        raise malformed(credential, f"the body is not a JSON object: {text}", request_id=request_id)
    return value


def read_usage(
    credential: ProviderCredential, api: str, payload: Mapping[str, Any], *, request_id: str | None
) -> TokenUsage:
    """The usage of an answer. Raises MalformedAnswer where it is missing: its cost would be unknown."""
    try:
        return normalise_usage(credential.provider, api, payload)
    except ValueError as error:
        raise malformed(credential, str(error), request_id=request_id) from None


def data_url(image: Image) -> str:
    """The image as a `data:` URL."""
    return f"data:{image.media_type};base64,{base64_text(image)}"


def base64_text(image: Image) -> str:
    """The image's bytes in base64."""
    return base64.b64encode(image.data).decode()


def rate_limit(headers: Mapping[str, str], names: Mapping[str, tuple[str, ...]]) -> RateLimitState:
    """Read whole numbers from headers; `names` gives the headers of each field of RateLimitState."""
    found: dict[str, int] = {}
    for field, candidates in names.items():
        for name in candidates:
            text = headers.get(name, "")
            if text.isdigit():
                found[field] = int(text)
                break
    return RateLimitState(**found)


def parse_date(text: object) -> date | None:
    """A date from `2026-11-23` or a full ISO time; None for anything else."""
    moment = parse_moment(text)
    return moment.date() if moment else None


def parse_moment(text: object) -> datetime | None:
    """A time in UTC from ISO 8601; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_epoch(value: object) -> datetime | None:
    """A time in UTC from seconds since 1970; None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def closed_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with `additionalProperties: false` on objects that say nothing.

    Vendors that constrain the output refuse open objects; what is valid here is valid under `schema` too.
    """
    closed = {key: _closed_value(key, value) for key, value in schema.items()}
    if "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def _closed_value(key: str, value: Any) -> Any:
    if key in {"properties", "$defs", "definitions"} and isinstance(value, Mapping):
        return {name: closed_schema(sub) if isinstance(sub, Mapping) else sub for name, sub in value.items()}
    if key in {"anyOf", "allOf", "oneOf", "prefixItems"} and isinstance(value, list):
        return [closed_schema(sub) if isinstance(sub, Mapping) else sub for sub in value]
    if key == "items" and isinstance(value, Mapping):
        return closed_schema(value)
    return value


def strict_if_possible(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema as OpenAI's strict mode takes it and True, or as it is and False."""
    closed = closed_schema(schema)
    strict = is_strict_schema(closed)
    return (closed if strict else dict(schema)), strict


def is_strict_schema(schema: Mapping[str, Any]) -> bool:
    """True if every object is closed and requires all its properties, as OpenAI's strict mode asks."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        if schema.get("additionalProperties") is not False:
            return False
        if set(properties) != set(schema.get("required", ())):
            return False
    elif schema.get("type") == "object":
        return False
    return all(is_strict_schema(sub) for sub in _subschemas(schema))


def _subschemas(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Any] = []
    for key in ("properties", "$defs", "definitions"):
        value = schema.get(key)
        found.extend(value.values() if isinstance(value, Mapping) else ())
    for key in ("anyOf", "allOf", "oneOf", "prefixItems"):
        value = schema.get(key)
        found.extend(value if isinstance(value, list) else ())
    found.append(schema.get("items"))
    return [sub for sub in found if isinstance(sub, Mapping)]
