"""After the decision: what was adopted, what it really saved, and what must be taken back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from modelscout.warehouse.engine import Row, run_sql, run_sql_many

MINIMUM_OUTCOMES = 100
"""Judged answers after a switch before its quality counts as verified."""


class ReviewReport(NamedTuple):
    """What one review found and did."""

    reviewed: int
    adopted: int
    applied: int
    rolled_back: int


def review(engine: Engine, *, now: datetime) -> ReviewReport:
    """Compare promise and result of every open or applied change; one transaction, idempotent per day."""
    with engine.begin() as connection:
        rows = run_sql(connection, "queries/review_adoption")
        run_sql_many(connection, "queries/review_write", [_outcome(row, now) for row in rows])
        applied = [row for row in rows if _may_apply(row)]
        for row in applied:
            _assign(connection, row, row["recommended_model_id"], "apply", "applied", now)
        fallen = [row for row in rows if _fell(row)]
        for row in fallen:
            _assign(connection, row, row["former_model_id"], "roll_back", "rolled_back", now)
    return ReviewReport(len(rows), sum(bool(r["adopted"]) for r in rows), len(applied), len(fallen))


def _outcome(row: Row, now: datetime) -> Row:
    return {
        "recommendation_id": row["recommendation_id"],
        "organization_id": row["organization_id"],
        "reviewed_on": now.date(),
        "adopted": bool(row["adopted"]),
        "promised_saving_usd_per_month": row["promised_saving_usd_per_month"],
        "realised_saving_usd_per_month": row["realised_saving_usd_per_month"],
        "promised_quality": row["promised_quality"],
        "realised_quality": row["realised_quality"],
        "quality_verified": row["outcomes"] >= MINIMUM_OUTCOMES,
        "details": json.dumps({"outcomes": int(row["outcomes"])}),
    }


def _may_apply(row: Row) -> bool:
    """Only what is proven is applied without a person, and nothing a second time that was taken back once."""
    proven = row["verdict"] == "switch" or row["proven_migration"] == "true"
    wanted = row["auto_apply"] and row["status"] == "open" and not row["adopted"]
    return bool(wanted and proven and not row["taken_back"])


def _fell(row: Row) -> bool:
    """Quality fell by more than the margin after an automatic application, beyond its sampling error."""
    if not row["auto_apply"] or row["status"] != "applied" or row["outcomes"] < MINIMUM_OUTCOMES:
        return False
    if row["realised_quality"] is None or row["former_quality"] is None:
        return False
    quality = float(row["realised_quality"])
    # Hoeffding's bound at 99 %: scores lie in 0 to 1, so that no variance has to be estimated.
    error = (4.605 / (2 * float(row["outcomes"]))) ** 0.5
    return bool(quality + error < float(row["former_quality"]) - float(row["margin"]))


def _assign(connection: Connection, row: Row, model_id: str, action: str, status: str, now: datetime) -> None:
    run_sql(
        connection,
        "queries/review_assign",
        {
            "model_id": model_id,
            "organization_id": row["organization_id"],
            "feature_id": row["feature_id"],
            "recommendation_id": row["recommendation_id"],
            "action": action,
            "status": status,
            "now": now,
        },
    )
