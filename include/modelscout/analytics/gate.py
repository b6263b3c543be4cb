"""The gate between the data and everything that is decided on it: runs the suites, keeps results, blocks, reports."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

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


class Days(NamedTuple):
    """UTC days that a backfill was asked for, both included."""

    first: date
    last: date


def check_rollup(
    engine: Engine,
    *,
    run_key: str,
    now: datetime,
    days: Days | None = None,
    report_folder: Path | None = None,
) -> list[SuiteResult]:
    """Check the events of `days`, or of the nightly window, and the rollup; keep every result, block, report.

    Raises QualityGateFailed after all that where a whole table is broken. Repeatable under the same `run_key`.
    """
    with one_snapshot(engine) as connection:
        events = run_suite(connection, USAGE_EVENTS, {**_window(days, now), "now": now})
        rollup = run_suite(connection, ROLLUP, {"today": now.date()})
    with engine.begin() as connection:
        keep(connection, events, run_key=run_key, now=now, days=days)
        keep(connection, rollup, run_key=run_key, now=now)
    results = [events, rollup]
    for result in results:
        log_failures(result)
    if report_folder is not None:
        write_report(engine, report_folder, run_key=run_key)
    require_table_sound(results)
    return results


def _window(days: Days | None, now: datetime) -> dict[str, datetime]:
    if days is None:
        from_at = datetime.combine(now.date() - timedelta(days=WINDOW_DAYS), time(), UTC)
        return {"from_at": from_at, "until_at": datetime.max.replace(tzinfo=UTC)}
    return {
        "from_at": datetime.combine(days.first, time(), UTC),
        "until_at": datetime.combine(days.last + timedelta(days=1), time(), UTC),
    }


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
    days: Days | None = None,
) -> None:
    """Write the results of one suite, replacing those of an earlier attempt, and raise or end its alerts.

    With `only_audited` the alert of an organization without rows stays as it is: nothing is known of it. What was
    found in the `days` of a backfill ends with a check of the same days, not with that of the latest ones.
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
            "first_day": days.first if days else None,
            "last_day": days.last if days else None,
        },
    )
    run_sql_many(
        connection,
        "queries/alert_raise",
        [
            _alert(result, organization_id, names, now, days)
            for organization_id, names in sorted(blocked.items())
        ],
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


def forget_results(engine: Engine, *, now: datetime, keep_days: int, report_folder: Path) -> dict[str, int]:
    """Delete results and report pages that are older than `keep_days`; each suite's latest results stay.

    Pages on the disks of other workers stay: they can be deleted at any time. Returns how many rows and pages went.
    """
    before = now - timedelta(days=keep_days)
    with engine.begin() as connection:
        forgotten = run_sql(connection, "queries/quality_forget", {"before": before})[0]["results"]
    pages = [page for page in report_folder.glob("*.html") if page.stat().st_mtime < before.timestamp()]
    for page in pages:
        page.unlink(missing_ok=True)
    return {"results": forgotten, "pages": len(pages)}


def _alert(
    result: SuiteResult, organization_id: str, names: list[str], now: datetime, days: Days | None
) -> dict[str, Any]:
    suite = result.suite
    key = f"{suite.alert_kind}:{suite.name}:{organization_id}"
    asked = {"first_day": days.first.isoformat(), "last_day": days.last.isoformat()} if days else {}
    of_days = f" of {days.first} to {days.last}" if days else ""
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
        "natural_key": f"{key}:{days.first}:{days.last}" if days else key,
        "message": f"{suite.table}{of_days} fails {', '.join(names)}; nothing is published until mended.",
        "details": json.dumps({"failures": sentences} | asked),
        "now": now,
        "simulated": False,
    }
