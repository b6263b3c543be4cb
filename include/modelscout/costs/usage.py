"""One reading of every vendor's usage object, so that token counts mean the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelscout.core.types import TokenUsage

_AS_IMAGES = frozenset({"IMAGE", "DOCUMENT"})
"""Google's modalities that are counted as images: it reads the pages of a document as pictures."""
_USAGE_KEYS = ("usage", "usageMetadata", "usage_metadata")


def normalise_usage(provider: str, api: str, payload: Mapping[str, Any]) -> TokenUsage:
    """Token counts of one answer in the terms of `TokenUsage`.

    `api` names the wire format: `responses` and `chat` (OpenAI and compatible), `messages` (Anthropic),
    `generate_content` (Google) or `outputs` (Clarifai). `payload` is the whole answer or its usage object.

    Raises ValueError, naming provider and format, for an unknown `api`, an answer without usage or a count
    that is not a whole number: a missing count must not turn into a free call.
    """
    reader = _READERS.get(api)
    if reader is None:
        raise ValueError(f"{provider}: api={api!r} is unknown: use one of {', '.join(sorted(_READERS))}")
    try:
        return reader(payload if api == "outputs" else _usage_object(payload))
    except ValueError as error:
        raise ValueError(f"{provider} {api}: {error}") from None


def _usage_object(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in _USAGE_KEYS:
        if key in payload:
            usage = payload[key]
            if not isinstance(usage, Mapping) or not usage:
                raise ValueError(f"{key} is {usage!r}, not a usage object")
            return usage
    return payload


def _responses(usage: Mapping[str, Any]) -> TokenUsage:
    details = _object(usage, "input_tokens_details")
    return TokenUsage(
        input_tokens=_count(usage, "input_tokens", required=True),
        output_tokens=_count(usage, "output_tokens", required=True),
        cache_read_tokens=_count(details, "cached_tokens"),
        cache_write_tokens=_count(details, "cache_write_tokens"),
        cache_write_1h_tokens=_count(_object(details, "cache_write_tokens_details"), "ttl_12h_tokens"),
        reasoning_tokens=_count(_object(usage, "output_tokens_details"), "reasoning_tokens"),
        image_tokens=_count(details, "image_tokens"),
    )


def _chat(usage: Mapping[str, Any]) -> TokenUsage:
    details = _object(usage, "prompt_tokens_details")
    read, written = _count(usage, "prompt_tokens", required=True), _count(usage, "completion_tokens")
    # Google's copy of this API counts thoughts in the total alone; they are billed as output all the same.
    unstated = max(0, _count(usage, "total_tokens") - read - written)
    return TokenUsage(
        input_tokens=read,
        output_tokens=written + unstated,
        cache_read_tokens=_count(details, "cached_tokens"),
        cache_write_tokens=_count(details, "cache_write_tokens"),
        cache_write_1h_tokens=_count(_object(details, "cache_write_tokens_details"), "ttl_12h_tokens"),
        reasoning_tokens=_count(_object(usage, "completion_tokens_details"), "reasoning_tokens") + unstated,
        image_tokens=_count(details, "image_tokens"),
    )


def _messages(usage: Mapping[str, Any]) -> TokenUsage:
    written = _object(usage, "cache_creation")
    written_1h = _count(written, "ephemeral_1h_input_tokens")
    written_5m = _count(written, "ephemeral_5m_input_tokens")
    cache_write = max(_count(usage, "cache_creation_input_tokens"), written_5m + written_1h)
    cache_read = _count(usage, "cache_read_input_tokens")
    return TokenUsage(
        # Anthropic's input_tokens leave out what was read from or written to the cache.
        input_tokens=_count(usage, "input_tokens", required=True) + cache_read + cache_write,
        output_tokens=_count(usage, "output_tokens", required=True),
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
        cache_write_1h_tokens=written_1h,
        reasoning_tokens=_count(_object(usage, "output_tokens_details"), "thinking_tokens"),
    )


def _generate_content(usage: Mapping[str, Any]) -> TokenUsage:
    thoughts = _google(usage, "thoughtsTokenCount")
    return TokenUsage(
        # What Google's own tools fed back to the model is billed as input but counted apart.
        input_tokens=_google(usage, "promptTokenCount", required=True)
        + _google(usage, "toolUsePromptTokenCount"),
        # candidatesTokenCount leaves out the thoughts, which are billed as output.
        output_tokens=_google(usage, "candidatesTokenCount") + thoughts,
        cache_read_tokens=_google(usage, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
        image_tokens=sum(_image_counts(usage)),
    )


def _outputs(payload: Mapping[str, Any]) -> TokenUsage:
    outputs = payload.get("outputs")
    if not isinstance(outputs, list) or not outputs:
        raise ValueError("the answer holds no outputs")
    total = TokenUsage()
    for output in outputs:
        data = _object(_object(output, "input"), "data")
        total += TokenUsage(
            input_tokens=_count(output, "prompt_tokens"),
            output_tokens=_count(output, "completion_tokens"),
            cache_read_tokens=_count(output, "cached_tokens"),
            image_count=1 if data.get("image") else 0,
            operations=1,
        )
    return total


def _image_counts(usage: Mapping[str, Any]) -> Iterable[int]:
    details = usage.get("promptTokensDetails", usage.get("prompt_tokens_details"))
    for entry in details if isinstance(details, list) else ():
        if isinstance(entry, Mapping) and str(entry.get("modality", "")).upper() in _AS_IMAGES:
            yield _google(entry, "tokenCount")


def _google(usage: Mapping[str, Any], name: str, *, required: bool = False) -> int:
    """Read a camelCase count that the SDK's own objects write in snake_case."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return _count(usage, snake if snake in usage else name, required=required)


def _object(parent: object, name: str) -> Mapping[str, Any]:
    value = parent.get(name) if isinstance(parent, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _count(parent: Mapping[str, Any], name: str, *, required: bool = False) -> int:
    value = parent.get(name)
    if value is None:
        if required:
            raise ValueError(f"the usage object has no {name}")
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 0:
        raise ValueError(f"{name}={value!r} is not a count")
    return int(value)


_READERS = {
    "responses": _responses,
    "chat": _chat,
    "messages": _messages,
    "generate_content": _generate_content,
    "outputs": _outputs,
}
