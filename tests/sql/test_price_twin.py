"""modelscout.price_usage in SQL gives what modelscout.costs.pricing.price_usage gives, to the last digit."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.prices import UNIT_PRICES, PriceRow
from modelscout.costs.pricing import PricedCall, price_usage
from modelscout.warehouse.engine import open_engine

ORGANIZATION, OTHER = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
START = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = [START + timedelta(days=d) for d in (0, 10, 20)]
INSERT = text(
    f"INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
    f"above_input_tokens, source, estimated, {', '.join(UNIT_PRICES)}) VALUES (:organization, 'openai', 'm', "
    f":processing, :valid_from, :above, 'test', :estimated, {', '.join(f':{unit}' for unit in UNIT_PRICES)})"
)
CALL = text(
    "SELECT cost_usd, estimated FROM modelscout.price_usage(:organization, 'openai', 'm', :processing, :at, "
    ":input_tokens, :output_tokens, :cache_read_tokens, :cache_write_tokens, :cache_write_1h_tokens, :operations, "
    ":image_count)"
)


class Owned(NamedTuple):
    """A price row and whose it is: None is everybody's."""

    organization: uuid.UUID | None
    row: PriceRow


class Call(NamedTuple):
    usage: TokenUsage
    at: datetime
    processing: Processing


@pytest.fixture(scope="module")
def connection(warehouse_url: str) -> Iterator[Connection]:
    engine = open_engine(warehouse_url)
    with engine.connect() as opened:
        for organization in (ORGANIZATION, OTHER):
            opened.execute(text("INSERT INTO organizations (id) VALUES (:o)"), {"o": organization})
        yield opened
    engine.dispose()


processings = st.sampled_from([Processing.STANDARD, Processing.BATCH])
unit_prices = st.none() | st.decimals(0, 100, places=7) | st.just(Decimal(0))
tiers = st.sampled_from([0, 100, 1000])


@st.composite
def owned_rows(draw: st.DrawFn) -> Owned:
    row = PriceRow(
        provider="openai",
        model_id="m",
        processing=draw(processings),
        valid_from=draw(st.sampled_from(DAYS)),
        above_input_tokens=draw(tiers),
        source="test",
        estimated=draw(st.booleans()),
        **{unit: draw(unit_prices) for unit in UNIT_PRICES},
    )
    return Owned(draw(st.sampled_from([None, None, ORGANIZATION, OTHER])), row)


def natural_key(owned: Owned) -> tuple[object, ...]:
    row = owned.row
    return (owned.organization, row.processing, row.valid_from, row.above_input_tokens)


books = st.lists(owned_rows(), max_size=8, unique_by=natural_key)
counts = st.sampled_from([0, 0, 1, 99, 100, 101, 1000, 1001]) | st.integers(0, 10**15) | st.integers(-2, 2)
moments = st.sampled_from(DAYS).flatmap(
    lambda day: st.sampled_from([day, day - timedelta(microseconds=1), day + timedelta(hours=1)])
)


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    """Half of them consistent, so that sums are compared too; the others as they come."""
    free = TokenUsage(
        input_tokens=draw(counts),
        output_tokens=draw(counts),
        cache_read_tokens=draw(counts),
        cache_write_tokens=draw(counts),
        cache_write_1h_tokens=draw(counts),
        image_count=draw(st.integers(-1, 3)),
        operations=draw(st.integers(-1, 3)),
    )
    if draw(st.booleans()):
        return free
    hour, write = sorted((abs(free.cache_write_1h_tokens), abs(free.cache_write_tokens)))
    read = abs(free.cache_read_tokens)
    return TokenUsage(
        input_tokens=read + write + abs(free.input_tokens),
        output_tokens=abs(free.output_tokens),
        cache_read_tokens=read,
        cache_write_tokens=write,
        cache_write_1h_tokens=hour,
        image_count=abs(free.image_count),
        operations=abs(free.operations),
    )


calls = st.builds(Call, usages(), moments, processings)


def in_python(book: Sequence[Owned], call: Call) -> PricedCall:
    """The negotiated prices alone where one is in force, else everybody's."""
    general = [o.row for o in book if o.organization is None]
    own = [o.row for o in book if o.organization == ORGANIZATION]
    in_force = any(r.processing is call.processing and r.valid_from <= call.at for r in own)
    return price_usage(call.usage, own if in_force else general, at=call.at, processing=call.processing)


