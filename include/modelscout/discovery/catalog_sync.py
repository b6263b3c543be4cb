"""Brings the catalog and the dated prices into the warehouse. Runs once at the start of discovery."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from modelscout.catalog.loader import load_catalog
from modelscout.catalog.models import CatalogModel
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import PriceRow
from modelscout.warehouse.engine import run_sql, run_sql_many


class SyncCounts(NamedTuple):
    """What a sync did."""

    models: int
    new_prices: int


def sync_catalog(engine: Engine, *, now: datetime) -> SyncCounts:
    """Write catalog models and prices; idempotent. A corrected price supersedes, never overwrites."""
    catalog = load_catalog()
    with engine.begin() as connection:
        run_sql_many(connection, "queries/catalog_upsert_model", [_model_row(m, now) for m in catalog.models])
        changes = refresh_prices(connection, price_rows(catalog.models), now=now)
    return SyncCounts(models=len(catalog.models), new_prices=len(changes))


def refresh_prices(
    connection: Connection, rows: Iterable[PriceRow], *, now: datetime
) -> list[Mapping[str, Any]]:
    """Close corrected and withdrawn prices and add new ones; returns what was added.

    `rows` holds every price of each model in it. Each change of a price that was known before is recorded in
    `model_events`; nothing is overwritten.
    """
    parameters = {"rows": json.dumps([_price_row(row) for row in rows]), "now": now}
    run_sql(connection, "queries/prices_supersede", parameters)
    added: list[Mapping[str, Any]] = list(run_sql(connection, "queries/prices_insert", parameters))
    run_sql(connection, "queries/price_record_events", {"now": now})
    return added


def _price_row(row: PriceRow) -> dict[str, Any]:
    fields = {k: (str(v) if v is not None else None) for k, v in asdict(row).items()}
    fields["provider_model_id"] = fields.pop("model_id")
    # isoformat, not str: PostgreSQL reads both, people compare one.
    return fields | {
        "valid_from": row.valid_from.isoformat(),
        "above_input_tokens": row.above_input_tokens,
        "estimated": row.estimated,
    }


def _model_row(model: CatalogModel, now: datetime) -> dict[str, Any]:
    return {
        "provider": model.provider.value,
        "model_id": model.model_id,
        "name": model.name,
        "version": model.version,
        "family": model.family,
        "model_type": model.type.value,
        "aliases": list(model.aliases),
        "capabilities": sorted(c.value for c in model.capabilities),
        "context_window_tokens": model.limits.context_window_tokens,
        "max_output_tokens": model.limits.max_output_tokens,
        "released_on": model.lifecycle.released_on,
        "deprecated_on": model.lifecycle.deprecated_on,
        "retires_on": model.lifecycle.retires_on,
        "successor": model.lifecycle.successor,
        "use_case_scores": json.dumps(
            {
                u.value: {"score": s.score, "reason": s.reason}
                for u, s in sorted(model.use_case_scores.items())
            }
        ),
        "sources": json.dumps(
            {
                group.value: {"source": source.text, "read_on": source.read_on.isoformat()}
                for group, source in sorted(model.sources.items())
            }
        ),
        "now": now,
    }
