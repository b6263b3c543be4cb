"""The gate between the data and everything that is decided on it: runs the suites, keeps results, blocks, reports."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from modelscout.core.errors import ConfigurationError
from modelscout.quality.gate import (
    SuiteResult,
    describe,
    evaluate,
    log_failures,
    require_table_sound,
    result_rows,
)
from modelscout.quality.report import report_name, report_page
from modelscout.quality.suites import ROLLUP, USAGE_EVENTS, Suite
from modelscout.warehouse.engine import Row, one_snapshot, run_sql, run_sql_many

log = logging.getLogger(__name__)
WINDOW_DAYS = 2
"""UTC days of events that a night looks at, today not counted, and everything dated later."""


def check_rollup(
    engine: Engine, *, run_key: str, now: datetime, report_folder: Path | None = None
) -> list[SuiteResult]:
    """Check the window's events and the rollup; keep every result, block organizations, write the report.

    Raises QualityGateFailed after all that where a whole table is broken. Repeatable under the same `run_key`.
    """
    from_at = datetime.combine(now.date() - timedelta(days=WINDOW_DAYS), time(), UTC)
    with one_snapshot(engine) as connection:
        results = [
            run_suite(connection, USAGE_EVENTS, {"from_at": from_at, "now": now}),
            run_suite(connection, ROLLUP, {"today": now.date()}),
        ]
    with engine.begin() as connection:
        for result in results:
            keep(connection, result, run_key=run_key, now=now)
    for result in results:
        log_failures(result)
    if report_folder is not None:
        write_report(engine, report_folder, run_key=run_key)
    require_table_sound(results)
    return results


def run_suite(connection: Connection, suite: Suite, parameters: Mapping[str, Any]) -> SuiteResult:
    """Count in the warehouse, in the transaction of `connection`, and judge."""
    return evaluate(suite, run_sql(connection, suite.sql, parameters))


def keep(
    connection: Connection,
    result: SuiteResult,
    *,
    run_key: str,
    now: datetime,
    only_audited: bool = False,
) -> None:
    """Write the results of one suite, replacing those of an earlier attempt, and raise or end its alerts.

    With `only_audited` the alert of an organization without rows stays as it is: nothing is known of it.
    """
    suite, blocked = result.suite, result.blocked
    run_sql(connection, "queries/quality_clear", {"run_key": run_key, "suite": suite.name})
    run_sql_many(connection, "queries/quality_record", result_rows(result, run_key=run_key, now=now))
    run_sql(
        connection,
        "queries/quality_resolve",
        {
            "kind": suite.alert_kind,
            "suite": suite.name,
            "now": now,
            "blocked": sorted(blocked),
            "audited": sorted(result.organizations) if only_audited else None,
        },
    )
    run_sql_many(
        connection,
        "queries/alert_raise",
        [_alert(result, organization_id, names, now) for organization_id, names in sorted(blocked.items())],
    )


def read_results(engine: Engine, run_key: str | None = None) -> list[Row]:
    """Results of one run, or of the latest run of each suite; failures first. Raises ConfigurationError."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/quality_results", {"run_key": run_key})
    if run_key is not None and not rows:
        raise ConfigurationError(
            f"no results of run {run_key!r}: `modelscout quality show` names the latest runs"
        )
    return rows


def write_report(engine: Engine, folder: Path, *, run_key: str | None = None) -> Path | None:
    """One static HTML page of `read_results` in `folder`; returns its path, None where it cannot be written.

    A report that cannot be written is a line in the log: it can be made again from the table at any time.
    """
    path = folder / report_name(run_key)
    page = report_page(read_results(engine, run_key))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        log.warning("the quality report was not written to %s (%s): modelscout quality report", path, error)
        return None
    log.info("quality report: %s", path)
    return path


def _alert(result: SuiteResult, organization_id: str, names: list[str], now: datetime) -> dict[str, Any]:
    suite = result.suite
    sentences = [
        describe(suite, check, finding)
        for check in result.results
        for finding in check.findings
        if check.check.severity == "block" and finding.organization_id == organization_id
    ]
    return {
        "organization_id": organization_id,
        "kind": suite.alert_kind,
        "severity": "critical",
        "natural_key": f"{suite.alert_kind}:{suite.name}:{organization_id}",
        "message": f"{suite.table} fails {', '.join(names)}; nothing is published until mended.",
        "details": json.dumps({"failures": sentences}),
        "now": now,
        "simulated": False,
    }
