"""Decides every feature of every organization and writes `ai_model_recommendations` and the alerts."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from modelscout.analytics.gate import keep, run_suite, write_report
from modelscout.core.types import Verdict
from modelscout.quality.gate import SuiteResult, log_failures, require_table_sound
from modelscout.quality.suites import RECOMMENDATIONS
from modelscout.recommender.case import Candidate, Decision, FeatureCase, Interval
from modelscout.recommender.estimates import load_estimates
from modelscout.recommender.evidence import Evidence
from modelscout.recommender.inputs import load_cases
from modelscout.recommender.kinds import decide_with_kinds
from modelscout.recommender.objective import saving_per_month
from modelscout.warehouse.engine import run_sql, run_sql_many

VALID_DAYS = 7
REJECTED_DAYS = 90
"""So long is rejected advice not given again, unless its saving has grown by half."""


def publish(
    engine: Engine,
    *,
    now: datetime,
    horizon_days: int,
    run_key: str | None = None,
    report_folder: Path | None = None,
) -> dict[str, int]:
    """One transaction: decide, write, check, supersede, alert; then the quality report, where `report_folder` is given.

    Idempotent per decision date. Returns verdict counts.

    An organization whose rollup does not reconcile, whose data is blocked or whose new recommendations fail the
    checks gets none until it is mended. Raises QualityGateFailed, with the results kept, where all are broken.
    """
    run_key = run_key or f"publish {now.date()}"
    with engine.begin() as connection:
        estimates = load_estimates(connection, now=now)
        blocked = blocked_organizations(connection)
        cases = [
            case
            for case in load_cases(connection, now=now, horizon_days=horizon_days, estimates=estimates)
            if case.organization_id not in blocked
        ]
        decisions = [
            (case, decide_with_kinds(case, today=now.date(), horizon_days=horizon_days)) for case in cases
        ]
        rows = [_row(case, decision, now=now, version=estimates.version_id) for case, decision in decisions]
        checked = write_checked(connection, rows, day=now.date())
        keep(connection, checked, run_key=run_key, now=now, only_audited=True)
        if not checked.stops_the_run:
            refused = set(checked.blocked)
            decisions = [(case, d) for case, d in decisions if case.organization_id not in refused]
            # Before anybody sees it: what people rejected or snoozed does not come back the next night.
            run_sql(
                connection,
                "queries/recommendation_carry",
                {"day": now.date(), "rejected_since": now - timedelta(days=REJECTED_DAYS)},
            )
            run_sql(connection, "queries/recommendation_supersede")
            _raise_alerts(connection, decisions, blocked | refused, now)
    log_failures(checked)
    if report_folder is not None:
        write_report(engine, report_folder, run_key=run_key)
    require_table_sound([checked])
    return dict(Counter(decision.verdict.value for _, decision in decisions))


def write_checked(connection: Connection, rows: Sequence[Mapping[str, Any]], *, day: date) -> SuiteResult:
    """Write recommendations and check them before the transaction shows them to anybody.

    What an organization had before stays where its new rows fail, everybody's where the whole table does.
    """
    attempt = connection.begin_nested()
    run_sql_many(connection, "queries/recommendation_write", rows)
    checked = run_suite(connection, RECOMMENDATIONS, {"day": day})
    refused = checked.blocked
    if checked.stops_the_run:
        attempt.rollback()
    elif refused:
        attempt.rollback()
        sound = [row for row in rows if str(row["organization_id"]) not in refused]
        run_sql_many(connection, "queries/recommendation_write", sound)
    else:
        attempt.commit()
    return checked


def blocked_organizations(connection: Connection) -> set[str]:
    """Ids of the organizations whose rollup does not reconcile or whose data fails a blocking check."""
    statement = (
        "SELECT organization_id::text FROM alerts "
        "WHERE kind IN ('reconciliation', 'data_quality') AND resolved_at IS NULL"
    )
    return set(connection.execute(text(statement)).scalars())


def _row(
    case: FeatureCase, decision: Decision, *, now: datetime, version: uuid.UUID | None
) -> dict[str, Any]:
    return {
        "organization_id": case.organization_id,
        "feature_id": case.feature_id,
        "decision_date": now.date(),
        "recommended_model_id": decision.recommended_model_id,
        "current_model_id": case.current_model_id,
        "score": decision.score,
        "reasons": json.dumps(decision.reasons),
        "now": now,
        "verdict": decision.verdict.value,
        "tradeoffs": json.dumps(decision.tradeoffs),
        "cost_estimate": json.dumps(_cost_estimate(case, decision), default=_plain),
        "performance_estimate": json.dumps(_performance_estimate(case, decision), default=_plain),
        "evidence": json.dumps(_evidence(case, decision, now=now, version=version), default=_plain),
        "valid_until": now + timedelta(days=VALID_DAYS),
        "simulated": case.simulated or (decision.chosen is not None and decision.chosen.simulated),
    }


def _cost_estimate(case: FeatureCase, decision: Decision) -> dict[str, Any]:
    return {
        "requests_per_month": case.requests_per_month.quantize(Decimal(1)),
        "current_cost_per_request_usd": case.cost_per_request_usd,
        "recommended_cost_per_request_usd": _recommended_cost(case, decision),
        "expected_usd_per_request": _expected(case, decision, "cost_usd"),
        "saving_usd_per_month": _interval(decision.saving),
        "unpriced_requests": case.unpriced_requests,
        "exposure_usd_per_day": case.exposure_usd_per_day if decision.verdict is Verdict.MIGRATE else None,
    }


def _recommended_cost(case: FeatureCase, decision: Decision) -> float | None:
    """USD per real request: replayed items are shorter or longer than those, only the ratio carries over."""
    chosen = decision.chosen
    if case.cost_per_request_usd is None:
        return None
    if decision.verdict is Verdict.KEEP:
        return float(case.cost_per_request_usd)
    if chosen is None or chosen.cost_ratio is None:
        return None
    return float(case.cost_per_request_usd) * chosen.cost_ratio.estimate


def _performance_estimate(case: FeatureCase, decision: Decision) -> dict[str, Any]:
    chosen = decision.chosen
    return {
        "current_quality": case.current_quality,
        "recommended_quality": chosen.quality if chosen else None,
        "quality_change": _unrounded(chosen.quality_change) if chosen else None,
        "expected_quality": _expected(case, decision, "quality"),
        "current_mean_ms": case.current_mean_ms,
        "expected_latency_ms": _expected(case, decision, "latency_ms"),
        "replay_median_ms": chosen.median_ms if chosen else None,
        "replay_reference_median_ms": chosen.reference_median_ms if chosen else None,
    }


def _evidence(
    case: FeatureCase, decision: Decision, *, now: datetime, version: uuid.UUID | None
) -> dict[str, Any]:
    window = case.data_window
    return {
        "kind": _kind(decision),
        "margin": case.margin,
        "samples": case.samples,
        "retires_on": case.retires_on,
        "retirement": asdict(decision.retirement) if decision.retirement else None,
        "price_date": now.date(),
        "data_window": [window[0], window[1]] if window else None,
        "recommender_version": str(version) if version else None,
        "chosen": _candidate(case, decision.chosen) if decision.chosen else None,
        "tried": [_candidate(case, c) for c in case.candidates],
        **decision.details,
    }


def _kind(decision: Decision) -> str:
    if decision.chosen is None:
        return "none"
    if decision.chosen.evidence.is_randomised:
        return "randomised traffic of the organization's own"
    return "paired replay of the organization's own items"


def _candidate(case: FeatureCase, candidate: Candidate) -> dict[str, Any]:
    fixed = candidate.against_reference
    return {
        "model": candidate.model,
        **_proof(candidate.evidence),
        "against_reference": _proof(fixed) if fixed is not None else None,
        "saving_usd_per_month": _interval(saving_per_month(case, candidate)),
    }


def _proof(e: Evidence) -> dict[str, Any]:
    return {
        "n": e.n,
        "effect": e.effect,
        "lower_bound": e.lower_bound,
        "upper_bound": e.upper_bound,
        "log_e_value": e.log_e_value,
        "alpha": e.alpha,
        "proven": e.proven,
        "dependence": e.dependence,
        "method": e.method,
    }


def _interval(value: Interval | None) -> dict[str, float] | None:
    if value is None:
        return None
    return {"estimate": round(value.estimate, 2), "low": round(value.low, 2), "high": round(value.high, 2)}


def _expected(case: FeatureCase, decision: Decision, name: str) -> dict[str, dict[str, float] | None]:
    """The recommender's own estimate with its interval, of the model in use and of the one chosen."""
    chosen = decision.chosen.estimate if decision.chosen else None
    return {
        which: _unrounded(getattr(estimate, name)) if estimate is not None else None
        for which, estimate in (("current", case.current_estimate), ("chosen", chosen))
    }


