"""The package of docs/extend-provider.md, installed, and a server that speaks the API which the page invents."""

from __future__ import annotations

import asyncio
import base64
import configparser
import json
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

PAGE = Path(__file__).parents[3] / "docs" / "extend-provider.md"
MODULE = "modelscout_lumen"
KEY = "lmn-0123456789abcdef"
MODELS = [
    {"name": f"lumen-{n}", "window": 100_000 + n, "sees": n != 3, "ends_on": "2027-06-30" if n == 1 else None}
    for n in range(1, 6)
]
PAGE_SIZE = 2
PAUSE_S = 0.05


def blocks(language: str) -> list[str]:
    """The code blocks of the page in one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def entry_points_of_page() -> dict[str, dict[str, str]]:
    """The entry points that the page's pyproject.toml declares."""
    project = next(tomllib.loads(block) for block in blocks("toml"))["project"]
    groups: dict[str, dict[str, str]] = project["entry-points"]
    return groups


def install(folder: Path, name: str, module: str, code: str, entry_points: dict[str, dict[str, str]]) -> None:
    """What an installer leaves behind: a module and its metadata."""
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    parser = configparser.ConfigParser()
    parser.read_dict(entry_points)
    with (info / "entry_points.txt").open("w", encoding="utf-8") as file:
        parser.write(file)


class Lumen:
    """The invented vendor. `say` replaces its next answer; `requests` are those that it got."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self._next: list[Response] = []
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._list),
                Route("/v1/model", self._get),
                Route("/v1/answers", self._answer, methods=["POST"]),
            ]
        )

    def say(self, response: Response) -> None:
        self._next.append(response)

    def forget(self) -> None:
        self._next.clear()
        self.requests.clear()

    async def _list(self, request: Request) -> Response:
        if (other := self._instead(request)) is not None:
            return other
        start = int(request.query_params.get("after", "0"))
        end = start + PAGE_SIZE
        page = {"models": MODELS[start:end], "next": str(end) if end < len(MODELS) else None}
        self.requests.append({"after": request.query_params.get("after")})
        return JSONResponse(page)

    async def _get(self, request: Request) -> Response:
        name = request.query_params["name"]
        self.requests.append({"name": name})
        if (other := self._instead(request)) is not None:
            return other
        found = [model for model in MODELS if model["name"] == name]
        return JSONResponse(found[0]) if found else refusal(404, "no_such_model", f"{name} is unknown")

    async def _answer(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.requests.append(body)
        if (other := self._instead(request)) is not None:
            return other
        if all(model["name"] != body["model"] for model in MODELS):
            return refusal(404, "no_such_model", f"{body['model']} is unknown")
        answer = answer_to(body)
        lines = [{"delta": word} for word in re.findall(r"\S+\s*", answer["text"])] if body["stream"] else []
        return stream([*lines, answer], **{"lumen-limit": "600", "lumen-left": "599"})

    def _instead(self, request: Request) -> Response | None:
        if self._next:
            return self._next.pop(0)
        key = request.headers.get("lumen-key", "")
        return None if key == KEY else refusal(401, "bad_key", f"the key {key} is unknown")


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """What a model of the invented vendor says."""
    calls: list[dict[str, Any]] = []
    text = "One, two, three."
    if body["tools"]:
        text, calls = "", [{"tool": body["tools"][0]["name"], "with": {"city": "Oslo"}}]
    elif body["schema"]:
        text = json.dumps(dict.fromkeys(body["schema"]["properties"], 12))
    elif body["images"]:
        head, _, data = body["images"][0].partition(",")
        text = f"{head} {len(base64.b64decode(data))} bytes"
    end = "cut" if body["most_tokens"] < 7 else "call" if calls else "done"
    used = {"read": 20, "reused": 5, "written": 7}
    return {"text": text, "calls": calls, "end": end, "model": f"{body['model']}-0915", "used": used}


def refusal(status: int, code: str, message: str, **headers: str) -> Response:
    """The vendor's form of an error."""
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status, headers={"lumen-call": "call-9"} | headers)


def stream(lines: list[Any], *, cut: bool = False, **headers: str) -> Response:
    """Lines of JSON, text as it is; `cut` breaks the connection after them."""

    async def content() -> AsyncIterator[bytes]:
        for number, line in enumerate(lines):
            if number:
                await asyncio.sleep(PAUSE_S)
            yield line.encode() if isinstance(line, str) else f"{json.dumps(line)}\n".encode()
        if cut:
            raise ConnectionError

    return StreamingResponse(content(), headers={"lumen-call": "call-1"} | headers)
