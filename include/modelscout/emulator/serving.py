"""What all four APIs share: from a raw request to a response, with faults, counts and delays."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from modelscout.core.fingerprint import content_fingerprint
from modelscout.emulator.engine import Ask, Emulator, Refusal, Reply
from modelscout.emulator.state import Fault, KeyState, new_id

STREAM_CHUNKS = 4
OTHER_MODEL = "some-other-model"
"""Who answers where a fault lets somebody else answer and does not say whom."""
NEW_FIELDS = {"x_new": {"nested": [1, None]}, "x_more": "text"}
"""What an API might add one day."""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """A streamed answer: frames before the first token, one frame per piece of text, frames that end it."""

    head: Sequence[bytes]
    pieces: Sequence[bytes]
    tail: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one vendor's API reads and writes."""

    provider: str
    request_id_prefix: str
    read: Callable[[Mapping[str, Any]], Ask]
    """Raises Refusal 400 for a body that the vendor would not take."""
    write: Callable[[Ask, Reply, str], dict[str, Any]]
    """The answer; the text is the request's id."""
    stream: Callable[[Ask, Reply, str], StreamPlan]
    error: Callable[[Refusal, str], dict[str, Any]]
    error_frame: Callable[[Refusal, str], bytes]
    """The error as an event of a stream that has begun."""
    headers: Callable[[KeyState | None, str], dict[str, str]]
    bad_key_status: int = 401
    fault_status: int = 503


