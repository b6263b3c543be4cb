"""Google's side of the emulator: generateContent, its stream and the list of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.core.types import Capability
from modelscout.emulator.engine import Ask, Emulator, Refusal, Reply
from modelscout.emulator.listing import Entry, serve_models
from modelscout.emulator.profile import ModelProfile
from modelscout.emulator.serving import (
    Dialect,
    StreamPlan,
    image_bytes,
    json_response,
    pieces_of,
    serve,
    sse,
)
from modelscout.emulator.state import KeyState, new_id

PROVIDER = "google"
_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP"}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_METHODS = {"generateContent": False, "streamGenerateContent": True}


def routes(emulator: Emulator) -> list[Route]:
    """The endpoints under `/gemini/v1` and `/gemini/v1beta`."""

    async def call(request: Request) -> Response:
        model, _, method = request.path_params["call"].partition(":")
        if method not in _METHODS:
            return json_response({"error": {"code": 404, "message": "Not Found", "status": "NOT_FOUND"}}, 404)
        fill = {"model": model, "stream": _METHODS[method]}
        return await serve(emulator, GENERATE, request, request_key(request), fill=fill)

    async def models(request: Request) -> Response:
        def page(entries: list[Entry]) -> dict[str, Any]:
            return _page(request, [_listed(*entry[:2]) for entry in entries])

        return await serve_models(emulator, GENERATE, request_key(request), page)

    async def model(request: Request) -> Response:
        name = request.path_params["model"]
        return await serve_models(emulator, GENERATE, request_key(request), _one, model=name)

    found = []
    for version in ("v1", "v1beta"):
        found.append(Route(f"/gemini/{version}/models", models, methods=["GET"]))
        found.append(Route(f"/gemini/{version}/models/{{model}}", model, methods=["GET"]))
        found.append(Route(f"/gemini/{version}/models/{{call}}", call, methods=["POST"]))
    return found


def request_key(request: Request) -> str:
    """The API key that a request came with."""
    return request.headers.get("x-goog-api-key") or request.query_params.get("key", "")


def _page(request: Request, entries: list[dict[str, Any]]) -> dict[str, Any]:
    size, start = (request.query_params.get(name, "") for name in ("pageSize", "pageToken"))
    first = int(start) if start.isdigit() else 0
    limit = min(1000, int(size)) if size.isdigit() and int(size) else 50
    page: dict[str, Any] = {"models": entries[first : first + limit]}
    if first + limit < len(entries):
        page["nextPageToken"] = str(first + limit)
    return page


def _one(entries: list[Entry]) -> dict[str, Any]:
    return _listed(*entries[0][:2])


def _listed(model_id: str, model: ModelProfile) -> dict[str, Any]:
    methods = ["generateContent", "countTokens", "createCachedContent", "batchGenerateContent"]
    return {
        "name": f"models/{model_id}",
        "baseModelId": model_id,
        "version": "001",
        "displayName": model.display_name or model_id,
        "description": model.display_name or model_id,
        "inputTokenLimit": model.context_window_tokens or 1_048_576,
        "outputTokenLimit": model.max_output_tokens or 65_536,
        "supportedGenerationMethods": methods
        if model.claims(Capability.TEXT_GENERATION)
        else ["embedContent"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": model.claims(Capability.COMPLEX_REASONING),
    }


def read(body: Mapping[str, Any]) -> Ask:
    """A question from the body of `:generateContent`."""
    contents = body.get("contents")
    if not isinstance(contents, list) or not contents:
        raise Refusal(400, "* GenerateContentRequest.contents: contents is not specified", param="contents")
    context = [p["text"] for p in _parts(_get(body, "systemInstruction")) if "text" in p]
    last = max((n for n, c in enumerate(contents) if c.get("role", "user") == "user"), default=0)
    prompt: list[str] = []
    images: list[bytes] = []
    for number, content in enumerate(contents):
        for part in _parts(content):
            blob = _get(part, "inlineData")
            if blob and number == last:
                images.append(image_bytes(_from_urlsafe(blob.get("data"))))
            elif isinstance(part.get("text"), str):
                (prompt if number == last else context).append(part["text"])
    config = _get(body, "generationConfig") or {}
    return Ask(
        provider=PROVIDER,
        model=body["model"],
        prompt="\n".join(prompt),
        context="\n".join(context),
        images=tuple(images),
        json_schema=_schema(config),
        tools=tuple(_tools(body)),
        stream=body["stream"],
        max_tokens=_get(config, "maxOutputTokens"),
        effort=str(_get(_get(config, "thinkingConfig") or {}, "thinkingLevel") or "").lower() or None,
    )


def _get(parent: Mapping[str, Any], name: str) -> Any:
    """A field that Google takes in camelCase and in snake_case."""
    if name in parent:
        return parent[name]
    return parent.get("".join(f"_{c.lower()}" if c.isupper() else c for c in name))


def _parts(content: object) -> list[Mapping[str, Any]]:
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return parts if isinstance(parts, list) else []


def _from_urlsafe(text: object) -> object:
    return text.replace("-", "+").replace("_", "/") if isinstance(text, str) else text


def _schema(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    schema = _get(config, "responseJsonSchema") or _get(config, "responseSchema")
    if schema is None and _get(config, "responseMimeType") == "application/json":
        return {}
    return _lower_types(schema) if isinstance(schema, Mapping) else None


def _lower_types(schema: Any) -> Any:
    """Google's own schema form writes types in capitals."""
    if isinstance(schema, Mapping):
        return {
            k: v.lower() if k == "type" and isinstance(v, str) else _lower_types(v) for k, v in schema.items()
        }
    return [_lower_types(item) for item in schema] if isinstance(schema, list) else schema


