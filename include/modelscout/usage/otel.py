"""OpenTelemetry spans of the GenAI conventions as usage events: the current names and those that came before.

Reads OTLP JSON (`resourceSpans`) and the spans that the Python SDK prints, one object each. Spans of agents, tools and
workflows repeat the tokens of the calls inside them and are passed over. What was asked and answered is never kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from modelscout.usage.events import Unfit
from modelscout.usage.mapping import EPOCH, hashed

CALLS = frozenset(
    {"chat", "text_completion", "generate_content", "embeddings", "completion", "embedding", "rerank"}
)
"""Operations that are calls of a model; others only contain them."""
PROVIDERS = {
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "gemini": "google",
    "vertex_ai": "google",
    "google": "google",
    "az.ai.openai": "azure",
    "azure.ai.openai": "azure",
}
"""Our names of providers; what is not here is taken as it stands, in small letters."""
_NAMES: dict[str, tuple[str, ...]] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.vendor", "llm.system", "llm.provider"),
    "requested_model": ("gen_ai.request.model", "llm.request.model", "llm.model_name", "gen_ai.response.model"),
    "served_model": ("gen_ai.response.model", "llm.response.model"),
    "input_tokens": (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
        "llm.usage.cache_read_input_tokens", "llm.token_count.prompt_details.cache_read",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens", "llm.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
    "image_tokens": ("gen_ai.usage.image.input_tokens",),
    "feature_id": ("modelscout.feature_id", "gen_ai.prompt.name", "gen_ai.workflow.name", "traceloop.workflow.name"),
    "item_key": ("modelscout.item_key",),
}  # fmt: skip
_TIERS = (
    "gen_ai.openai.response.service_tier", "openai.response.service_tier", "gen_ai.openai.request.service_tier",
    "openai.request.service_tier",
)  # fmt: skip
_FIRST_CHUNK_S = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
_KNOWN = {
    name for names in (*_NAMES.values(), _TIERS, _FIRST_CHUNK_S) for name in names
} | {"gen_ai.operation.name", "gen_ai.response.id", "gen_ai.output.type", "error.type", "llm.request.type"}  # fmt: skip
_USERS = ("enduser.id", "user.id", "enduser.pseudo.id", "session.user")
_CONTENT = re.compile(
    r"prompt|completion|message|content|input|output|text|question|answer|instruction|argument|result|query|document"
    r"|description|body|exception|stack",
    re.IGNORECASE,
)
MOST_KEPT_CHARACTERS = 200


def spans_of(document: Any) -> Iterator[dict[str, Any]]:
    """Every span of one JSON document, with its attributes and those of its resource flat. Raises Unfit."""
    if isinstance(document, dict) and "resourceSpans" in document:
        for resource_spans in _list(document, "resourceSpans"):
            resource = _attributes(_object(resource_spans.get("resource")).get("attributes"))
            scopes = "scopeSpans" if "scopeSpans" in resource_spans else "instrumentationLibrarySpans"
            for scope_spans in _list(resource_spans, scopes):
                for span in _list(scope_spans, "spans"):
                    yield {**span, "attributes": span.get("attributes"), "resource": resource}
    elif isinstance(document, dict) and "context" in document and "attributes" in document:
        resource = _object(_object(document.get("resource")).get("attributes"))
        yield {**document, "resource": resource}
    else:
        raise Unfit("this is neither OTLP JSON nor a span", "export the spans as OTLP JSON")


def flat(span: Mapping[str, Any], *, salt: str, wanted: Collection[str] = ()) -> dict[str, Any]:
    """What is kept of a span: ids, times, status and attributes under their names, nothing that was said.

    `wanted` are attributes that a mapping asks for by name; users are kept as hashes. Raises Unfit.
    """
    own = span.get("attributes")
    attributes = own if isinstance(own, dict) else _attributes(own)
    context = _object(span.get("context"))
    status = _object(span.get("status"))
    every = {**span["resource"], **attributes}
    return {
        **{name: value for name, value in every.items() if _may_be_kept(name, value, wanted)},
        "user_hash": hashed(next((every[name] for name in _USERS if every.get(name)), None), salt),
        "trace_id": span.get("traceId") or context.get("trace_id"),
        "span_id": span.get("spanId") or context.get("span_id"),
        "start": span.get("startTimeUnixNano") or span.get("start_time"),
        "end": span.get("endTimeUnixNano") or span.get("end_time"),
        "status": status.get("code") or status.get("status_code"),
    }


def event_fields(source: Mapping[str, Any]) -> dict[str, Any] | None:
    """A flat span as columns of ours; None where it is no call of a model. Raises Unfit."""
    if not _is_call(source):
        return None
    fields = {name: _first(source, names) for name, names in _NAMES.items()}
    start, end = _moment("start", source.get("start")), _moment("end", source.get("end"))
    failed = source.get("status") in (2, "STATUS_CODE_ERROR", "ERROR")
    fields["error_type"] = source.get("error.type") or ("error" if failed else None)
    if fields["error_type"] is None and fields["input_tokens"] is None and fields["output_tokens"] is None:
        raise Unfit(
            "the span has no token counts", "switch them on in the instrumentation, or name them in a mapping"
        )
    tier = _first(source, _TIERS)
    first_chunk_s = _first(source, _FIRST_CHUNK_S)
    return fields | {
        "provider": provider_named(fields["provider"]),
        "request_id": source.get("gen_ai.response.id") or _span_key(source),
        "occurred_at": start,
        "duration_ms": None if end is None or start is None else _milliseconds(end - start),
        "time_to_first_token_ms": None if first_chunk_s is None else _thousandfold(first_chunk_s),
        "processing": tier if tier in ("flex", "priority", "batch") else None,
        "user_hash": source.get("user_hash"),
    }


def provider_named(name: Any) -> Any:
    """Our name of a provider that others name."""
    if not isinstance(name, str):
        return name
    return PROVIDERS.get(name.lower(), name.lower())


def _is_call(source: Mapping[str, Any]) -> bool:
    operation = source.get("gen_ai.operation.name") or source.get("llm.request.type")
    kind = source.get("openinference.span.kind")
    if operation is not None:
        return str(operation).lower() in CALLS
    if kind is not None:
        return str(kind).upper() in ("LLM", "EMBEDDING")
    return "traceloop.span.kind" not in source and _first(source, _NAMES["requested_model"]) is not None


def _span_key(source: Mapping[str, Any]) -> str | None:
    trace, span = source.get("trace_id"), source.get("span_id")
    return f"{trace}:{span}" if isinstance(trace, str) and isinstance(span, str) and trace and span else None


def _first(source: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((source[name] for name in names if source.get(name) not in (None, "")), None)


def _moment(name: str, value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and not value.strip().isdecimal():
            moment = datetime.fromisoformat(value.strip())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return EPOCH + timedelta(microseconds=int(value) // 1_000)
    except (ValueError, OverflowError, TypeError):
        raise Unfit(f"the span's {name} is {str(value)[:60]!r}, not a time", "export nanoseconds") from None


def _milliseconds(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))


def _thousandfold(seconds: Any) -> int:
    try:
        return round(float(seconds) * 1_000)
    except (ValueError, OverflowError, TypeError):
        raise Unfit(f"the time to the first chunk is {str(seconds)[:60]!r}", "export seconds") from None


def _may_be_kept(name: str, value: Any, wanted: Collection[str]) -> bool:
    if name in _USERS:
        return False
    if name in _KNOWN or name in wanted:
        return not isinstance(value, str) or len(value) <= MOST_KEPT_CHARACTERS
    if isinstance(value, bool | int | float):
        return True
    return isinstance(value, str) and len(value) <= MOST_KEPT_CHARACTERS and not _CONTENT.search(name)


def _attributes(entries: Any) -> dict[str, Any]:
    """OTLP's list of {key, value: {stringValue: …}} as one object. Raises Unfit."""
    found: dict[str, Any] = {}
    for entry in entries if isinstance(entries, list) else ():
        key, value = (entry.get("key"), entry.get("value")) if isinstance(entry, dict) else (None, None)
        if not isinstance(key, str):
            raise Unfit("an attribute has no key", "export the spans as OTLP JSON")
        if key in found:
            raise Unfit(f"the attribute {key[:100]!r} stands twice", "export each attribute once")
        found[key] = _value(value)
    return found


def _value(value: Any) -> Any:
    """One typed value; lists and objects are left out, for they hold what was said."""
    if not isinstance(value, dict):
        return None
    for kind in ("stringValue", "boolValue", "doubleValue"):
        if kind in value:
            return value[kind]
    number = value.get("intValue")
    try:
        return int(number) if isinstance(number, str) else number
    except ValueError:
        return number


def _list(parent: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = parent.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise Unfit(f"{name} is not a list of objects", "export the spans as OTLP JSON")
    return found


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