def json_response(
    body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response without the framework's own encoder."""
    return Response(
        json.dumps(body, separators=(",", ":"), ensure_ascii=False),
        status_code=status,
        headers=headers,
        media_type="application/json",
    )


async def serve(
    emulator: Emulator,
    dialect: Dialect,
    request: Request,
    key: str,
    *,
    fill: Mapping[str, Any] | None = None,
) -> Response:
    """Answer one generation request; `fill` adds what the path says to the body."""
    request_id = new_id(dialect.request_id_prefix)
    state: KeyState | None = None
    model = ""
    try:
        state = emulator.authenticate(dialect.provider, key)
        ask = read_ask(dialect, {**await read_json(request), **(fill or {})})
        model = ask.model
        item = content_fingerprint(ask.prompt, ask.images)
        fault = emulator.faults.next_for(dialect.provider, model, key, item=item)
        await play_delay(fault)
        raise_fault(fault, ask.stream, dialect.fault_status)
        reply = emulator.answer(key, state, ask)
    except Refusal as refusal:
        return refuse(emulator, dialect, refusal, state, model, request_id)
    emulator.journal.count(dialect.provider, model, state.profile.organization, 200)
    headers = dialect.headers(state, request_id)
    if fault is not None:
        _alter(reply, fault)
        if fault.kind == "error_inside":
            body = dialect.error(fault_refusal(fault, dialect.fault_status), request_id)
            return json_response(body, 200, headers)
    if ask.stream and (fault is None or fault.kind not in {"empty_body", "wrong_type"}):
        frames = _frames(dialect, ask, reply, request_id, fault)
        return StreamingResponse(frames, headers=headers, media_type="text/event-stream")
    await asyncio.sleep(reply.first_token_s + reply.generation_s + _slow_s(fault))
    response = json_response(dialect.write(ask, reply, request_id), 200, headers)
    return broken(response, fault)


def _alter(reply: Reply, fault: Fault) -> None:
    """What a fault changes about the answer itself."""
    if fault.kind == "empty":
        reply.text, reply.tool_call, reply.finish = "", None, "stop"
    if fault.kind == "serve_other":
        reply.served_model = fault.code or OTHER_MODEL


def read_ask(dialect: Dialect, body: Mapping[str, Any]) -> Ask:
    """The question in a body. Raises Refusal 400, also for values of the wrong type."""
    try:
        ask = dialect.read(body)
    except (AttributeError, KeyError, TypeError) as error:
        raise Refusal(400, f"The request has an invalid form: {error}") from None
    limit: object = ask.max_tokens
    schema: object = ask.json_schema
    if not isinstance(limit, int | None) or not isinstance(schema, Mapping | None):
        raise Refusal(400, "max tokens must be a whole number and a schema an object")
    return ask


def refuse(
    emulator: Emulator,
    dialect: Dialect,
    refusal: Refusal,
    state: KeyState | None,
    model: str,
    request_id: str,
) -> Response:
    """The vendor's error response, counted."""
    status = dialect.bad_key_status if refusal.status == 401 else refusal.status
    emulator.journal.count(dialect.provider, model, state.profile.organization if state else "", status)
    headers = dialect.headers(state, request_id)
    if refusal.retry_after_s is not None:
        # Whole seconds, as the vendors send them; at least one, so that a client really waits.
        headers["retry-after"] = str(max(1, round(refusal.retry_after_s)))
    return json_response(dialect.error(refusal, request_id), status, headers)


async def play_delay(fault: Fault | None) -> None:
    """Wait as long as a fault says; a slow first token comes later, in its place."""
    if fault is not None and fault.delay_ms and fault.kind != "slow_first_token":
        await asyncio.sleep(fault.delay_ms / 1000)


def _slow_s(fault: Fault | None) -> float:
    """Seconds by which a fault holds back the first token."""
    return fault.delay_ms / 1000 if fault is not None and fault.kind == "slow_first_token" else 0.0


def raise_fault(fault: Fault | None, stream: bool, default_status: int) -> None:
    """Raise the Refusal that a fault asks for; a stream is refused later, in place of its first token."""
    if fault is None or not (fault.kind == "http" or (fault.kind == "refuse_first_token" and not stream)):
        return
    raise fault_refusal(fault, default_status)


def fault_refusal(fault: Fault, default_status: int) -> Refusal:
    """A fault as the vendor's refusal."""
    status = fault.status or default_status
    text = "rate limit" if status == 429 else "injected fault"
    return Refusal(status, text, code=fault.code, retry_after_s=fault.retry_after_s)


def broken(response: Response, fault: Fault | None) -> Response:
    """The response with its body cut, emptied, replaced or extended where a fault says so."""
    kind = "" if fault is None else fault.kind
    body = bytes(response.body)
    if kind in {"malformed", "cut_stream"}:
        body = body[: len(body) // 2]
    elif kind == "empty_body":
        body = b""
    elif kind == "wrong_type":
        body = b"<html><body>Please sign in to the network.</body></html>"
        response.headers["content-type"] = "text/html"
    elif kind == "unknown_fields":
        body = json.dumps({**json.loads(body), **NEW_FIELDS}).encode()
    response.body = body
    response.headers["content-length"] = str(len(body))
    return response


async def _frames(
    dialect: Dialect, ask: Ask, reply: Reply, request_id: str, fault: Fault | None
) -> AsyncIterator[bytes]:
    plan = dialect.stream(ask, reply, request_id)
    kind = fault.kind if fault else ""
    # Google's streams name no events.
    event = None if dialect.provider == "google" else "x.unknown"
    unknown = [sse({"type": "x.unknown", **NEW_FIELDS}, event)] if kind == "unknown_fields" else []
    for frame in (*plan.head, *unknown):
        yield frame
    await asyncio.sleep(reply.first_token_s + _slow_s(fault))
    if fault is not None and kind == "refuse_first_token":
        yield dialect.error_frame(fault_refusal(fault, dialect.fault_status), request_id)
        return
    pause = reply.generation_s / max(1, len(plan.pieces))
    for number, frame in enumerate(plan.pieces):
        if number:
            await asyncio.sleep(pause)
        if kind == "malformed":
            yield frame[: len(frame) // 2] + b"\n\n"
            return
        yield frame
        if kind == "cut_stream":
            return
    if kind == "cut_stream":
        return
    await asyncio.sleep(pause)
    for frame in plan.tail:
        yield frame


async def read_json(request: Request) -> dict[str, Any]:
    """The body as an object. Raises Refusal 400."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(400, "We could not parse the JSON body of your request.")
    return body


def pieces_of(text: str) -> list[str]:
    """The text in a few pieces of about the same length; one empty piece where there is no text."""
    size = max(1, -(-len(text) // STREAM_CHUNKS))
    return [text[i : i + size] for i in range(0, len(text), size)] or [""]


def sse(data: Mapping[str, Any], event: str | None = None) -> bytes:
    """One server-sent event."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(data, separators=(',', ':'), ensure_ascii=False)}\n\n".encode()


def image_bytes(encoded: object) -> bytes:
    """The bytes of an image in base64 or a `data:` URL; of another URL the URL itself. Raises Refusal 400."""
    text = encoded if isinstance(encoded, str) else ""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    elif text.startswith(("http://", "https://", "gs://")):
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(400, "the image is not valid base64", param="image") from None


def bearer(request: Request) -> str:
    """The token of `Authorization: Bearer …`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() in {"bearer", "key"} else ""