def _unrounded(value: Interval | None) -> dict[str, float] | None:
    """Not in cents: shares of 1, milliseconds, USD of one request."""
    return None if value is None else {"estimate": value.estimate, "low": value.low, "high": value.high}


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def _raise_alerts(
    connection: Connection,
    decisions: Sequence[tuple[FeatureCase, Decision]],
    blocked: set[str],
    now: datetime,
) -> None:
    rows = [_retirement_alert(case, d, now) for case, d in decisions if d.verdict is Verdict.MIGRATE]
    keys = [row["natural_key"] for row in rows]
    # A retirement that no longer threatens, because the feature moved on, is resolved; where nothing was decided
    # nothing is known.
    connection.execute(
        text(
            "UPDATE alerts SET resolved_at = :now WHERE kind = 'retirement' AND resolved_at IS NULL "
            "AND NOT natural_key = ANY(:keys) AND NOT organization_id = ANY(cast(:blocked AS uuid[]))"
        ),
        {"now": now, "keys": keys, "blocked": sorted(blocked)},
    )
    run_sql_many(connection, "queries/alert_raise", rows)


def _retirement_alert(case: FeatureCase, decision: Decision, now: datetime) -> dict[str, Any]:
    days = (case.retires_on - now.date()).days if case.retires_on else None
    details: Mapping[str, Any] = {
        "feature_id": case.feature_id,
        "model": case.current_model,
        "retires_on": case.retires_on,
        "days": days,
        "exposure_usd_per_day": case.exposure_usd_per_day,
        "successor": decision.recommended_model,
        "to_test": decision.retirement.to_test if decision.retirement else (),
    }
    return {
        "organization_id": case.organization_id,
        "kind": "retirement",
        "severity": "critical" if days is None or days <= 14 or case.is_gone else "warning",
        "natural_key": f"retirement:{case.organization_id}:{case.feature_id}:{case.current_model_id}",
        "message": f"{case.feature_id}: {decision.reasons[0]}",
        "details": json.dumps(details, default=_plain),
        "now": now,
        "simulated": case.simulated,
    }
