"""Events priced set-wise cost to the last digit what each costs alone, in any order and in any pieces."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.analytics.rollup import roll_up
from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.prices import UNIT_PRICES, PriceRow
from modelscout.costs.pricing import price_usage
from modelscout.warehouse.engine import run_sql

SEED = 20261123
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FROM, UNTIL = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
CHANGES = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 8, 15)]
ORGANIZATIONS = [uuid.UUID(int=n) for n in (0xA, 0xB, 0xC)]
MODELS = {"one": ["one", "uno", "one-2026-10-01", "one-20261001"], "two": ["two", "due"], "three": ["three"]}
NOBODY = "nobody-knows-it"
EVENTS = 3000
COUNTS = (0, 0, 1, 99, 100, 101, 1000, 1001, 250_000, 10**9)


@dataclass(frozen=True, slots=True)
class Event:
    """One call of the test."""

    organization: uuid.UUID
    named: str
    served: str | None
    processing: Processing
    at: datetime
    usage: TokenUsage
    error_type: str | None


def book(rng: random.Random) -> dict[tuple[uuid.UUID | None, str], list[PriceRow]]:
    """Prices of everybody and negotiated ones, with gaps, tiers and amounts of up to nine places."""
    found: dict[tuple[uuid.UUID | None, str], list[PriceRow]] = {}
    for owner in (None, ORGANIZATIONS[0], ORGANIZATIONS[1]):
        for model in MODELS:
            rows = [
                PriceRow(
                    provider="openai",
                    model_id=model,
                    processing=processing,
                    valid_from=valid_from,
                    above_input_tokens=above,
                    source="test",
                    estimated=rng.random() < 0.2,
                    **{unit: amount(rng) for unit in UNIT_PRICES},
                )
                for processing in Processing
                for valid_from in CHANGES
                for above in (0, 100, 1000)
                if rng.random() < (0.6 if owner is None else 0.15)
            ]
            found[owner, model] = rows
    return found


def amount(rng: random.Random) -> Decimal | None:
    return None if rng.random() < 0.1 else Decimal(rng.randrange(10**6)).scaleb(-rng.randrange(3, 10))


def usage(rng: random.Random) -> TokenUsage:
    read, written, plain = (rng.choice(COUNTS) if rng.random() < 0.5 else 0 for _ in range(3))
    return TokenUsage(
        input_tokens=read + written + plain,
        output_tokens=rng.choice(COUNTS),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=rng.randint(0, written),
        image_count=rng.choice((0, 0, 0, 2)),
        operations=rng.choice((0, 0, 0, 3)),
    )


def event(rng: random.Random) -> Event:
    names = [name for names in MODELS.values() for name in names]
    change = rng.choice(CHANGES)
    moments = (change, change - timedelta(microseconds=1), change + timedelta(hours=rng.randrange(140)))
    at = max(rng.choice(moments), FROM)
    failed = rng.random() < 0.1
    return Event(
        organization=rng.choice(ORGANIZATIONS),
        named=rng.choice([*names, NOBODY]),
        served=rng.choice([None, None, *names]),
        processing=rng.choice(list(Processing)),
        at=at,
        usage=TokenUsage() if failed and rng.random() < 0.5 else usage(rng),
        error_type="timeout" if failed else None,
    )


RNG = random.Random(SEED)
BOOK = book(RNG)
CALLS = [event(RNG) for _ in range(EVENTS)]


def alone(call: Event) -> Decimal | None:
    """The cost of one call by the rule in Python."""
    used = call.usage
    if call.error_type is not None and used.input_tokens + used.output_tokens + used.operations == 0:
        return Decimal(0)
    name = call.served or call.named
    model = next((model for model, names in MODELS.items() if name in names), None)
    if model is None:
        return None
    own = BOOK.get((call.organization, model), [])
    in_force = any(r.processing is call.processing and r.valid_from <= call.at for r in own)
    rows = own if in_force else BOOK[None, model]
    return price_usage(used, rows, at=call.at, processing=call.processing).cost_usd


EXPECTED = [alone(call) for call in CALLS]


@pytest.fixture(scope="module")
def filled(warehouse_url: str) -> Iterator[Engine]:
    from modelscout.warehouse.engine import open_engine

    engine = open_engine(warehouse_url)
    with engine.begin() as connection:
        connection.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-01', '2026-11-24')"))
        for organization in ORGANIZATIONS:
            connection.execute(
                text("INSERT INTO organizations (id, slug) VALUES (:id, :slug)"),
                {"id": organization, "slug": str(organization)},
            )
        for model, names in MODELS.items():
            connection.execute(
                text(
                    "INSERT INTO ai_models (provider, provider_model_id, name, aliases) "
                    "VALUES ('openai', :model, :model, :aliases)"
                ),
                {"model": model, "aliases": [n for n in names if n in ("uno", "due")]},
            )
        insert_prices(connection)
        insert_events(connection, range(EVENTS))
    yield engine
    engine.dispose()


def insert_prices(connection: Any) -> None:
    units = ", ".join(UNIT_PRICES)
    statement = text(
        f"INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
        f"above_input_tokens, estimated, source, {units}) VALUES (:owner, 'openai', :model_id, :processing, "
        f":valid_from, :above_input_tokens, :estimated, 'test', {', '.join(f':{u}' for u in UNIT_PRICES)})"
    )
    rows = [(owner, row) for (owner, _), rows in BOOK.items() for row in rows]
    connection.execute(
        statement,
        [
            {"owner": owner, "processing": row.processing.value}
            | {n: getattr(row, n) for n in ("model_id", "valid_from", "above_input_tokens", "estimated")}
            | {unit: getattr(row, unit) for unit in UNIT_PRICES}
            for owner, row in rows
        ],
    )


def insert_events(connection: Any, order: Any) -> None:
    counts = (
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens",
        "image_count", "operations",
    )  # fmt: skip
    statement = text(
        "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, served_model, "
        f"request_id, occurred_at, processing, error_type, {', '.join(counts)}) VALUES (:o, 'chat', 'openai', "
        f":named, :served, :r, :at, :processing, :error, {', '.join(f':{c}' for c in counts)})"
    )
    connection.execute(
        statement,
        [
            {
                "o": CALLS[i].organization,
                "named": CALLS[i].named,
                "served": CALLS[i].served,
                "r": f"r{i}",
                "at": CALLS[i].at,
                "processing": CALLS[i].processing.value,
                "error": CALLS[i].error_type,
            }
            | {name: getattr(CALLS[i].usage, name) for name in counts}
            for i in order
        ],
    )


def priced(engine: Engine, first: datetime = FROM, until: datetime = UNTIL) -> dict[int, Decimal | None]:
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/price_range", {"from_at": first, "until_at": until})
    return {int(row["request_id"][1:]): row["cost_usd"] for row in rows}


def total(costs: dict[int, Decimal | None]) -> Decimal:
    return sum((cost for cost in costs.values() if cost is not None), Decimal(0))


def test_a_set_is_priced_as_each_call_alone(filled: Engine) -> None:
    assert priced(filled) == dict(enumerate(EXPECTED))
    unknown = sum(cost is None for cost in EXPECTED)
    assert EVENTS / 10 < unknown < EVENTS * 9 / 10, "the test prices too few, or too many, to mean anything"


def test_pieces_of_a_range_sum_up_to_the_whole(filled: Engine) -> None:
    whole = priced(filled)
    for cut in (FROM, CHANGES[1], CHANGES[1] + timedelta(microseconds=1), NOW - timedelta(days=9), UNTIL):
        before, after = priced(filled, until=cut), priced(filled, first=cut)
        assert before | after == whole
        assert total(before) + total(after) == total(whole)


def test_another_order_of_the_same_events_changes_nothing(filled: Engine) -> None:
    whole = priced(filled)
    order = list(range(EVENTS))
    random.Random(SEED + 1).shuffle(order)
    with filled.begin() as connection:
        connection.execute(text("TRUNCATE ai_usage_events"))
        insert_events(connection, order)
    assert priced(filled) == whole


def test_the_rollup_sums_the_same_costs_and_counts_what_it_cannot_price(filled: Engine) -> None:
    report = roll_up(filled, now=NOW)
    assert (report.events, report.differences) == (EVENTS, ())
    expected: dict[tuple[str, str], tuple[Decimal, int]] = {}
    # The rollup takes a name that nobody knows for a model without prices.
    for call, cost in zip(CALLS, EXPECTED, strict=True):
        key = (str(call.organization), call.at.date().isoformat())
        money, unpriced = expected.get(key, (Decimal(0), 0))
        expected[key] = (money + (cost or 0), unpriced + (cost is None))
    with filled.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT organization_id::text, date::text, coalesce(sum(total_cost), 0), "
                "sum(unpriced_requests)::bigint FROM ai_model_analytics GROUP BY 1, 2"
            )
        ).all()
    assert {(o, d): (money, unpriced) for o, d, money, unpriced in rows} == expected


def test_a_negotiated_price_is_used_by_its_organization_alone(filled: Engine) -> None:
    """The data holds negotiated prices that matter: without them other costs come out."""
    changed = 0
    for call, cost in zip(CALLS, EXPECTED, strict=True):
        name = call.served or call.named
        model = next((model for model, names in MODELS.items() if name in names), None)
        if model is not None and call.error_type is None:
            general = price_usage(call.usage, BOOK[None, model], at=call.at, processing=call.processing)
            changed += general.cost_usd != cost
            assert call.organization != ORGANIZATIONS[2] or general.cost_usd == cost
    assert changed > EVENTS / 20
