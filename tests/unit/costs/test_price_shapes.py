"""Hand-checked calls cost what was worked out by hand, and the documentation shows the same."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from price_shapes import SHAPES, Negotiated, Shape

from modelscout.catalog.loader import load_catalog
from modelscout.core.types import Processing
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import UNIT_PRICES, PriceRow
from modelscout.costs.pricing import PricedCall, price_usage

DOCS = Path(__file__).parents[3] / "docs/price_shapes.md"
CATALOG = load_catalog()
BOOK: dict[tuple[str, str], list[PriceRow]] = defaultdict(list)
for _row in price_rows(CATALOG.models):
    BOOK[_row.provider, _row.model_id].append(_row)


def priced(shape: Shape) -> PricedCall:
    provider, _, model_id = shape.model.partition("/")
    model = CATALOG.resolve(provider, model_id)
    rows = BOOK[provider, model.model_id] if model else []
    if shape.negotiated is not None and shape.negotiated.valid_from <= shape.at:
        rows = [negotiated_row(rows[0], shape.negotiated)]
    return price_usage(shape.usage, rows, at=shape.at, processing=shape.processing)


def negotiated_row(general: PriceRow, price: Negotiated) -> PriceRow:
    units = dict.fromkeys(UNIT_PRICES) | {
        "input_usd_per_million_tokens": Decimal(price.input_usd),
        "output_usd_per_million_tokens": Decimal(price.output_usd),
    }
    return PriceRow(
        provider=general.provider,
        model_id=general.model_id,
        processing=Processing.STANDARD,
        valid_from=price.valid_from,
        above_input_tokens=0,
        source="contract",
        estimated=False,
        **units,
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.name)
def test_price_equals_the_one_worked_out_by_hand(shape: Shape) -> None:
    call = priced(shape)

    assert call.cost_usd == (None if shape.cost is None else Decimal(shape.cost)), shape.by_hand
    assert (call.reason is None) == (shape.cost is not None)
    if shape.cost is not None:
        assert call.estimated == shape.estimated


def test_names_are_unique() -> None:
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) >= 40


def test_the_documentation_shows_every_shape_with_its_price() -> None:
    shown = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCS.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| shape")
    ]
    assert [(row[0], row[2], row[3]) for row in shown] == [
        (shape.name, shape.by_hand, shape.cost or "unknown") for shape in SHAPES
    ]
