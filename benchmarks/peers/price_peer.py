"""Prices calls with another library, in that library's own environment: `python price_peer.py PEER CALLS ANSWERS`.

CALLS holds one JSON array a line: provider, model, processing, seconds since 1970, input, output, cache read,
cache write and one-hour cache write tokens. ANSWERS gets the same number of lines, an amount in USD as the library
gives it or `!` and the name of its error; then one line of JSON with the seconds that the calls alone took.
Imports nothing of Modelscout.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Call = list[Any]


def genai_prices() -> Callable[[Call], object]:
    from genai_prices import Usage, calc_price

    contexts = {
        "batch": {"processing": "batch"},
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
    }

    def price(call: Call) -> object:
        provider, model, processing, at, read, out, cached, written, written_1h = call
        context = contexts.get(processing)
        if context is not None and processing == "priority" and provider == "anthropic":
            context = {"speed": "fast"}
        usage = Usage(
            input_tokens=read,
            output_tokens=out,
            cache_read_tokens=cached or None,
            cache_write_tokens=written or None,
            cache_write_1h_tokens=written_1h or None,
        )
        return calc_price(
            usage,
            model,
            provider_id=provider,
            genai_request_timestamp=datetime.fromtimestamp(at, UTC),
            price_context=context,
        ).total_price

    return price


def litellm() -> Callable[[Call], object]:
    # Without it the import fetches a newer price list.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from litellm import cost_per_token
    from litellm.types.utils import CacheCreationTokenDetails, PromptTokensDetailsWrapper, Usage

    providers = {"google": "gemini"}

    def usage_of(call: Call) -> Usage:
        _, _, _, _, read, out, cached, written, written_1h = call
        details = PromptTokensDetailsWrapper(
            cached_tokens=cached,
            cache_creation_tokens=written,
            cache_creation_token_details=CacheCreationTokenDetails(
                ephemeral_5m_input_tokens=written - written_1h, ephemeral_1h_input_tokens=written_1h
            ),
        )
        fast = {"speed": "fast"} if call[0] == "anthropic" and call[2] == "priority" else {}
        return Usage(
            **fast,
            prompt_tokens=read,
            completion_tokens=out,
            total_tokens=read + out,
            prompt_tokens_details=details,
            cache_read_input_tokens=cached,
            cache_creation_input_tokens=written,
        )

    def price(call: Call) -> object:
        provider, model, processing, _, read, out, cached, written, _ = call
        more: dict[str, Any] = {}
        if processing == "batch":
            more["call_type"] = "retrieve_batch"
        elif processing != "standard" and (provider, processing) != ("anthropic", "priority"):
            more["service_tier"] = processing
        if cached or written or (processing == "priority" and provider == "anthropic"):
            more["usage_object"] = usage_of(call)
        into, out_of = cost_per_token(
            model=model,
            prompt_tokens=read,
            completion_tokens=out,
            custom_llm_provider=providers.get(provider, provider),
            **more,
        )
        return repr(into + out_of)

    return price


PEERS = {"genai_prices": genai_prices, "litellm": litellm}


def main() -> int:
    peer, calls_file, answers_file = sys.argv[1:4]
    price = PEERS[peer]()
    calls: list[Call] = [json.loads(line) for line in Path(calls_file).read_text().splitlines()]
    answers: list[object] = []
    # The first call of each library reads its price list, which is no part of pricing.
    with contextlib.suppress(Exception):
        price(calls[0])
    began = time.perf_counter()
    for call in calls:
        try:
            answers.append(price(call))
        except Exception as error:  # noqa: BLE001, PERF203
            answers.append("!" + type(error).__name__)
    seconds = time.perf_counter() - began
    with Path(answers_file).open("w") as file:
        file.writelines(f"{answer}\n" for answer in answers)
        file.write(json.dumps({"seconds": seconds, "calls": len(calls)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
