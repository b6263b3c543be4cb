"""LiteLLM's spend logs as usage events: rows of `LiteLLM_SpendLogs` from its API, its database or a CSV export.

`prompt_tokens` include cached ones there, as here. An answer from LiteLLM's own cache is no call of a provider and is
passed over. Messages, responses and keys are never kept. Costs are not taken over: events are priced here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from modelscout.usage.events import Unfit
from modelscout.usage.mapping import hashed
from modelscout.usage.otel import provider_named

_KEPT = (
    "request_id", "call_type", "startTime", "endTime", "completionStartTime", "model", "model_group",
    "custom_llm_provider", "prompt_tokens", "completion_tokens", "total_tokens", "cache_hit", "status", "team_id",
    "organization_id", "agent_id", "request_tags", "request_duration_ms",
)  # fmt: skip
_USERS = ("end_user", "user")
_FEATURE_TAG = "feature:"


def flat(row: Mapping[str, Any], *, salt: str) -> dict[str, Any]:
    """What is kept of a row: what the columns are made of, users as hashes."""
    metadata = _object(row.get("metadata"))
    usage = _object(metadata.get("usage_object")) | _object(metadata.get("additional_usage_values"))
    error = _object(metadata.get("error_information"))
    user = next((row[name] for name in _USERS if row.get(name)), None)
    return {name: row[name] for name in _KEPT if row.get(name) is not None} | {
        "usage": _numbers(usage),
        "status": row.get("status") or metadata.get("status"),
        "error_class": error.get("error_class"),
        "attempted_retries": metadata.get("attempted_retries"),
        "feature": _feature(row, metadata),
        "user_hash": hashed(user, salt),
    }


def event_fields(source: Mapping[str, Any]) -> dict[str, Any] | None:
    """A flat row as columns of ours; None for an answer from LiteLLM's own cache. Raises Unfit."""
    if str(source.get("cache_hit", "")).strip().lower() == "true":
        return None
    usage = _object(source.get("usage"))
    details, written = (
        _object(usage.get("prompt_tokens_details")),
        _object(usage.get("completion_tokens_details")),
    )
    start, end = _moment(source, "startTime"), _moment(source, "endTime")
    first = _moment(source, "completionStartTime")
    failed = str(source.get("status") or "").lower() in ("failure", "error")
    provider = source.get("custom_llm_provider")
    return {
        "feature_id": source.get("feature"),
        "provider": provider_named(provider),
        "requested_model": _model(source, provider),
        "request_id": source.get("request_id"),
        "occurred_at": start,
        "input_tokens": _required(source, "prompt_tokens", failed),
        "output_tokens": _required(source, "completion_tokens", failed),
        "cache_read_tokens": usage.get("cache_read_input_tokens") or details.get("cached_tokens"),
        "cache_write_tokens": usage.get("cache_creation_input_tokens")
        or details.get("cache_creation_tokens")
        # The name of OpenAI and OpenRouter.
        or details.get("cache_write_tokens"),
        "reasoning_tokens": written.get("reasoning_tokens"),
        "image_tokens": details.get("image_tokens"),
        "duration_ms": _between(start, end),
        # Without a stream the first token is there when the last one is.
        "time_to_first_token_ms": None if first == end else _between(start, first),
        "error_type": (source.get("error_class") or "error") if failed else None,
        "user_hash": source.get("user_hash"),
    }


def _model(source: Mapping[str, Any], provider: Any) -> Any:
    model = source.get("model") or source.get("model_group")
    return model.removeprefix(f"{provider}/") if isinstance(model, str) else model


def _required(source: Mapping[str, Any], name: str, failed: bool) -> Any:
    value = source.get(name)
    if value in (None, "") and not failed:
        raise Unfit(f"{name} is missing", "a call without a count must not become a free one: export it")
    return None if value == "" else value


def _moment(source: Mapping[str, Any], name: str) -> datetime | None:
    value = source.get(name)
    if value in (None, ""):
        return None
    try:
        moment = datetime.fromisoformat(str(value).strip())
        # Its database keeps UTC without saying so.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unfit(f"{name} is {str(value)[:60]!r}, not a time", "write it as ISO 8601") from None


def _between(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else round((end - start) / timedelta(milliseconds=1))


def _feature(row: Mapping[str, Any], metadata: Mapping[str, Any]) -> str | None:
    """From a tag `feature:chat` of the request, or `feature_id` in what the application logs with it."""
    own = _object(metadata.get("spend_logs_metadata")).get("feature_id")
    if isinstance(own, str):
        return own
    for tag in _tags(row.get("request_tags")):
        if isinstance(tag, str) and tag.startswith(_FEATURE_TAG):
            return tag.removeprefix(_FEATURE_TAG)
    return None


def _tags(value: Any) -> Iterable[Any]:
    found = _parsed(value)
    return found if isinstance(found, list) else ()


def _object(value: Any) -> dict[str, Any]:
    found = _parsed(value)
    return found if isinstance(found, dict) else {}


def _parsed(value: Any) -> Any:
    """A CSV export holds JSON as text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _numbers(usage: Mapping[str, Any]) -> dict[str, Any]:
    """The counts of a usage object, those inside of it too; nothing else."""
    return {
        name: _numbers(value) if isinstance(value, dict) else value
        for name, value in usage.items()
        if isinstance(value, dict | int | float)
    }
