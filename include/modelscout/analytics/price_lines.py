"""Prices JSON lines of {provider, model, usage, at}: each line comes back with its price, known or not."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelscout.catalog.loader import Catalog, load_catalog
from modelscout.core.clock import parse_time
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing
from modelscout.costs.payload_facts import billed_apart, stated_processing
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import PricedCall, price_usage
from modelscout.costs.usage import normalise_usage

APIS = {"anthropic": "messages", "google": "generate_content", "clarifai": "outputs"}


@dataclass(frozen=True, slots=True)
class PriceList:
    """The catalog and its prices, ready for look-ups."""

    catalog: Catalog
    rows: Mapping[tuple[str, str], list[PriceRow]]

    @classmethod
    def load(cls) -> PriceList:
        """From the catalog and the price book."""
        catalog = load_catalog()
        rows: dict[tuple[str, str], list[PriceRow]] = defaultdict(list)
        for row in price_rows(catalog.models):
            rows[str(row.provider), row.model_id].append(row)
        return cls(catalog, rows)

    def of(self, provider: str, model: str) -> list[PriceRow]:
        """Price rows of a model by any of its names; empty where nobody knows it."""
        known = self.catalog.resolve(provider, model)
        return self.rows.get((provider, known.model_id if known else model), [])


def price_lines(lines: Iterable[str], *, default_at: datetime) -> Iterator[dict[str, Any]]:
    """Each input line plus `cost_usd` (a decimal, None where unknown), `price_source`, `estimated`, tokens.

    A line that cannot be read is repeated with `error`, so that no line disappears. `processing` is the line's,
    else what the usage object states, else standard. A call with something that is billed apart from its
    tokens (audio, web searches) has no cost and says why.
    """
    prices = _price_list()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = _entry(line)
            yield _priced(entry, prices, default_at)
        except ConfigurationError as error:
            yield {"line": number, "input": line.rstrip("\n"), "cost_usd": None, "error": str(error)}


@functools.lru_cache(maxsize=1)
def _price_list() -> PriceList:
    # Neither the catalog nor the price book changes while a process runs.
    return PriceList.load()


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"not JSON: {error}") from None
    if not isinstance(entry, dict):
        raise ConfigurationError("a line must be an object with provider, model, usage and at")
    for name, kind in (("provider", str), ("model", str), ("usage", dict)):
        if not isinstance(entry.get(name), kind):
            raise ConfigurationError(
                f"{name} is missing or no {kind.__name__}: give provider, model, usage and at"
            )
    return entry


def _priced(entry: dict[str, Any], prices: PriceList, default_at: datetime) -> dict[str, Any]:
    provider, usage = entry["provider"], entry["usage"]
    try:
        tokens = normalise_usage(provider, _api(provider, usage), usage)
        processing = _processing(entry)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"usage cannot be read: {error}") from None
    at = parse_time(str(entry["at"]), field="at") if entry.get("at") else default_at
    call = price_usage(tokens, prices.of(provider, entry["model"]), at=at, processing=processing)
    apart = billed_apart(usage)
    if apart:
        # A sum without them would be too low, and nobody would see it.
        reason = f"billed apart and not priced here: {', '.join(apart)}"
        call = PricedCall(None, call.price, estimated=call.estimated, reason=reason)
    return entry | {
        "cost_usd": call.cost_usd,
        "price_source": call.price.source if call.price else None,
        "estimated": call.estimated,
        "reason": call.reason,
        "processing": processing.value,
        "input_tokens": tokens.input_tokens,
        "output_tokens": tokens.output_tokens,
        "cache_read_tokens": tokens.cache_read_tokens,
        "cache_write_tokens": tokens.cache_write_tokens,
    }


def _processing(entry: Mapping[str, Any]) -> Processing:
    """What the line says, else what the vendor's usage object says, else standard."""
    if entry.get("processing") is not None:
        return Processing(entry["processing"])
    return stated_processing(entry["provider"], entry["usage"]) or Processing.STANDARD


def _api(provider: str, usage: Mapping[str, Any]) -> str:
    if provider in APIS:
        return APIS[provider]
    return "chat" if "prompt_tokens" in usage else "responses"
