"""Reads published recommendations in the shape that applications and people get."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from modelscout.core.types import Verdict
from modelscout.warehouse.engine import Row, run_sql


def list_recommendations(engine: Engine, *, organization: str | None = None) -> list[Row]:
    """Current recommendations, one per feature: the table's columns and the names and figures beside them.

    Adds `organization`, `current_model`, `recommended_model`, `saving_usd_per_month` (None where unknown),
    `quality_bound` (recommended minus current model; None where nothing was tried or both are the same) and
    `n` (paired items of the best candidate).
    """
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/recommendation_list", {"organization": organization})
    return [row | _figures(row) for row in rows]


def list_alerts(engine: Engine, *, organization: str | None = None) -> list[Row]:
    """Open alerts, the most severe first."""
    with engine.connect() as connection:
        return run_sql(connection, "queries/alert_list", {"organization": organization})


def _figures(row: Row) -> dict[str, Any]:
    saving = (row["cost_estimate"] or {}).get("saving_usd_per_month")
    chosen = (row["evidence"] or {}).get("chosen")
    return {
        "saving_usd_per_month": saving["estimate"] if saving else None,
        "quality_bound": chosen["lower_bound"] if chosen and row["verdict"] != Verdict.KEEP else None,
        "n": chosen["n"] if chosen else 0,
    }
