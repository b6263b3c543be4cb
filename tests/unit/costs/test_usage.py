"""Token counts mean the same whoever reports them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelscout.core.types import TokenUsage
from modelscout.costs.usage import normalise_usage

RECORDED = Path("../shared/data/usage_payloads/usages.json")
API_OF_EXTRACTOR = {
    ("openai", "responses"): "responses",
    ("openai", "chat"): "chat",
    ("anthropic", "default"): "messages",
    ("google", "default"): "generate_content",
}


def test_openai_input_includes_the_cache_and_output_the_reasoning() -> None:
    usage = {
        "input_tokens": 1500,
        "input_tokens_details": {
            "cached_tokens": 1024,
            "cache_write_tokens": 400,
            "cache_write_tokens_details": {"ttl_30m_tokens": 300, "ttl_12h_tokens": 100},
        },
        "output_tokens": 90,
        "output_tokens_details": {"reasoning_tokens": 64},
        "total_tokens": 1590,
    }
    assert normalise_usage("openai", "responses", {"id": "r", "usage": usage}) == TokenUsage(
        input_tokens=1500,
        output_tokens=90,
        cache_read_tokens=1024,
        cache_write_tokens=400,
        cache_write_1h_tokens=100,
        reasoning_tokens=64,
    )


def test_chat_counts_images_cache_writes_and_reasoning() -> None:
    usage = {
        "prompt_tokens": 700,
        "completion_tokens": 50,
        "total_tokens": 750,
        "prompt_tokens_details": {"cached_tokens": 128, "cache_write_tokens": 64, "image_tokens": 308},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    assert normalise_usage("clarifai", "chat", usage) == TokenUsage(
        input_tokens=700,
        output_tokens=50,
        cache_read_tokens=128,
        cache_write_tokens=64,
        reasoning_tokens=20,
        image_tokens=308,
    )


def test_anthropic_input_gets_back_what_the_cache_took() -> None:
    usage = {
        "input_tokens": 10,
        "cache_read_input_tokens": 2000,
        "cache_creation_input_tokens": 700,
        "cache_creation": {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 15},
    }
    assert normalise_usage("anthropic", "messages", {"usage": usage}) == TokenUsage(
        input_tokens=2710,
        output_tokens=40,
        cache_read_tokens=2000,
        cache_write_tokens=700,
        cache_write_1h_tokens=200,
        reasoning_tokens=15,
    )


def test_anthropic_cache_writes_without_the_sum_are_not_lost() -> None:
    written = {"ephemeral_5m_input_tokens": 500, "ephemeral_1h_input_tokens": 200}
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation": written}
    assert normalise_usage("anthropic", "messages", usage).cache_write_tokens == 700


@pytest.mark.parametrize("snake_case", [False, True])
def test_google_output_gets_the_thoughts(snake_case: bool) -> None:
    usage: dict[str, Any] = {
        "promptTokenCount": 1300,
        "cachedContentTokenCount": 1024,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 55,
        "toolUsePromptTokenCount": 7,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 180},
            {"modality": "IMAGE", "tokenCount": 1120},
        ],
    }
    if snake_case:
        usage = {
            "prompt_token_count": 1300,
            "cached_content_token_count": 1024,
            "candidates_token_count": 20,
            "thoughts_token_count": 55,
            "tool_use_prompt_token_count": 7,
            "prompt_tokens_details": [{"modality": "IMAGE", "token_count": 1120}],
        }
    payload = {"usage_metadata" if snake_case else "usageMetadata": usage}
    assert normalise_usage("google", "generate_content", payload) == TokenUsage(
        input_tokens=1307,
        output_tokens=75,
        cache_read_tokens=1024,
        reasoning_tokens=55,
        image_tokens=1120,
    )


def test_clarifai_counts_one_operation_per_output() -> None:
    outputs = [
        {"input": {"data": {"image": {"url": "https://x.test/a.jpg"}}}, "data": {"concepts": []}},
        {"input": {"data": {"image": {"base64": "true"}}}, "prompt_tokens": 3, "completion_tokens": 4},
    ]
    assert normalise_usage("clarifai", "outputs", {"outputs": outputs}) == TokenUsage(
        input_tokens=3, output_tokens=4, image_count=2, operations=2
    )


@pytest.mark.parametrize(
    ("api", "payload", "message"),
    [
        ("completions", {}, "api='completions' is unknown: use one of chat"),
        ("responses", {"usage": None}, "usage is None, not a usage object"),
        ("responses", {"usage": {}}, "not a usage object"),
        ("responses", {"id": "r"}, "has no input_tokens"),
        ("messages", {"usage": {"input_tokens": 1}}, "has no output_tokens"),
        ("generate_content", {"usageMetadata": {"candidatesTokenCount": 3}}, "has no promptTokenCount"),
        ("responses", {"input_tokens": "7", "output_tokens": 1}, "input_tokens='7' is not a count"),
        ("responses", {"input_tokens": -7, "output_tokens": 1}, "input_tokens=-7 is not a count"),
        ("responses", {"input_tokens": 1.5, "output_tokens": 1}, "input_tokens=1.5 is not a count"),
        ("outputs", {"outputs": []}, "holds no outputs"),
    ],
)
def test_missing_or_wrong_counts_are_refused(api: str, payload: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        normalise_usage("someone", api, payload)
    assert message in str(caught.value)
    assert str(caught.value).startswith("someone")


TOTAL_HOLDS_THOUGHTS = {"completion_tokens": 12, "prompt_tokens": 35, "total_tokens": 109}
"""Google's copy of OpenAI's API: the payloads' own reading leaves the 62 thoughts out."""


def test_recorded_payloads_have_the_known_counts() -> None:
    """789 payloads and the counts that pydantic/genai-prices (MIT, @47df840) expects of them."""
    if not RECORDED.exists():
        pytest.skip(f"{RECORDED} is absent: it is public data that is not part of the repository")
    checked = 0
    for record in json.loads(RECORDED.read_text()):
        for expected in record["extracted"]:
            for extractor in expected["extractors"]:
                api = API_OF_EXTRACTOR.get((extractor["provider_id"], extractor["api_flavor"]))
                if api is None:
                    continue
                usage = normalise_usage(extractor["provider_id"], api, record["body"])
                wanted = _expected(expected["usage"])
                if record["body"].get("usage") == TOTAL_HOLDS_THOUGHTS:
                    wanted |= {"output_tokens": 74, "output_reasoning_tokens": 62}
                assert _counts(usage) == wanted, (api, record["body"])
                checked += 1
    assert checked == 906


def _counts(usage: TokenUsage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_reasoning_tokens": usage.reasoning_tokens,
        "input_image_tokens": usage.image_tokens,
    }


def _expected(usage: dict[str, int]) -> dict[str, int]:
    return {name: usage.get(name, 0) for name in _counts(TokenUsage())}
