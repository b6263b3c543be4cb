"""The adapters read what the live APIs answered to other people's programs, over HTTP and through the real SDKs.

What an adapter should make of an answer is read here from the recorded body by functions of this module alone.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
from replay_server import Exchange, serve

from modelscout.core.errors import (
    AuthenticationFailed,
    BadRequest,
    ModelNotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    ListedModel,
    ProviderAdapter,
    RateLimitState,
    TextDelta,
)
from modelscout.providers.registry import open_adapter

pytestmark = pytest.mark.filterwarnings("ignore:The model .* is deprecated:DeprecationWarning")

FOLDER = Path("../shared/data/recorded_responses")
ISSUES = "errors_from_issues"
ABSENT = f"{FOLDER} is absent: it is public data, not part of the repository"
BATCH = "a batch, which no adapter asks for"
NO_USAGE = "a chat stream that was not asked for its usage, as the adapters always do: its cost is unknown"
MOST_SKIPPED = {BATCH: 3, NO_USAGE: 7}
FEWEST_READ = 150
"""Files in the folder that a test reads; `errors_from_issues.json` is one of them."""
ISSUE_COUNT = 12

PREFIXES = {
    "openai": "/v1",
    "openai_compatible": "/v1",
    "anthropic": "",
    "google": "",
    "clarifai": "",
    "gemini_chat": "/v1beta/openai",
}
BY_STATUS: dict[int, type[ProviderError]] = {
    400: BadRequest,
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: ModelNotFound,
    429: RateLimited,
    500: ProviderUnavailable,
    503: ProviderUnavailable,
    529: ProviderUnavailable,
}
NOT_BY_STATUS = {
    "error_gemini_400_INVALID_ARGUMENT_400": AuthenticationFailed,  # "API key not valid."
    "error_openai_400_invalid_request_error_model_not_found": ModelNotFound,
}
NO_QUOTA_LEFT = ("insufficient_quota", "PerDay")
"""What is in a 429 of OpenAI's or Google's that no short wait mends."""
RATE_HEADERS = {"openai": "x-ratelimit-{1}-{0}", "anthropic": "anthropic-ratelimit-{0}-{1}"}
FINISH = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "stop": FinishReason.STOP,
    "STOP": FinishReason.STOP,
    "completed": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "length": FinishReason.LENGTH,
    "MAX_TOKENS": FinishReason.LENGTH,
    "max_output_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "tool_calls": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.REFUSAL,
    "SAFETY": FinishReason.REFUSAL,
    "content_filter": FinishReason.REFUSAL,
}


class Tokens(NamedTuple):
    """What a call used: all input with the cached, all output with the reasoning."""

    input: int
    output: int
    cached: int
    reasoning: int


@dataclass(frozen=True, slots=True)
class Said:
    """What a recorded body says."""

    text: str
    finish_reason: FinishReason
    tokens: Tokens
    model: str
    answer_id: str
    calls: list[tuple[str, Any]]


def said_in_messages(parts: list[dict[str, Any]]) -> Said:
    """Anthropic: one message, or the events of its stream."""
    start = parts[0].get("message", parts[0])
    blocks = dict(enumerate(start["content"]))
    blocks |= {part["index"]: part["content_block"] for part in parts if "content_block" in part}
    deltas = [(part.get("index"), part["delta"]) for part in parts if "delta" in part]
    texts = [block["text"] for block in blocks.values() if block["type"] == "text"]
    texts += [delta["text"] for _, delta in deltas if "text" in delta]
    arguments = {
        index: "".join(delta.get("partial_json", "") for at, delta in deltas if at == index)
        for index in blocks
    }
    usage: dict[str, Any] = dict(start["usage"])
    for part in parts:
        usage |= {name: count for name, count in (part.get("usage") or {}).items() if count is not None}
    cached = usage.get("cache_read_input_tokens") or 0
    reasons = [start.get("stop_reason"), *(delta.get("stop_reason") for _, delta in deltas)]
    return Said(
        text="".join(texts),
        finish_reason=FINISH[next(reason for reason in reasons if reason)],
        tokens=Tokens(
            usage["input_tokens"] + cached + (usage.get("cache_creation_input_tokens") or 0),
            usage["output_tokens"],
            cached,
            (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0),
        ),
        model=start["model"],
        answer_id=start["id"],
        calls=[
            (block["name"], json.loads(arguments[index]) if arguments[index] else block["input"])
            for index, block in blocks.items()
            if block["type"] == "tool_use"
        ],
    )


def said_in_generate(parts: list[dict[str, Any]]) -> Said:
    """Google: one answer, or the chunks of its stream."""
    candidates = [candidate for part in parts for candidate in part.get("candidates", [])]
    pieces = [piece for c in candidates for piece in c.get("content", {}).get("parts", [])]
    calls = [piece["functionCall"] for piece in pieces if "functionCall" in piece]
    reason = FINISH[next(c["finishReason"] for c in reversed(candidates) if "finishReason" in c)]
    usage = next(part["usageMetadata"] for part in reversed(parts) if "usageMetadata" in part)
    sent = usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
    return Said(
        text="".join(piece.get("text", "") for piece in pieces if not piece.get("thought")),
        finish_reason=FinishReason.TOOL_CALLS if calls and reason is FinishReason.STOP else reason,
        tokens=Tokens(
            sent,
            usage["totalTokenCount"] - sent,
            usage.get("cachedContentTokenCount", 0),
            usage.get("thoughtsTokenCount", 0),
        ),
        model=parts[-1]["modelVersion"],
        answer_id=parts[-1]["responseId"],
        calls=[(call["name"], call.get("args", {})) for call in calls],
    )


def said_in_responses(parts: list[dict[str, Any]]) -> Said:
    """OpenAI's Responses: one response, or the events of its stream, which ends with the whole."""
    whole = parts[-1].get("response", parts[-1])
    done = [part["item"] for part in parts if part.get("type") == "response.output_item.done"]
    items = done or whole["output"]
    content = [piece for item in items for piece in item.get("content") or []]
    calls = [item for item in items if item["type"] == "function_call"]
    reason = FINISH[(whole.get("incomplete_details") or {}).get("reason", whole["status"])]
    usage = whole["usage"]
    return Said(
        text="".join(piece["text"] for piece in content if piece["type"] == "output_text"),
        finish_reason=FinishReason.TOOL_CALLS if calls and reason is FinishReason.STOP else reason,
        tokens=Tokens(
            usage["input_tokens"],
            usage["total_tokens"] - usage["input_tokens"],
            usage["input_tokens_details"]["cached_tokens"],
            usage["output_tokens_details"]["reasoning_tokens"],
        ),
        model=whole["model"],
        answer_id=whole["id"],
        calls=[(call["name"], json.loads(call["arguments"])) for call in calls],
    )


