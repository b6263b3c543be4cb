"""Prices that one organization negotiated with a vendor: dated, audited, never overwritten."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, text

from modelscout.analytics.calculator_models import organization_id_of
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing
from modelscout.costs.prices import UNIT_PRICES
from modelscout.warehouse.engine import run_sql

HIGHEST_TIER_TOKENS = 2**62
"""Far above any context window; what is larger is a mistake."""


@dataclass(frozen=True, slots=True)
class NegotiatedPrice:
    """What one organization pays from `valid_from` on for one model, processing and tier.

    From the first moment on it replaces every list price of the same model and processing, tiers and later
    list prices included; a price that is left out is unknown, not the list price.
    """

    organization: str
    """Slug or id."""
    model: str
    """`provider/model`, by any name of the model."""
    valid_from: datetime
    units_usd: Mapping[str, Decimal]
    """Amounts by the names of `modelscout.costs.prices.UNIT_PRICES`."""
    source: str
    """Who says so, such as the number of the contract."""
    processing: Processing = Processing.STANDARD
    above_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class PriceSet:
    """What setting a price did."""

    organization_id: str
    model: str
    """`provider/model` by the name that the warehouse knows."""
    changed: bool
    """False where the same price stood already."""
    replaced: Mapping[str, Any] = field(default_factory=dict)
    """Amounts and source of the price that it closed; empty where there was none."""
    days_to_reprice: bool = False
    """Whether the price holds for a time that has passed: `modelscout reprice` brings the rollup up to it."""


def set_price(engine: Engine, price: NegotiatedPrice, *, actor: str, now: datetime) -> PriceSet:
    """Write a negotiated price. Doing it twice changes nothing; other figures under the same key close the old.

    Raises ConfigurationError that names the field and the remedy.
    """
    _check(price)
    if not actor.strip():
        raise ConfigurationError("actor is empty: name who sets the price, it goes into the audit log")
    with engine.begin() as connection:
        key = _natural_key(connection, price)
        before = _standing(connection, key)
        after = {unit: price.units_usd.get(unit) for unit in UNIT_PRICES} | {"source": price.source}
        changed = before is None or {k: v for k, v in before.items() if k != "id"} != after
        if changed:
            _write(connection, key, before, after, actor=actor, now=now)
    return PriceSet(
        organization_id=key["organization_id"],
        model=f"{key['provider']}/{key['model_id']}",
        changed=changed,
        replaced=_known(before) if changed and before else {},
        days_to_reprice=changed and key["valid_from"] <= now,
    )


def _check(price: NegotiatedPrice) -> None:
    if price.valid_from.tzinfo is None:
        raise ConfigurationError("valid_from has no timezone: give a moment in UTC")
    if not price.source.strip():
        raise ConfigurationError("source is empty: say where the price stands, such as the contract's number")
    if not 0 <= price.above_input_tokens <= HIGHEST_TIER_TOKENS:
        raise ConfigurationError(
            f"above_input_tokens={price.above_input_tokens} is out of range: 0 is the base tier"
        )
    if not price.units_usd:
        raise ConfigurationError(f"units_usd is empty: give at least one of {', '.join(UNIT_PRICES)}")
    for unit, amount in price.units_usd.items():
        if unit not in UNIT_PRICES:
            raise ConfigurationError(f"{unit} is no price: use one of {', '.join(UNIT_PRICES)}")
        if not isinstance(amount, Decimal):
            raise ConfigurationError(f"{unit}={amount!r} is no exact decimal: give a Decimal such as 0.08")
        if not amount.is_finite() or amount < 0:
            raise ConfigurationError(f"{unit}={amount} is out of range: give an amount of at least 0 in USD")


def _natural_key(connection: Connection, price: NegotiatedPrice) -> dict[str, Any]:
    provider, _, named = price.model.partition("/")
    organization_id = organization_id_of(connection, price.organization)
    found = connection.execute(
        text("SELECT provider_model_id FROM modelscout.model_named(:provider, :named, :organization)"),
        {"provider": provider, "named": named, "organization": organization_id},
    ).scalar()
    if found is None:
        raise ConfigurationError(
            f"model={price.model!r} is unknown to the warehouse: write it as provider/model, such as "
            "openai/gpt-6-luna; `modelscout catalog list` shows the known ones"
        )
    return {
        "organization_id": organization_id,
        "provider": provider,
        "model_id": found,
        "processing": price.processing.value,
        "valid_from": price.valid_from.astimezone(UTC),
        "above_input_tokens": price.above_input_tokens,
    }


def _standing(connection: Connection, key: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = run_sql(connection, "queries/price_negotiated_standing", key)
    return rows[0] if rows else None


def _write(
    connection: Connection,
    key: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> None:
    if before is not None:
        connection.execute(
            text("UPDATE ai_model_prices SET superseded_at = :now WHERE id = cast(:id AS uuid)"),
            {"now": now, "id": before["id"]},
        )
    run_sql(connection, "queries/price_negotiated_insert", {**key, **after, "now": now})
    tier = f" above {key['above_input_tokens']} input tokens" if key["above_input_tokens"] else ""
    run_sql(
        connection,
        "queries/price_negotiated_audit",
        {
            "organization_id": key["organization_id"],
            "actor": actor,
            "subject": f"{key['provider']}/{key['model_id']} {key['processing']}{tier} "
            f"from {key['valid_from'].isoformat()}",
            "before": json.dumps(_known(before)) if before is not None else None,
            "after": json.dumps(_known(after)),
            "now": now,
        },
    )


def _known(price: Mapping[str, Any] | None) -> dict[str, str]:
    """Amounts as text: JSON has no exact decimals."""
    return {
        name: format(value, "f") if isinstance(value, Decimal) else str(value)
        for name, value in (price or {}).items()
        if name != "id" and value is not None
    }
