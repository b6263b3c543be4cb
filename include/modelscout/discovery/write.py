"""What keys answered, into the warehouse: many keys in one transaction, set by set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from modelscout.catalog.loader import Catalog
from modelscout.core.stored import count_or_none, storable
from modelscout.discovery.keys import KeyReport
from modelscout.providers.protocol import ListedModel
from modelscout.warehouse.engine import run_sql

CONFIRM_AFTER = timedelta(hours=6)
"""A model that is missing for so long, and missing again, is gone."""


def write_reports(engine: Engine, reports: Sequence[KeyReport], catalog: Catalog, *, now: datetime) -> int:
    """One transaction: models, availability, what is missing, events, the keys' health and alerts.

    Idempotent. Returns the number of new events.
    """
    models = [row for report in reports for row in _model_rows(report, catalog)]
    keys = [_key_row(report) for report in reports]
    parameters = {
        "models": json.dumps(storable(models)),
        "keys": json.dumps(storable(keys)),
        "now": now,
        "confirm_before": now - CONFIRM_AFTER,
    }
    with engine.begin() as connection:
        run_sql(connection, "queries/discovery_merge_models", parameters)
        events = run_sql(connection, "queries/discovery_merge_availability", parameters)
        run_sql(connection, "queries/discovery_key_alerts", parameters)
        # Last: until then `listed_at` says when the key listed its models the time before.
        run_sql(connection, "queries/discovery_key_health", parameters)
    return len(events)


def _key_row(report: KeyReport) -> dict[str, Any]:
    return {
        "organization_id": report.target.organization_id,
        "provider": report.target.provider,
        "health": report.health,
        "reason": report.reason,
        "simulated": report.target.simulated,
        "speaks_for_vendor": report.speaks_for_vendor,
    }


def _model_rows(report: KeyReport, catalog: Catalog) -> list[dict[str, Any]]:
    """One row per model; a model listed under its own id and under dated ones says itself how it is."""
    named = [(_model_row(report, model, catalog), model.model_id) for model in report.models]
    # Of several ids of one model the last one stays: its own.
    named.sort(key=lambda pair: (pair[1] == pair[0]["provider_model_id"], pair[1]))
    return list({row["provider_model_id"]: row for row, _ in named}.values())


def _model_row(report: KeyReport, model: ListedModel, catalog: Catalog) -> dict[str, Any]:
    provider = report.target.provider
    known = catalog.resolve(provider, model.model_id)
    return {
        "organization_id": report.target.organization_id,
        "provider": provider,
        "provider_model_id": known.model_id if known else model.model_id,
        "display_name": model.display_name,
        "context_window_tokens": count_or_none(model.context_window_tokens),
        "max_output_tokens": count_or_none(model.max_output_tokens),
        "deprecated_on": model.deprecated_at.isoformat() if model.deprecated_at else None,
        "retires_on": model.retires_at.isoformat() if model.retires_at else None,
        "lifecycle": model.lifecycle,
        "states_lifecycle": model.lifecycle is not None or model.retires_at is not None,
        "speaks_for_vendor": report.speaks_for_vendor,
        "simulated": report.simulated,
    }
