"""Keeps the warehouse fit, every night: partitions ahead, expired samples gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, text

DAYS_AHEAD = 14


class MaintenanceReport(NamedTuple):
    """What one night's maintenance did."""

    partitions_created: int
    samples_deleted: int
    answers_deleted: int
    """Those that waited for a judge in vain."""


def maintain(engine: Engine, *, now: datetime) -> MaintenanceReport:
    """Make partitions for the days to come, delete expired samples and answers. Idempotent."""
    days = {"first": now.date() - timedelta(days=1), "last": now.date() + timedelta(days=DAYS_AHEAD)}
    with engine.begin() as connection:
        created = connection.execute(
            text("SELECT modelscout.ensure_usage_partitions(:first, :last)"), days
        ).scalar_one()
        deleted = connection.execute(
            text("DELETE FROM ai_workload_samples WHERE expires_at <= :now"), {"now": now}
        ).rowcount
        answers = connection.execute(
            text("DELETE FROM ai_benchmark_answers WHERE expires_at <= :now"), {"now": now}
        ).rowcount
    return MaintenanceReport(int(created), deleted, answers)
