"""A server on a free port that answers every call with a recorded answer, named by the first part of the path."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

NEXT_PAGE = frozenset({"after_id", "pageToken"})
"""What a query for a further page of a list holds."""
PIECE_BYTES = 700
"""Streams go out in pieces that end anywhere, as on a real network: within events and within characters."""
OF_THE_CONNECTION = frozenset({"connection", "content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A recorded answer, and the method and path of the call that it answered; None answers any call."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    call: tuple[str, str] | None = None


@contextmanager
def serve(find: Callable[[str], Exchange]) -> Iterator[str]:
    """The URL of a running server; the recording `name` is served below URL/name."""
    config = uvicorn.Config(
        _app(find),
        access_log=False,
        date_header=False,
        lifespan="off",
        log_level="error",
        server_header=False,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    _wait_until_started(server)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


def _app(find: Callable[[str], Exchange]) -> Starlette:
    async def replay(request: Request) -> Response:
        exchange = find(request.path_params["name"])
        call = (request.method, f"/{request.path_params['path']}")
        if exchange.call not in {None, call}:
            message = f"the recording answers {exchange.call}, not {call}"
            return JSONResponse({"error": {"message": message}}, status_code=404)
        if NEXT_PAGE & request.query_params.keys():
            return JSONResponse({})
        return _answer(exchange)

    return Starlette(routes=[Route("/{name}/{path:path}", replay, methods=["GET", "POST"])])


def _answer(exchange: Exchange) -> Response:
    """The recorded bytes with the recorded headers; gzip where it was, for the recordings hold plain bodies."""
    recorded = {name.lower(): value for name, value in exchange.headers.items()}
    headers = {name: value for name, value in recorded.items() if name not in OF_THE_CONNECTION}
    body = exchange.body
    if recorded.get("content-encoding") == "gzip":
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body)
    if recorded["content-type"].startswith("text/event-stream"):
        return StreamingResponse(_pieces(body), exchange.status, headers)
    return Response(body, exchange.status, headers)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


def _wait_until_started(server: uvicorn.Server) -> None:
    deadline = time.monotonic() + 10
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the replay server did not start within 10 s")
        time.sleep(0.01)
