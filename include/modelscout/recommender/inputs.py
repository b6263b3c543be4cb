"""Reads the cases to decide from the warehouse: demand, the model in use, and the paired evidence."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from sqlalchemy import Connection

from modelscout.core.types import ModelStatus
from modelscout.recommender.case import DAYS_PER_MONTH, Candidate, FeatureCase, Interval
from modelscout.recommender.evidence import error_share, weigh
from modelscout.warehouse.engine import Row, run_sql, run_sql_many

WINDOW_DAYS = 30
PRIOR_WEIGHT = 20.0
"""Items that the estimate from everything else counts for beside the organization's own."""
USABLE = {ModelStatus.ACTIVE, ModelStatus.AVAILABLE, ModelStatus.DEPRECATED}
QualityEstimate = Callable[[str, str, str], float]
"""(organization id, feature id, model id) -> expected mean score, 0 to 1."""


def load_cases(
    connection: Connection, *, now: datetime, horizon_days: int, estimate: QualityEstimate
) -> list[FeatureCase]:
    """Every feature with an assigned model. Opens an evidence stream for each candidate tried first now."""
    today = now.date()
    pairs = run_sql(connection, "queries/recommender_pairs", {"now": now})
    _open_streams(connection, pairs, now)
    ordinals = {
        (r["organization_id"], r["feature_id"], r["model_id"]): int(r["ordinal"])
        for r in run_sql(connection, "queries/recommender_streams")
    }
    features = run_sql(
        connection, "queries/recommender_features", {"now": now, "today": today, "window_days": WINDOW_DAYS}
    )
    usable = _usable_models(connection, today + timedelta(days=horizon_days))
    by_feature: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for pair in pairs:
        by_feature[pair["organization_id"], pair["feature_id"]].append(pair)
    cases = []
    for row in features:
        key = (row["organization_id"], row["feature_id"])
        candidates = tuple(
            _candidate(
                pair, ordinals[(*key, pair["model_id"])], float(row["margin"]), usable[key[0]], estimate
            )
            for pair in by_feature[key]
        )
        cases.append(_case(row, candidates, usable[key[0]], estimate))
    return cases


def store_streams(connection: Connection, cases: Sequence[FeatureCase]) -> None:
    """Keep the state of every proof, so that a later look can be compared with this one."""
    rows = [
        {
            "organization_id": case.organization_id,
            "feature_id": case.feature_id,
            "model_id": c.model_id,
            "n": c.evidence.n,
            "last_sequence": c.last_sequence,
            "log_e_value": c.evidence.log_e_value,
            "state": json.dumps({"effect": c.evidence.effect, "lower_bound": c.evidence.lower_bound}),
        }
        for case in cases
        for c in case.candidates
    ]
    run_sql_many(connection, "queries/recommender_store_stream", rows)


def _open_streams(connection: Connection, pairs: Sequence[Row], now: datetime) -> None:
    rows = [{k: p[k] for k in ("organization_id", "feature_id", "model_id", "first_sequence")} for p in pairs]
    run_sql(connection, "queries/recommender_open_streams", {"rows": json.dumps(rows), "now": now})


def _usable_models(connection: Connection, beyond: date) -> dict[str, dict[str, str]]:
    """Per organization: names (provider/model) to ids of the models it can use beyond the horizon."""
    usable: dict[str, dict[str, str]] = defaultdict(dict)
    for row in run_sql(connection, "queries/recommender_usable_models", {"beyond": beyond}):
        usable[row["organization_id"]][f"{row['provider']}/{row['model']}"] = row["model_id"]
    return usable


def _candidate(
    pair: Row, ordinal: int, margin: float, usable: Mapping[str, str], estimate: QualityEstimate
) -> Candidate:
    scores = [float(s) for s in pair["candidate_scores"]]
    reference = [float(s) for s in pair["reference_scores"]]
    differences = np.asarray(scores) - np.asarray(reference)
    prior = estimate(pair["organization_id"], pair["feature_id"], pair["model_id"])
    known_costs = [float(c) for c in pair["candidate_costs_usd"] if c is not None]
    return Candidate(
        model_id=pair["model_id"],
        provider=pair["provider"],
        model=pair["model"],
        evidence=weigh(scores, reference, margin=margin, alpha=error_share(ordinal)),
        spread=float(differences.var()) if len(differences) > 1 else 1.0,
        quality=(prior * PRIOR_WEIGHT + sum(scores)) / (PRIOR_WEIGHT + len(scores)),
        cost_ratio=cost_ratio(pair["candidate_costs_usd"], pair["reference_costs_usd"]),
        cost_per_item_usd=sum(known_costs) / len(known_costs) if known_costs else None,
        median_ms=_float(pair["candidate_median_ms"]),
        reference_median_ms=_float(pair["reference_median_ms"]),
        callable=pair["model_id"] in usable.values(),
        last_sequence=int(pair["last_sequence"]),
        simulated=bool(pair["simulated"]),
    )


def cost_ratio(candidate: Sequence[Decimal | None], reference: Sequence[Decimal | None]) -> Interval | None:
    """Ratio of the mean costs on the same items with a 90 % interval (delta method for a ratio of means)."""
    pairs = [
        (float(c), float(r))
        for c, r in zip(candidate, reference, strict=True)
        if c is not None and r is not None
    ]
    if len(pairs) < 2:
        return None
    c, r = np.asarray(pairs).T
    if r.mean() <= 0:
        return None
    ratio = float(c.mean() / r.mean())
    error = float(np.std(c - ratio * r, ddof=1)) / (math.sqrt(len(pairs)) * float(r.mean()))
    return Interval(ratio, max(0.0, ratio - 1.645 * error), ratio + 1.645 * error)


def _case(
    row: Row, candidates: tuple[Candidate, ...], usable: Mapping[str, str], estimate: QualityEstimate
) -> FeatureCase:
    days = Decimal(int(row["days"]) or 1)
    successes = Decimal(int(row["successes"]))
    cost = row["cost_usd"]
    successor = f"{row['current_provider']}/{row['catalog_successor']}"
    quality = None
    if row["current_model_id"] is not None:
        prior = estimate(row["organization_id"], row["feature_id"], row["current_model_id"])
        outcomes = int(row["outcome_count"])
        total = float(row["outcome_score_sum"] or 0)
        quality = (prior * PRIOR_WEIGHT + total) / (PRIOR_WEIGHT + outcomes) if outcomes else None
    return FeatureCase(
        organization_id=row["organization_id"],
        organization=row["organization"],
        feature_id=row["feature_id"],
        objective=row["objective"],
        margin=float(row["margin"]),
        switching_cost_usd=row["switching_cost_usd"],
        current_model_id=row["current_model_id"],
        current_model=row["current_model"],
        current_status=row["current_status"],
        retires_on=row["retires_on"],
        catalog_successor=row["catalog_successor"],
        successor_model_id=usable.get(successor),
        requests_per_month=Decimal(int(row["answers"])) / days * DAYS_PER_MONTH,
        cost_per_request_usd=cost / successes if cost is not None and successes else None,
        exposure_usd_per_day=row["cost_usd_per_day"],
        current_quality=quality,
        current_mean_ms=_float(row["mean_duration_ms"]),
        demand_relative_error=float(row["demand_relative_error"] or 0),
        samples=int(row["samples"]),
        data_window=(row["first_day"], row["last_day"]) if row["first_day"] else None,
        unpriced_requests=int(row["unpriced_requests"]),
        candidates=candidates,
        simulated=bool(row["simulated"]),
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
