"""The emulator's answers hold against the vendors' API descriptions."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
import yaml

FOLDER = Path("../shared/data/api_specs")
FILES = {
    "openai": "openai.openapi.json",
    "anthropic": "anthropic.openapi.yaml",
    "google": "gemini.openapi.json",
}
KEY = "key-of-{}-0123456789"
HEADERS = {
    "openai": {"Authorization": f"Bearer {KEY.format('openai')}"},
    "anthropic": {"x-api-key": KEY.format("anthropic")},
    "google": {"x-goog-api-key": KEY.format("google")},
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason=f"{FOLDER} is absent: it is public data, not part of the repository"
)

Check = Callable[[Any], None]


@functools.cache
def spec(vendor: str) -> dict[str, Any]:
    text = (FOLDER / FILES[vendor]).read_text()
    loaded: dict[str, Any] = json.loads(text) if FILES[vendor].endswith("json") else yaml.safe_load(text)
    allow_null(loaded)
    return loaded


def allow_null(node: Any) -> None:
    """Write OpenAPI 3.0's `nullable` as JSON schema understands it."""
    for child in list(node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()):
        allow_null(child)
    if isinstance(node, dict) and node.get("nullable") is True:
        schema = {key: node.pop(key) for key in list(node)}
        node["anyOf"] = [schema, {"type": "null"}]


@functools.cache
def checker(vendor: str, name: str) -> Check:
    """Validates a value against a named schema of a vendor."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": spec(vendor)["components"]}
    assert name in schema["components"]["schemas"]
    return jsonschema.Draft202012Validator(schema).validate


def openai_body(kind: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "input_text", "text": "Hello."}]
    body: dict[str, Any] = {"model": "m", "store": False, "input": [{"role": "user", "content": content}]}
    if kind == "image":
        content.append(
            {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "high"}
        )
    if kind == "schema":
        body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}
    if kind == "tool":
        body["tools"] = [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}]
    return body


def chat_body(kind: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": "Hello."}]
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": content}]}
    if kind == "image":
        content.append({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}})
    if kind == "schema":
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    if kind == "tool":
        body["tools"] = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
    return body


def anthropic_body(kind: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": "Hello."}]
    body: dict[str, Any] = {
        "model": "m",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": content}],
    }
    if kind == "image":
        source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        content.append({"type": "image", "source": source})
    if kind == "schema":
        body["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
    if kind == "tool":
        body["tools"] = [{"name": "f", "input_schema": SCHEMA}]
    return body


def google_body(kind: str) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"text": "Hello."}]
    body: dict[str, Any] = {"contents": [{"role": "user", "parts": parts}]}
    if kind == "image":
        parts.append({"inlineData": {"mimeType": "image/png", "data": PIXEL}})
    if kind == "schema":
        body["generationConfig"] = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
    if kind == "tool":
        body["tools"] = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]
    return body


ENDPOINTS = {
    "responses": ("openai", "/openai/v1/responses", openai_body, "Response", "ResponseStreamEvent"),
    "chat": (
        "openai",
        "/openai/v1/chat/completions",
        chat_body,
        "CreateChatCompletionResponse",
        "CreateChatCompletionStreamResponse",
    ),
    "messages": ("anthropic", "/anthropic/v1/messages", anthropic_body, "Message", "MessageStreamEvent"),
    "generate": (
        "google",
        "/gemini/v1beta/models/m:generateContent",
        google_body,
        "GenerateContentResponse",
        "GenerateContentResponse",
    ),
}


@pytest.mark.parametrize("kind", ["text", "image", "schema", "tool"])
@pytest.mark.parametrize("endpoint", list(ENDPOINTS))
async def test_answer_holds(client: httpx2.AsyncClient, endpoint: str, kind: str) -> None:
    vendor, path, body, name, _ = ENDPOINTS[endpoint]
    response = await client.post(path, json=body(kind), headers=HEADERS[vendor])
    assert response.status_code == 200, response.text
    checker(vendor, name)(response.json())


@pytest.mark.parametrize("kind", ["text", "tool"])
@pytest.mark.parametrize("endpoint", list(ENDPOINTS))
async def test_every_event_of_a_stream_holds(client: httpx2.AsyncClient, endpoint: str, kind: str) -> None:
    vendor, path, body, _, name = ENDPOINTS[endpoint]
    sent = body(kind)
    if vendor == "google":
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
    else:
        sent["stream"] = True
    response = await client.post(path, json=sent, headers=HEADERS[vendor])
    assert response.status_code == 200, response.text
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert len(events) > (0 if (vendor, kind) == ("google", "tool") else 3)
    for event in events:
        # Pings and the end mark are described in the documentation, not as a schema.
        if event != "[DONE]" and '"type":"ping"' not in event:
            checker(vendor, name)(json.loads(event))


@pytest.mark.parametrize(
    ("vendor", "path", "name"),
    [
        ("openai", "/openai/v1/models", "ListModelsResponse"),
        ("anthropic", "/anthropic/v1/models", "ListResponse_ModelInfo_"),
        ("google", "/gemini/v1/models", "ListModelsResponse"),
    ],
)
async def test_list_of_models_holds(client: httpx2.AsyncClient, vendor: str, path: str, name: str) -> None:
    response = await client.get(path, headers=HEADERS[vendor])
    assert response.status_code == 200
    checker(vendor, name)(response.json())


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 529])
@pytest.mark.parametrize("endpoint", ["responses", "chat", "messages"])
async def test_error_holds(client: httpx2.AsyncClient, endpoint: str, status: int) -> None:
    vendor, path, body, _, _ = ENDPOINTS[endpoint]
    fault = {"provider": vendor, "kind": "http", "status": status}
    await client.post("/control/faults", json=fault, headers={"Authorization": "Bearer control"})
    response = await client.post(path, json=body("text"), headers=HEADERS[vendor])
    assert response.status_code == status
    checker(vendor, "ErrorResponse")(response.json())
