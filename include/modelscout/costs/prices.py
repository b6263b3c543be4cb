"""The one shape of a price: what one unit costs from a moment on, and who says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from modelscout.core.types import Processing

SINCE_EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""`valid_from` of a price whose first day no source gives."""

UNIT_PRICES = (
    "input_usd_per_million_tokens",
    "output_usd_per_million_tokens",
    "cache_read_usd_per_million_tokens",
    "cache_write_usd_per_million_tokens",
    "cache_write_1h_usd_per_million_tokens",
    "operation_usd",
    "image_usd",
)
"""Names of the fields of `PriceRow` that hold money."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """Prices in USD of one model, processing and tier, from `valid_from` on. None is unknown, never free.

    The rows of one `valid_from` replace all earlier ones of the same model and processing.
    """

    provider: str
    model_id: str
    processing: Processing
    valid_from: datetime
    """In UTC. Valid until the next `valid_from` of the same model and processing."""
    above_input_tokens: int
    """0 is the base tier; a higher tier holds for the whole call once `input_tokens` exceed it."""
    input_usd_per_million_tokens: Decimal | None
    output_usd_per_million_tokens: Decimal | None
    cache_read_usd_per_million_tokens: Decimal | None
    cache_write_usd_per_million_tokens: Decimal | None
    cache_write_1h_usd_per_million_tokens: Decimal | None
    operation_usd: Decimal | None
    image_usd: Decimal | None
    source: str
    estimated: bool
    """Inferred, for example by a vendor's general batch discount, not read from a price list."""


def rows_in_force(general: Iterable[PriceRow], negotiated: Iterable[PriceRow]) -> list[PriceRow]:
    """Rows that give at every moment what `modelscout.price_usage` gives in SQL.

    Negotiated prices of a model and processing, once in force, replace everybody's, also everybody's later ones.
    """
    own = list(negotiated)
    since: dict[tuple[str, str, Processing], datetime] = {}
    for row in own:
        key = (row.provider, row.model_id, row.processing)
        since[key] = min(since.get(key, row.valid_from), row.valid_from)
    before = [
        row
        for row in general
        if (first := since.get((row.provider, row.model_id, row.processing))) is None
        or row.valid_from < first
    ]
    return before + own
