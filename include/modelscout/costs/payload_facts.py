"""What a usage object says beside its token counts: what is billed apart, and how the call was processed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelscout.core.types import Processing, Provider

_TOKEN_DETAILS = (
    "input_tokens_details",
    "prompt_tokens_details",
    "output_tokens_details",
    "completion_tokens_details",
)
_INPUT_MODALITIES = ("promptTokensDetails", "toolUsePromptTokensDetails", "cacheTokensDetails")
_OUTPUT_MODALITIES = ("candidatesTokensDetails",)
_ANTHROPIC_TIERS = {"batch": Processing.BATCH}
_OPENAI_TIERS = {"flex": Processing.FLEX, "priority": Processing.PRIORITY, "batch": Processing.BATCH}
_GOOGLE_TRAFFIC = {"ON_DEMAND_FLEX": Processing.FLEX, "ON_DEMAND_PRIORITY": Processing.PRIORITY}


def billed_apart(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of what `payload` counts and `TokenUsage` cannot tell from plain tokens, such as audio.

    Each has a price of its own (Gemini's audio input costs up to seven times its text), so that a call with
    any of them has no cost that could be worked out from its token counts. Empty for the usual call.

    Args:
        payload: the usage object of any vendor, or the whole answer that holds it.
    """
    usage = _usage_object(payload)
    return tuple(dict.fromkeys(_apart(usage)))


def stated_processing(provider: str, payload: Mapping[str, Any]) -> Processing | None:
    """How the vendor says that it processed the call; None where it does not say or says the usual.

    Anthropic's `priority` tier is a commitment without a price per token and stays standard; its `speed` of
    `fast` is what it bills as priority.
    """
    usage = _usage_object(payload)
    tier = str(usage.get("service_tier") or payload.get("service_tier") or "")
    if provider == Provider.ANTHROPIC:
        return Processing.PRIORITY if usage.get("speed") == "fast" else _ANTHROPIC_TIERS.get(tier)
    if provider == Provider.OPENAI:
        return _OPENAI_TIERS.get(tier)
    if provider == Provider.GOOGLE:
        return _GOOGLE_TRAFFIC.get(str(_either(usage, "trafficType") or ""))
    return None


def _apart(usage: Mapping[str, Any]) -> Iterator[str]:
    for name in _TOKEN_DETAILS:
        if _positive(_mapping(usage.get(name)).get("audio_tokens")):
            yield "audio tokens"
    for name in _INPUT_MODALITIES:
        if "AUDIO" in _modalities(_either(usage, name)):
            yield "audio tokens"
    for name in _OUTPUT_MODALITIES:
        for modality in _modalities(_either(usage, name)):
            if modality in ("AUDIO", "IMAGE"):
                yield f"{modality.lower()} output tokens"
    if _positive(_mapping(usage.get("server_tool_use")).get("web_search_requests")):
        yield "web searches"


def _usage_object(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("usage", "usageMetadata", "usage_metadata"):
        if isinstance(payload.get(name), Mapping):
            return _mapping(payload[name])
    return payload


def _modalities(details: object) -> Iterator[str]:
    for entry in details if isinstance(details, list) else ():
        if isinstance(entry, Mapping) and _positive(_either(entry, "tokenCount")):
            yield str(entry.get("modality", "")).upper()


def _either(usage: Mapping[str, Any], name: str) -> object:
    """A field of Google, which its SDK's own objects write in snake_case."""
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return usage.get(name, usage.get(snake))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
