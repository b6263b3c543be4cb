"""Dated price rows of all models: from the library genai-prices, and from `data/overlay.yaml` what it lacks.

This is the only module that reads the library. Its data quotes tokens in USD per million.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

from modelscout.core.types import Processing
from modelscout.costs.overlay import load_overlay
from modelscout.costs.prices import SINCE_EVER, UNIT_PRICES, PriceRow

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

_UNITS = {
    "input_mtok": "input_usd_per_million_tokens",
    "output_mtok": "output_usd_per_million_tokens",
    "cache_read_mtok": "cache_read_usd_per_million_tokens",
    "cache_write_mtok": "cache_write_usd_per_million_tokens",
    "cache_write_1h_mtok": "cache_write_1h_usd_per_million_tokens",
}
_CONTEXTS: Mapping[Processing, Mapping[str, Mapping[str, str]]] = {
    Processing.BATCH: {
        "openai": {"processing": "batch"},
        "anthropic": {"processing": "batch"},
        "google": {"processing": "batch"},
    },
    Processing.FLEX: {"openai": {"service_tier": "flex"}, "google": {"service_tier": "flex"}},
    Processing.PRIORITY: {
        "openai": {"service_tier": "priority"},
        "google": {"service_tier": "priority"},
        # Anthropic sells speed as "fast mode"; its priority tier is a commitment without a price per token.
        "anthropic": {"speed": "fast"},
    },
}
BATCH_DISCOUNT = Decimal("0.5")
"""OpenAI, Anthropic and Google each bill batch at half the standard price (their price pages)."""
BATCH_PROVIDERS = frozenset({"openai", "anthropic", "google"})


class PricedModel(Protocol):
    """What a price needs to know of a model; `catalog.models.CatalogModel` has it."""

    @property
    def provider(self) -> str:
        """Such as `openai`."""

    @property
    def model_id(self) -> str:
        """The vendor's id."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other ids of the same model."""


def price_rows(catalog_models: Iterable[PricedModel]) -> list[PriceRow]:
    """Every known price of these models, past, present and scheduled, sorted by model and date.

    A model in the overlay takes its prices from there alone; a model that no source prices has no row. Where
    a vendor has batch but no batch price is listed, half the standard price stands as `estimated`.
    """
    overlay = load_overlay()
    library = _library_models()
    rows: list[PriceRow] = []
    for model in catalog_models:
        provider = str(model.provider)
        own = [row for row in overlay if (row.provider, row.model_id) == (provider, model.model_id)]
        if not own:
            info = next(
                (library[provider, n] for n in (model.model_id, *model.aliases) if (provider, n) in library),
                None,
            )
            own = list(_rows_of(provider, model.model_id, info)) if info is not None else []
        rows += own
        rows += _estimated_batch(own)
    return sorted(rows, key=_order)


def _order(row: PriceRow) -> tuple[str, str, str, datetime, int]:
    return (row.provider, row.model_id, row.processing.value, row.valid_from, row.above_input_tokens)


@functools.cache
def _library_version() -> str:
    """Read once: finding it reads the package's files."""
    return version("genai-prices")


def _library_models() -> dict[tuple[str, str], ModelInfo]:
    # Loading takes half a second and reads its own bundled data; never over the network.
    from genai_prices.data_snapshot import get_snapshot

    wanted = {"openai", "anthropic", "google"}
    return {(p.id, m.id): m for p in get_snapshot().providers if p.id in wanted for m in p.models}


def _rows_of(provider: str, model_id: str, info: ModelInfo) -> Iterator[PriceRow]:
    source = f"genai-prices {_library_version()}: {provider}/{info.id}"
    for processing in Processing:
        context = _CONTEXTS.get(processing, {}).get(provider)
        if processing is not Processing.STANDARD and context is None:
            continue
        previous: list[tuple[int, dict[str, Decimal | None]]] | None = None
        for start in _starts(info):
            if context is not None and not _has_variant(info, context, start):
                continue
            tiers = list(_tiers(info.get_prices(start, context)))
            if tiers != previous:
                for above, units in tiers:
                    yield _row(provider, model_id, processing, start, above, units, source)
            previous = tiers


def _starts(info: ModelInfo) -> list[datetime]:
    """Midnights (UTC) at which any price of the model changes."""
    constraints: list[Any] = [variant.constraint for variant in info.price_variants or ()]
    if isinstance(info.prices, list):
        constraints += [conditional.constraint for conditional in info.prices]
    days = {c.start_date for c in constraints if isinstance(getattr(c, "start_date", None), date)}
    return [SINCE_EVER, *(datetime.combine(day, time(), UTC) for day in sorted(days))]


def _has_variant(info: ModelInfo, context: Mapping[str, str], at: datetime) -> bool:
    return any(
        all(context.get(key) == value for key, value in variant.when.items())
        and (variant.constraint is None or variant.constraint.active(at))
        for variant in info.price_variants or ()
    )


def _tiers(price: ModelPrice) -> Iterator[tuple[int, dict[str, Decimal | None]]]:
    values = {unit: getattr(price, key) for key, unit in _UNITS.items()}
    starts = {tier.start for value in values.values() if hasattr(value, "tiers") for tier in value.tiers}
    for above in sorted({0, *starts}):
        yield above, {unit: _at_tier(value, above) for unit, value in values.items()}


def _at_tier(value: Any, above: int) -> Decimal | None:
    if value is None or isinstance(value, Decimal):
        return value
    price: Decimal = value.base
    for tier in value.tiers:
        if tier.start <= above:
            price = tier.price
    return price


def _row(
    provider: str,
    model_id: str,
    processing: Processing,
    start: datetime,
    above: int,
    units: Mapping[str, Decimal | None],
    source: str,
) -> PriceRow:
    prices = {unit: units.get(unit) for unit in UNIT_PRICES}
    return PriceRow(
        provider=provider,
        model_id=model_id,
        processing=processing,
        valid_from=start,
        above_input_tokens=above,
        source=source,
        estimated=False,
        **prices,
    )


def _estimated_batch(rows: Sequence[PriceRow]) -> Iterator[PriceRow]:
    """Half the standard price for the time before the first listed batch price."""
    listed = min((r.valid_from for r in rows if r.processing is Processing.BATCH), default=None)
    for row in rows:
        if row.processing is not Processing.STANDARD or row.provider not in BATCH_PROVIDERS:
            continue
        if listed is None or row.valid_from < listed:
            halved: dict[str, Any] = {
                unit: None if (price := getattr(row, unit)) is None else price * BATCH_DISCOUNT
                for unit in UNIT_PRICES
            }
            yield replace(
                row,
                processing=Processing.BATCH,
                source=f"half of the standard price ({row.source})",
                estimated=True,
                **halved,
            )
