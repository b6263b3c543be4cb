"""The quality gate after the rollup: Great Expectations over the warehouse, results kept as rows."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelscout.core.errors import QualityGateFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation on one table. Severity `block` stops publishing, `warn` only tells."""

    table: str
    expectation: str
    """Class name in great_expectations.expectations."""
    arguments: dict[str, Any]
    severity: str = "block"

    @property
    def name(self) -> str:
        """Readable and unique within the table."""
        about = self.arguments.get("column") or ",".join(self.arguments.get("column_list", ())) or "table"
        return f"{self.expectation}({about})"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found."""

    check: Check
    success: bool
    observed: dict[str, Any]


ROLLUP_CHECKS: tuple[Check, ...] = (
    Check(
        "ai_model_analytics",
        "ExpectCompoundColumnsToBeUnique",
        {"column_list": ["model_id", "organization_id", "feature_id", "date"]},
    ),
    Check("ai_model_analytics", "ExpectColumnValuesToNotBeNull", {"column": "organization_id"}),
    Check("ai_model_analytics", "ExpectColumnValuesToNotBeNull", {"column": "model_id"}),
    Check(
        "ai_model_analytics",
        "ExpectColumnValuesToBeBetween",
        {"column": "success_rate", "min_value": 0, "max_value": 1},
    ),
    Check(
        "ai_model_analytics", "ExpectColumnValuesToBeBetween", {"column": "total_requests", "min_value": 1}
    ),
    Check("ai_model_analytics", "ExpectColumnValuesToBeBetween", {"column": "total_cost", "min_value": 0}),
    Check(
        "ai_model_analytics",
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {"column_A": "total_requests", "column_B": "success_count", "or_equal": True},
    ),
    Check(
        "ai_model_analytics",
        "ExpectColumnValuesToNotBeNull",
        {"column": "total_cost", "mostly": 0.95},
        severity="warn",
    ),
)


def validate(database_url: str, checks: Sequence[Check], *, schema: str = "public") -> list[CheckResult]:
    """Run `checks` with Great Expectations on a psycopg URL; one result per check, in order."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_postgres("warehouse", connection_string=_with_host(database_url))
    results: list[CheckResult] = []
    for table in sorted({check.table for check in checks}):
        batch = (
            source.add_table_asset(table, table_name=table, schema_name=schema)
            .add_batch_definition_whole_table(table)
            .get_batch()
        )
        for check in (c for c in checks if c.table == table):
            expectation = getattr(gx.expectations, check.expectation)(**check.arguments)
            outcome = batch.validate(expectation)
            results.append(CheckResult(check, bool(outcome.success), _observed(outcome)))
    return results


def require_passed(results: Sequence[CheckResult]) -> None:
    """Log every failure readably and raise QualityGateFailed if one of severity `block` failed."""
    failed = [result for result in results if not result.success]
    for result in failed:
        log.warning(
            "%s %s on %s: %s", result.check.severity, result.check.name, result.check.table, result.observed
        )
    blocking = [r for r in failed if r.check.severity == "block"]
    if blocking:
        names = ", ".join(f"{r.check.table}.{r.check.name}" for r in blocking)
        raise QualityGateFailed(f"failed: {names}; see data_quality_results, mend the rows and run again")


def result_rows(results: Sequence[CheckResult], *, run_key: str, now: datetime) -> list[dict[str, Any]]:
    """Rows of `data_quality_results`."""
    import json

    return [
        {
            "run_key": run_key,
            "table_name": r.check.table,
            "expectation": r.check.name,
            "severity": r.check.severity,
            "success": r.success,
            "observed": json.dumps(r.observed, default=str),
            "now": now,
        }
        for r in results
    ]


def _observed(outcome: Any) -> dict[str, Any]:
    result = dict(outcome.result or {})
    keep = (
        "observed_value",
        "element_count",
        "unexpected_count",
        "unexpected_percent",
        "partial_unexpected_list",
    )
    return {name: result[name] for name in keep if name in result}


def _with_host(url: str) -> str:
    # Great Expectations wants a host in the URL also where the socket's folder stands in the query.
    head, _, tail = url.partition("@/")
    return f"{head}@localhost/{tail}" if tail else url
