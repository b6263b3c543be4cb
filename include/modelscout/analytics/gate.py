"""The gate between the rollup and everything that is decided on it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine

from modelscout.quality.gate import ROLLUP_CHECKS, CheckResult, require_passed, result_rows, validate
from modelscout.warehouse.engine import run_sql_many


def check_rollup(engine: Engine, *, run_key: str, now: datetime) -> list[CheckResult]:
    """Validate the rollup and keep every result. Raises QualityGateFailed after the results are stored."""
    url = engine.url.render_as_string(hide_password=False)
    results = validate(url, ROLLUP_CHECKS)
    with engine.begin() as connection:
        run_sql_many(connection, "queries/quality_record", result_rows(results, run_key=run_key, now=now))
    require_passed(results)
    return results
