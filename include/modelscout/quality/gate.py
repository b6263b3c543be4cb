"""Evaluates a suite with Great Expectations over what its SQL counted: one row per organization, however many events.

The counting happens in the warehouse, in the caller's transaction, so that rows can be checked before anybody sees
them. The result says what is blocked: single organizations, or the whole table.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelscout.core.errors import QualityGateFailed
from modelscout.quality.suites import Check, Suite

log = logging.getLogger(__name__)
CHECKED = "checked"
MOST_FINDINGS_LOGGED = 20
"""Per expectation; all of them are in `data_quality_results`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One organization's rows that break an expectation by more than is tolerated."""

    organization_id: str | None
    """None: the rows belong to no organization that is set up."""
    row_count: int
    checked: int
    example: str | None
    """Key of one such row, without content."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one expectation found in all organizations."""

    check: Check
    checked: int
    """Rows looked at."""
    organizations: int
    """Organizations that have rows."""
    findings: tuple[Finding, ...] = ()

    @property
    def success(self) -> bool:
        """Whether no organization breaks it."""
        return not self.findings

    @property
    def stops_the_run(self) -> bool:
        """Whether the table is broken: a check of the table, or every one of several organizations fails."""
        if self.success or self.check.severity != "block":
            return False
        failing = {f.organization_id for f in self.findings if f.organization_id is not None}
        return self.check.scope == "table" or len(failing) == self.organizations > 1


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """What one suite found."""

    suite: Suite
    organizations: frozenset[str]
    """Ids of the organizations that were looked at."""
    results: tuple[CheckResult, ...]

    @property
    def blocked(self) -> dict[str, list[str]]:
        """Names of the failed expectations of severity `block` by organization."""
        found: dict[str, list[str]] = {}
        for result in self.results:
            if result.check.severity == "block":
                for finding in result.findings:
                    if finding.organization_id is not None:
                        found.setdefault(finding.organization_id, []).append(result.check.name)
        return found

    @property
    def stops_the_run(self) -> bool:
        """Whether the whole table is broken."""
        return any(result.stops_the_run for result in self.results)


def evaluate(suite: Suite, counts: Iterable[Mapping[str, Any]]) -> SuiteResult:
    """Judge the rows of `suite.sql`. Raises QualityGateFailed where an expectation could not be evaluated."""
    checked: dict[str | None, int] = {}
    broken: dict[tuple[str | None, str], Mapping[str, Any]] = {}
    for row in counts:
        if row["expectation"] == CHECKED:
            checked[row["organization_id"]] = row["row_count"]
        else:
            broken[row["organization_id"], row["expectation"]] = row
    keys = list(checked)
    shares = {
        check.name: [
            broken[key, check.name]["row_count"] / checked[key] if (key, check.name) in broken else 0.0
            for key in keys
        ]
        for check in suite.checks
    }
    failing = _validate(suite, shares)
    organizations = frozenset(key for key in keys if key is not None)
    results = tuple(
        CheckResult(
            check,
            checked=sum(checked.values()),
            organizations=len(organizations),
            findings=tuple(
                Finding(key, found["row_count"], checked[key], found["example"])
                for key, found in ((keys[i], broken[keys[i], check.name]) for i in failing[check.name])
            ),
        )
        for check in suite.checks
    )
    return SuiteResult(suite, organizations, results)


def _validate(suite: Suite, shares: Mapping[str, Sequence[float]]) -> dict[str, list[int]]:
    """Numbers of the rows that break each expectation by more than is tolerated, by its name."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    frame = pd.DataFrame(shares, dtype=float)
    frame["audited"] = range(len(frame))
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("counts").add_dataframe_asset(suite.table)
    batch = asset.add_batch_definition_whole_dataframe(suite.table).get_batch({"dataframe": frame})
    outcome: Any = batch.validate(
        gx.ExpectationSuite(name=suite.name, expectations=[_expectation(gx, c) for c in suite.checks]),
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["audited"]},
    )
    return {result.expectation_config.meta["name"]: _broken_rows(suite, result) for result in outcome.results}


def _expectation(gx: Any, check: Check) -> Any:
    return gx.expectations.ExpectColumnValuesToBeBetween(
        column=check.name,
        min_value=0,
        max_value=check.tolerated_share,
        severity="critical" if check.severity == "block" else "warning",
        meta={"name": check.name},
    )


def _broken_rows(suite: Suite, result: Any) -> list[int]:
    if "unexpected_index_list" not in result.result:
        raise QualityGateFailed(
            f"{suite.name}.{result.expectation_config.meta['name']} could not be evaluated: {result.exception_info}"
        )
    return [int(row["audited"]) for row in result.result["unexpected_index_list"]]


def describe(suite: Suite, result: CheckResult, finding: Finding) -> str:
    """One failure in a sentence: which expectation, on what, how many rows, an example's key, what to do."""
    check = result.check
    whose = f"organization {finding.organization_id}" if finding.organization_id else "no organization"
    tolerated = f" ({check.tolerated_share:.0%} tolerated)" if check.tolerated_share else ""
    return (
        f"{check.severity}: {suite.name}.{check.name} on {suite.table}: expected that {check.expects}; "
        f"{finding.row_count:,} of {finding.checked:,} rows of {whose} break it{tolerated}, "
        f"for example [{finding.example}]. Remedy: {check.remedy}."
    )


def log_failures(result: SuiteResult) -> None:
    """Every failure as one line of the task's log."""
    for check in result.results:
        level = logging.ERROR if check.check.severity == "block" else logging.WARNING
        for finding in check.findings[:MOST_FINDINGS_LOGGED]:
            log.log(level, "%s", describe(result.suite, check, finding))
        more = len(check.findings) - MOST_FINDINGS_LOGGED
        if more > 0:
            log.log(level, "%s.%s: %s more organizations", result.suite.name, check.check.name, more)


def require_table_sound(results: Sequence[SuiteResult]) -> None:
    """Raise QualityGateFailed where a whole table is broken; single organizations are blocked, not raised."""
    names = [
        f"{suite.suite.name}.{result.check.name}"
        for suite in results
        for result in suite.results
        if result.stops_the_run
    ]
    if names:
        raise QualityGateFailed(
            f"failed for the whole table: {', '.join(names)}; `modelscout quality show` says which rows and what "
            "to do: mend them and run again"
        )


def result_rows(result: SuiteResult, *, run_key: str, now: datetime) -> list[dict[str, Any]]:
    """Rows of `data_quality_results`: each expectation once for all, and once per organization that fails it."""
    rows: list[dict[str, Any]] = []
    for check in result.results:
        whole = Finding(
            None,
            sum(f.row_count for f in check.findings),
            check.checked,
            check.findings[0].example if check.findings else None,
        )
        own = [f for f in check.findings if f.organization_id is not None]
        rows += [_row(result.suite, check, f, run_key=run_key, now=now) for f in (whole, *own)]
    return rows


def _row(
    suite: Suite, result: CheckResult, finding: Finding, *, run_key: str, now: datetime
) -> dict[str, Any]:
    check = result.check
    observed = {
        "row_count": finding.row_count,
        "checked": finding.checked,
        "example": finding.example,
        "tolerated_share": check.tolerated_share,
        "stops_the_run": result.stops_the_run and finding.organization_id is None,
        "expects": check.expects,
        "remedy": check.remedy,
    }
    return {
        "run_key": run_key,
        "suite": suite.name,
        "table_name": suite.table,
        "expectation": check.name,
        "severity": check.severity,
        "organization_id": finding.organization_id,
        "success": result.success,
        "observed": json.dumps(observed),
        "now": now,
    }