def _tools(body: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found = []
    for tool in body.get("tools") or ():
        for declaration in _get(tool, "functionDeclarations") or ():
            schema = _get(declaration, "parametersJsonSchema") or declaration.get("parameters") or {}
            found.append((declaration["name"], _lower_types(schema)))
    return found


def write(_ask: Ask, reply: Reply, _request_id: str) -> dict[str, Any]:
    """A finished answer."""
    part: dict[str, Any] = {"text": reply.text}
    if reply.tool_call:
        part = {"functionCall": {"name": reply.tool_call[0], "args": reply.tool_call[1]}}
    return _chunk(reply, [part] if reply.text or reply.tool_call else [], new_id(""), finish=True)


def _chunk(reply: Reply, parts: list[dict[str, Any]], response_id: str, *, finish: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = _FINISH[reply.finish]
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(reply),
        "modelVersion": reply.served_model,
        "responseId": response_id,
    }


def _usage(reply: Reply) -> dict[str, Any]:
    details = [{"modality": "TEXT", "tokenCount": reply.input_tokens - reply.image_tokens}]
    if reply.image_tokens:
        details.append({"modality": "IMAGE", "tokenCount": reply.image_tokens})
    usage = {
        "promptTokenCount": reply.input_tokens,
        "candidatesTokenCount": reply.text_tokens,
        "totalTokenCount": reply.input_tokens + reply.output_tokens,
        "promptTokensDetails": details,
    }
    if reply.cached_tokens:
        usage["cachedContentTokenCount"] = reply.cached_tokens
        usage["cacheTokensDetails"] = [{"modality": "TEXT", "tokenCount": reply.cached_tokens}]
    if reply.reasoning_tokens:
        usage["thoughtsTokenCount"] = reply.reasoning_tokens
    return usage


def stream(ask: Ask, reply: Reply, request_id: str) -> StreamPlan:
    """The chunks of a streamed answer."""
    if reply.tool_call:
        return StreamPlan([], [sse(write(ask, reply, request_id))], [])
    response_id = new_id("")
    texts = pieces_of(reply.text)
    pieces = [sse(_chunk(reply, [{"text": text}], response_id, finish=False)) for text in texts[:-1]]
    pieces = pieces or [sse(_chunk(reply, [], response_id, finish=False))]
    last = [{"text": texts[-1]}] if texts[-1] else []
    return StreamPlan([], pieces, [sse(_chunk(reply, last, response_id, finish=True))])


def error_body(refusal: Refusal, _request_id: str) -> dict[str, Any]:
    """The body of an error; a bad key is a 400 at Google."""
    code = 400 if refusal.status == 401 else refusal.status
    default = "INTERNAL" if code >= 500 else "FAILED_PRECONDITION"
    error: dict[str, Any] = {
        "code": code,
        "message": _message(refusal),
        "status": _STATUS.get(code, default),
    }
    details = _details(refusal)
    return {"error": {**error, "details": details} if details else error}


def _message(refusal: Refusal) -> str:
    if refusal.status == 401:
        return "API key not valid. Please pass a valid API key."
    if refusal.status == 404:
        return (
            f"models/{refusal.message} is not found for API version v1, or is not supported for "
            "generateContent. Call ListModels to see the list of available models."
        )
    if refusal.status == 429:
        return "You exceeded your current quota, please check your plan and billing details."
    return "The model is overloaded. Please try again later." if refusal.status >= 500 else refusal.message


def _details(refusal: Refusal) -> list[dict[str, Any]]:
    kind = "type.googleapis.com/google.rpc."
    if refusal.status == 401:
        return [{"@type": f"{kind}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    details: list[dict[str, Any]] = []
    if refusal.code:
        details.append({"@type": f"{kind}ErrorInfo", "reason": refusal.code, "domain": "googleapis.com"})
    if refusal.retry_after_s is not None:
        details.append(
            {"@type": f"{kind}RetryInfo", "retryDelay": f"{max(1, round(refusal.retry_after_s))}s"}
        )
    return details


def _error_frame(refusal: Refusal, request_id: str) -> bytes:
    return sse(error_body(refusal, request_id))


def _headers(_state: KeyState | None, _request_id: str) -> dict[str, str]:
    return {"x-gemini-service-tier": "standard"}


GENERATE = Dialect(PROVIDER, "", read, write, stream, error_body, _error_frame, _headers, bad_key_status=400)
