"""Recorded usage objects of OpenAI's chat API, as LiteLLM keeps them in its spend logs, give the expected counts.

LiteLLM brings every vendor's counts into this form before it logs them, so that of the set only the payloads that have
it already say something about the importer. OpenTelemetry's attributes are made by the instrumentations: no payload
stands in a span.
The payloads are `pydantic/genai-prices tests/dataset @47df840` (MIT), which is not part of this project.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modelscout.usage.events import COLUMNS
from modelscout.usage.litellm import event_fields, flat

PAYLOADS = Path(__file__).parents[4] / "shared/data/usage_payloads/usages.json"
COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def chat_payloads() -> list[tuple[int, str, dict[str, Any], dict[str, int]]]:
    """Number, model, usage object and expected counts."""
    found = []
    for number, entry in enumerate(json.loads(PAYLOADS.read_text(encoding="utf-8"))):
        usage = entry["body"].get("usage") or {}
        for extracted in entry["extracted"]:
            flavors = {(r["provider_id"], r["api_flavor"]) for r in extracted["extractors"]}
            if ("openai", "chat") in flavors and "prompt_tokens" in usage:
                found.append((number, entry.get("model") or "", usage, extracted["usage"]))
    return found


def spend_log(model: str, usage: dict[str, Any]) -> dict[str, Any]:
    """A row of LiteLLM_SpendLogs about a call with this usage."""
    return {
        "request_id": "r", "call_type": "acompletion", "startTime": "2026-11-23T10:00:00", "model": model,
        "endTime": "2026-11-23T10:00:01", "custom_llm_provider": "openai", "status": "success",
        "prompt_tokens": usage["prompt_tokens"], "completion_tokens": usage.get("completion_tokens", 0),
        "metadata": json.dumps({"usage_object": usage}),
    }  # fmt: skip


@pytest.mark.skipif(not PAYLOADS.exists(), reason=f"no data at {PAYLOADS}")
def test_counts_of_recorded_payloads_are_those_expected() -> None:
    payloads = chat_payloads()
    assert len(payloads) > 100
    wrong = {}
    for number, model, usage, expected in payloads:
        fields = event_fields(flat(spend_log(model, usage), salt="s"))
        assert fields is not None
        assert set(fields) <= {*COLUMNS}
        counts = {name: fields.get(name) or 0 for name in COUNTS}
        if counts != {name: expected.get(name, 0) for name in COUNTS}:
            wrong[number] = (counts, expected, usage)
    assert wrong == {}