def in_sql(connection: Connection, book: Sequence[Owned], call: Call) -> tuple[Decimal | None, bool]:
    """Cost and whether it is estimated, with these prices alone in the table."""
    savepoint = connection.begin_nested()
    try:
        for owned in book:
            row = owned.row
            values = {unit: getattr(row, unit) for unit in UNIT_PRICES}
            connection.execute(
                INSERT,
                {
                    "organization": owned.organization,
                    "processing": row.processing.value,
                    "valid_from": row.valid_from,
                    "above": row.above_input_tokens,
                    "estimated": row.estimated,
                }
                | values,
            )
        usage = {name: getattr(call.usage, name) for name in TokenUsage.__dataclass_fields__}
        parameters = {"organization": ORGANIZATION, "processing": call.processing.value, "at": call.at}
        found = connection.execute(CALL, parameters | usage).all()
    finally:
        savepoint.rollback()
    assert len(found) <= 1
    return (found[0].cost_usd, found[0].estimated) if found else (None, False)


def price(valid_from: datetime, above: int = 0, **units: str) -> PriceRow:
    known = {unit: Decimal(units[unit]) if unit in units else None for unit in UNIT_PRICES}
    return PriceRow(
        "openai", "m", Processing.STANDARD, valid_from, above, source="test", estimated=False, **known
    )


def tokens(count: int) -> Call:
    return Call(TokenUsage(input_tokens=count), DAYS[2], Processing.STANDARD)


@settings(max_examples=500, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(books, calls)
# The newest date has only a tier that the call does not reach: unknown, not the older price.
@example([Owned(None, price(DAYS[0], input_usd_per_million_tokens="1")),
          Owned(None, price(DAYS[1], above=100, input_usd_per_million_tokens="2"))], tokens(50))  # fmt: skip
# A negotiated price outlasts a later general one.
@example([Owned(ORGANIZATION, price(DAYS[0], input_usd_per_million_tokens="1")),
          Owned(None, price(DAYS[1], input_usd_per_million_tokens="2"))], tokens(50))  # fmt: skip
# The same from the tier above on: the general tier does not mix with the negotiated base.
@example([Owned(ORGANIZATION, price(DAYS[0], input_usd_per_million_tokens="1")),
          Owned(None, price(DAYS[0], above=100, input_usd_per_million_tokens="2"))], tokens(150))  # fmt: skip
@example([Owned(None, price(DAYS[0], input_usd_per_million_tokens="1"))],
         Call(TokenUsage(input_tokens=2, cache_read_tokens=2**62, cache_write_tokens=2**62), DAYS[0],
              Processing.STANDARD))  # fmt: skip
def test_sql_and_python_price_alike(connection: Connection, book: list[Owned], call: Call) -> None:
    expected = in_python(book, call)
    cost, estimated = in_sql(connection, book, call)
    assert cost == expected.cost_usd
    assert estimated == expected.estimated


@pytest.mark.parametrize(
    "usage",
    [
        TokenUsage(input_tokens=-1),
        TokenUsage(input_tokens=10, output_tokens=-1),
        TokenUsage(input_tokens=10, image_count=-1),
        TokenUsage(input_tokens=10, operations=-1),
        TokenUsage(input_tokens=10, cache_read_tokens=6, cache_write_tokens=5),
        TokenUsage(input_tokens=10, cache_write_tokens=5, cache_write_1h_tokens=6),
    ],
)
def test_counts_that_contradict_each_other_have_no_cost(connection: Connection, usage: TokenUsage) -> None:
    book = [Owned(None, price(DAYS[0], **dict.fromkeys(UNIT_PRICES, "1")))]
    call = Call(usage, DAYS[1], Processing.STANDARD)
    assert in_python(book, call).cost_usd is None
    assert in_sql(connection, book, call)[0] is None


def test_a_superseded_price_is_never_used(connection: Connection) -> None:
    savepoint = connection.begin_nested()
    units = dict.fromkeys(UNIT_PRICES, Decimal(1))
    row = {
        "organization": None,
        "processing": "standard",
        "valid_from": DAYS[0],
        "above": 0,
        "estimated": False,
    }
    connection.execute(INSERT, row | units)
    connection.execute(text("UPDATE ai_model_prices SET superseded_at = now()"))
    assert in_sql(connection, [], tokens(10)) == (None, False)
    connection.execute(INSERT, row | dict.fromkeys(UNIT_PRICES, Decimal(2)))
    assert in_sql(connection, [], tokens(10)) == (Decimal("0.00002"), False)
    savepoint.rollback()
