"""Keeps the warehouse fit, every night: partitions ahead, what expired is gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, text

DAYS_AHEAD = 14
VERSIONS_KEPT = timedelta(days=1)
"""A client that heard of nothing for so long reads everything again (selection.source)."""


class MaintenanceReport(NamedTuple):
    """What one night's maintenance did."""

    partitions_created: int
    samples_deleted: int
    answers_deleted: int
    """Those that waited for a judge in vain."""
    prompt_tests_deleted: int = 0


def maintain(engine: Engine, *, now: datetime) -> MaintenanceReport:
    """Make partitions for the days to come, delete expired samples, answers, prompt tests and versions. Idempotent."""
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
        tests = connection.execute(
            text("DELETE FROM ai_prompt_tests WHERE expires_at <= :now"), {"now": now}
        ).rowcount
        connection.execute(
            text("DELETE FROM selection_versions WHERE changed_at <= :before"),
            {"before": now - VERSIONS_KEPT},
        )
    return MaintenanceReport(int(created), deleted, answers, tests)