def said_in_chat(parts: list[dict[str, Any]]) -> Said:
    """Chat Completions: one completion, or the chunks of its stream."""
    choices = [choice for part in parts for choice in part["choices"]]
    messages = [choice.get("message") or choice.get("delta") or {} for choice in choices]
    refusal = "".join(message.get("refusal") or "" for message in messages)
    reason = FINISH[next(c["finish_reason"] for c in choices if c.get("finish_reason"))]
    pieces = [(n, call) for m in messages for n, call in enumerate(m.get("tool_calls") or [])]
    calls: dict[int, tuple[str, str]] = {}
    for position, call in pieces:
        index, function = call.get("index", position), call["function"]
        name, arguments = calls.get(index, ("", ""))
        calls[index] = (name + (function.get("name") or ""), arguments + function["arguments"])
    usage = next(part["usage"] for part in reversed(parts) if part.get("usage"))
    stated = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    unstated = usage["total_tokens"] - usage["prompt_tokens"] - usage["completion_tokens"]
    return Said(
        text="".join(message.get("content") or "" for message in messages) or refusal,
        finish_reason=FinishReason.REFUSAL if refusal else reason,
        tokens=Tokens(
            usage["prompt_tokens"],
            usage["total_tokens"] - usage["prompt_tokens"],
            (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
            stated + unstated,
        ),
        model=parts[0]["model"],
        answer_id=parts[0]["id"],
        calls=[(name, json.loads(arguments)) for name, arguments in calls.values()],
    )


SAID: dict[str, Callable[[list[dict[str, Any]]], Said]] = {
    "messages": said_in_messages,
    "generate": said_in_generate,
    "responses": said_in_responses,
    "chat": said_in_chat,
}


@cache
def load(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return record


@cache
def issues() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((FOLDER / f"{ISSUES}.json").read_text())
    return entries


def names(prefix: str) -> list[Any]:
    """Parameters of a test: the recordings, or one that is skipped where the folder is absent."""
    found = sorted(path.stem for path in FOLDER.glob(f"{prefix}*.json"))
    return found or [pytest.param("absent", marks=pytest.mark.skip(reason=ABSENT))]


def issue_names() -> list[Any]:
    """Parameters of a test: the errors that users reported, by their place in the file."""
    return [f"issue-{n}" for n in range(ISSUE_COUNT)] if FOLDER.exists() else names(ISSUES)


def why_skipped(record: Mapping[str, Any]) -> str | None:
    """Why a recording is none of a call that the adapters make."""
    if "batch" in record["url"]:
        return BATCH
    if (
        record["kind"] == "chat"
        and record["stream"]
        and b'"usage":{' not in content(record).replace(b" ", b"")
    ):
        return NO_USAGE
    return None


def content(record: Mapping[str, Any]) -> bytes:
    """The body as it came over the wire."""
    body = record["response_body"]
    if isinstance(body, list):
        # Streams of Google without `alt=sse` are one array; the SDK always asks for events.
        return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in body)
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if body.startswith("base64:"):
        return base64.b64decode(body.removeprefix("base64:"))
    if body.startswith(("ZXZlbnQ6", "ZGF0YTog", "eyJ")):
        return base64.b64decode(body)
    return body.encode()


def parts_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream, or the one body."""
    text = content(record).decode()
    if not record["stream"]:
        return [json.loads(text)]
    lines = (line.removeprefix("data:").strip() for line in text.split("\n") if line.startswith("data:"))
    return [json.loads(line) for line in lines if line != "[DONE]"]


def exchange(name: str) -> Exchange:
    """What the server answers below /name."""
    if name.startswith("issue-"):
        entry = issues()[int(name.removeprefix("issue-"))]
        return Exchange(
            entry["status"], {"content-type": "application/json"}, json.dumps(body_of(entry)).encode()
        )
    record = load(name)
    headers = record["response_headers"]
    if isinstance(record["response_body"], list):
        headers = {**headers, "content-type": "text/event-stream"}
    # An error has the vendor's form whatever was called; an answer must be one to the same call.
    call = (record["method"], unquote(urlsplit(record["url"]).path)) if record["status"] < 400 else None
    return Exchange(record["status"], headers, content(record), call)


def body_of(entry: Mapping[str, Any]) -> Any:
    """The body that a user reported; some reported the message alone."""
    if "body" in entry:
        return entry["body"]
    return {"error": {"message": entry["message_only"], "code": "rate_limit_exceeded"}}


def provider_of(record: Mapping[str, Any]) -> str:
    if record.get("kind") == "chat":
        return "openai_compatible"
    vendor: str = record["provider"]
    return {"gemini": "google", "vertex": "google"}.get(vendor, vendor)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with serve(exchange) as url:
        yield url


def opened(
    server: str, name: str, record: Mapping[str, Any], provider: str | None = None
) -> AbstractAsyncContextManager[ProviderAdapter]:
    provider = provider or provider_of(record)
    gemini_chat = provider == "openai_compatible" and record["provider"] == "gemini"
    prefix = PREFIXES["gemini_chat" if gemini_chat else provider]
    return open_adapter(ProviderCredential(provider, "key-0123456789", f"{server}/{name}{prefix}"))


async def answer(adapter: ProviderAdapter, model: str | None, *, streamed: bool) -> GenerateResult:
    request = GenerateRequest(model or "model", "Hello.")
    if not streamed:
        return await adapter.generate(request)
    events = [event async for event in adapter.stream(request)]
    final = events[-1]
    assert isinstance(final, GenerateResult)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) in {final.text, ""}
    assert final.finish_reason is FinishReason.REFUSAL or final.time_to_first_token_ms is not None
    return final


@pytest.mark.parametrize("name", names("ok_"))
async def test_recorded_answer_is_read(server: str, name: str) -> None:
    record = load(name)
    reason = why_skipped(record)
    if reason:
        pytest.skip(reason)
    async with opened(server, name, record) as adapter:
        result = await answer(adapter, record["model"], streamed=record["stream"])
    said = SAID[record["kind"]](parts_of(record))
    assert_is_as_named(said, name)
    assert result.text == said.text
    assert result.finish_reason is said.finish_reason
    assert result.served_model == said.model
    assert result.request_id == (_request_id(record["response_headers"]) or said.answer_id)
    assert [(call.name, call.arguments) for call in result.tool_calls] == said.calls
    assert result.rate_limit == rate_limit_in(record)
    assert tokens_of(result) == said.tokens


def assert_is_as_named(said: Said, name: str) -> None:
    """What this module reads is what the recording was collected for."""
    assert said.text or said.calls or said.tokens.output < 10
    assert (said.finish_reason is FinishReason.REFUSAL) is ("refusal" in name)
    assert (said.finish_reason is FinishReason.LENGTH) is ("truncated" in name)
    if "structured" in name:
        json.loads(said.text)


def tokens_of(result: GenerateResult) -> Tokens:
    usage = result.usage
    return Tokens(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.reasoning_tokens)


def _request_id(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-request-id") or headers.get("request-id")


def rate_limit_in(record: Mapping[str, Any]) -> RateLimitState:
    """What the recorded headers say is left."""
    form = RATE_HEADERS.get(record["provider"], "")
    counts = {
        f"{what}_{which}": record["response_headers"].get(form.format(what, which))
        for what in ("requests", "tokens")
        for which in ("limit", "remaining")
    }
    return RateLimitState(**{field: int(text) for field, text in counts.items() if text})


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", names("error_"))
async def test_recorded_error_is_mapped(server: str, name: str, streamed: bool) -> None:
    record = load(name)
    async with opened(server, name, record) as adapter:
        with pytest.raises(ProviderError) as caught:
            await answer(adapter, record["model"], streamed=streamed)
    body = record["response_body"]
    assert type(caught.value) is NOT_BY_STATUS.get(name, BY_STATUS[record["status"]])
    assert caught.value.request_id == (_request_id(record["response_headers"]) or request_id_in(body))
    assert_failure(caught.value, record["status"], body, record["response_headers"])


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", issue_names())
async def test_error_that_users_reported_is_mapped(server: str, name: str, streamed: bool) -> None:
    entry = issues()[int(name.removeprefix("issue-"))]
    async with opened(server, name, entry) as adapter:
        with pytest.raises(ProviderError) as caught:
            await answer(adapter, None, streamed=streamed)
    body = body_of(entry)
    exhausted = any(word in json.dumps(body) for word in NO_QUOTA_LEFT)
    assert type(caught.value) is (QuotaExhausted if exhausted else BY_STATUS[entry["status"]])
    assert caught.value.request_id == request_id_in(body)
    assert_failure(caught.value, entry["status"], body, {})


def request_id_in(body: Any) -> str | None:
    """Anthropic and Clarifai name the call in the body of an error."""
    if not isinstance(body, dict):
        return None
    status = body.get("status")
    found: str | None = status.get("req_id") if isinstance(status, dict) else body.get("request_id")
    return found


def assert_failure(error: ProviderError, status: int, body: Any, headers: Mapping[str, str]) -> None:
    """The error carries the vendor's status, its words and the wait that it asks for."""
    assert error.status == status
    if isinstance(body, dict):
        words = body["error"]["message"] if "error" in body else body["status"]["description"]
        assert str(error).startswith(" ".join(words.split())[:200])
    if isinstance(error, RateLimited):
        assert error.retry_after_s == pytest.approx(wait_in(body, headers))


def wait_in(body: Any, headers: Mapping[str, str]) -> float | None:
    """Seconds that a rate limit asks to wait: in a field of Google's, a header, or OpenAI's words."""
    text = json.dumps(body)
    field = re.search(r'"retryDelay": "(\d+)s"', text)
    if field:
        return float(field[1])
    if "retry-after" in headers:
        return float(headers["retry-after"])
    words = re.search(r"try again in ([\d.]+)(ms|s)\b", text)
    return float(words[1]) / {"ms": 1000, "s": 1}[words[2]] if words else None


@pytest.mark.parametrize("name", names("list_models_"))
async def test_recorded_list_is_read(server: str, name: str) -> None:
    record = load(name)
    async with opened(server, name, record) as adapter:
        models = await adapter.list_models()
    assert_listed(models, record["response_body"])
    if record["provider"] == "anthropic":
        assert all(model.context_window_tokens and model.capabilities for model in models)


@pytest.mark.parametrize("name", names("list_models_openai"))
async def test_recorded_list_is_read_as_that_of_a_copy(server: str, name: str) -> None:
    record = load(name)
    async with opened(server, name, record, "openai_compatible") as adapter:
        models = await adapter.list_models()
    assert_listed(models, record["response_body"])


def assert_listed(models: list[ListedModel], body: Mapping[str, Any]) -> None:
    """Every model of the recorded list, in its order, with what it says of each."""
    entries = body.get("data") or body["models"]
    ids = [(entry.get("id") or entry["name"]).removeprefix("models/") for entry in entries]
    assert [model.model_id for model in models] == ids
    shown = [entry.get("display_name") or entry.get("displayName") for entry in entries]
    assert [model.display_name for model in models] == shown
    windows = [entry.get("max_input_tokens") or entry.get("inputTokenLimit") for entry in entries]
    assert [model.context_window_tokens for model in models] == windows


def test_every_recording_is_read_or_skipped_with_a_reason() -> None:
    if not FOLDER.exists():
        pytest.skip(ABSENT)
    files = sorted(path.stem for path in FOLDER.glob("*.json"))
    strangers = [name for name in files if not name.startswith(("ok_", "error_", "list_models_", ISSUES))]
    skipped = Counter(filter(None, (why_skipped(load(name)) for name in files if name.startswith("ok_"))))
    read = len(files) - skipped.total()
    print(f"{read} of {len(files)} files read; skipped: {dict(skipped)}")
    assert strangers == []
    assert all(count <= MOST_SKIPPED[reason] for reason, count in skipped.items()), skipped
    assert read >= FEWEST_READ
    assert len(issues()) == ISSUE_COUNT
