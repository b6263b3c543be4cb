"""Reads the cases to decide from the warehouse: demand, the model in use, pairs and traffic with their evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from modelscout.core.types import ModelStatus
from modelscout.recommender.candidates import candidates
from modelscout.recommender.case import (
    DAYS_PER_MONTH,
    Candidate,
    FeatureCase,
    KindOfWork,
    ModelEstimate,
    Successor,
)
from modelscout.recommender.estimates import Asked, Estimates
from modelscout.recommender.kinds import kinds_of_work
from modelscout.recommender.openings import ANY, StreamKey
from modelscout.recommender.randomised import LEAST_PROPENSITY, MATURE_DAYS
from modelscout.recommender.streams import weigh_streams
from modelscout.recommender.tried_models import is_fairly_judged, tried_models
from modelscout.warehouse.engine import Row, run_sql

WINDOW_DAYS = 30
EXPOSURE_DAYS = 7
"""What depends on a model that goes away is the mean of so many whole days, as in analytics.lifecycle."""
USABLE = {ModelStatus.ACTIVE, ModelStatus.AVAILABLE, ModelStatus.DEPRECATED}
Known = Mapping[Asked, ModelEstimate]


def load_cases(
    connection: Connection, *, now: datetime, horizon_days: int, estimates: Estimates
) -> list[FeatureCase]:
    """Every feature with an assigned model. Opens an evidence stream for each candidate tried first now."""
    today = now.date()
    run_sql(connection, "queries/recommender_fix_references", {"today": today})
    pairs = run_sql(connection, "queries/recommender_pairs", {"now": now})
    traffic = run_sql(
        connection,
        "queries/recommender_randomised",
        {"now": now, "mature_days": MATURE_DAYS, "least_propensity": LEAST_PROPENSITY},
    )
    features = run_sql(
        connection, "queries/recommender_features", {"now": now, "today": today, "window_days": WINDOW_DAYS}
    )
    margins = {(row["organization_id"], row["feature_id"]): float(row["margin"]) for row in features}
    # An organization that was switched off is not decided, and its streams rest.
    pairs = [p for p in pairs if (p["organization_id"], p["feature_id"]) in margins]
    traffic = [t for t in traffic if (t["organization_id"], t["feature_id"]) in margins]
    traffic = [t for t in traffic if is_fairly_judged(t)]
    evidence = weigh_streams(connection, pairs, traffic, margins, now=now)
    beyond = today + timedelta(days=horizon_days)
    usable = _usable_models(connection, beyond)
    successors = _successors(connection, now=now, beyond=beyond)
    rows = [row for row in (*pairs, *traffic) if StreamKey.of(row) in evidence]
    known = _estimates(rows, features, estimates)
    tried = tried_models([r for r in rows if r["complexity"] == ANY], features, evidence, usable, known)
    kinds = kinds_of_work(rows, features, evidence, usable, known)
    return [
        _case(
            row,
            candidates(tried[row["organization_id"], row["feature_id"]]),
            kinds.get((row["organization_id"], row["feature_id"]), ()),
            usable[row["organization_id"]],
            successors[row["organization_id"], row["feature_id"]],
            known.get(Asked(row["organization_id"], row["feature_id"], row["current_model_id"])),
        )
        for row in features
    ]


def _estimates(pairs: Iterable[Row], features: Iterable[Row], estimates: Estimates) -> Known:
    """Of every model in use and every one tried beside it."""
    wanted = {Asked(p["organization_id"], p["feature_id"], p["model_id"]) for p in pairs}
    wanted |= {
        Asked(f["organization_id"], f["feature_id"], f["current_model_id"])
        for f in features
        if f["current_model_id"] is not None
    }
    asked = sorted(wanted, key=lambda a: a[:3])
    return dict(zip(asked, estimates.of(asked), strict=True))


def _usable_models(connection: Connection, beyond: date) -> dict[str, dict[str, str]]:
    """Per organization: names (provider/model) to ids of the models it can use beyond the horizon."""
    usable: dict[str, dict[str, str]] = defaultdict(dict)
    for row in run_sql(connection, "queries/recommender_usable_models", {"beyond": beyond}):
        usable[row["organization_id"]][f"{row['provider']}/{row['model']}"] = row["model_id"]
    return usable


def _successors(
    connection: Connection, *, now: datetime, beyond: date
) -> dict[tuple[str, str], tuple[Successor, ...]]:
    """Per organization and feature whose model goes away: what could follow, the vendor's line first."""
    found: dict[tuple[str, str], tuple[Successor, ...]] = defaultdict(tuple)
    parameters = {"now": now, "today": now.date(), "beyond": beyond, "days": EXPOSURE_DAYS}
    for row in run_sql(connection, "queries/recommender_successors", parameters):
        found[row["organization_id"], row["feature_id"]] += (_successor(row),)
    return found


def _successor(row: Row) -> Successor:
    return Successor(
        model_id=row["model_id"],
        provider=row["provider"],
        model=row["model"],
        step=row["step"],
        usable=row["is_usable"],
        retires_on=row["retires_on"],
        unverified=tuple(row["unverified"]),
        contradicted=tuple(row["contradicted"]),
        replays=int(row["replays"]),
        refused=int(row["refused"]),
        refusal=row["refusal"],
        parameters=tuple(row["parameters"]),
        own_usd_per_day=row["own_usd_per_day"],
        usd_per_day=row["usd_per_day"],
        price_changes_on=row["price_changes_on"],
    )


def _case(
    row: Row,
    candidates: tuple[Candidate, ...],
    kinds: tuple[KindOfWork, ...],
    usable: Mapping[str, str],
    successors: tuple[Successor, ...],
    estimate: ModelEstimate | None,
) -> FeatureCase:
    days = Decimal(int(row["days"]) or 1)
    successes = Decimal(int(row["successes"]))
    cost = row["cost_usd"]
    # The first of the vendor's line that the organization can use: a nearer one may retire within the horizon too.
    heir = next((s for s in successors if s.step is not None and s.usable), None)
    successor = f"{row['current_provider']}/{heir.model if heir else row['catalog_successor']}"
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
        catalog_successor=heir.model if heir else row["catalog_successor"],
        successor_model_id=usable.get(successor),
        requests_per_month=Decimal(int(row["answers"])) / days * DAYS_PER_MONTH,
        cost_per_request_usd=cost / successes if cost is not None and successes else None,
        exposure_usd_per_day=row["cost_usd_per_day"],
        # Without an own answer that was judged quality is unknown, whatever others' was.
        current_quality=estimate.quality.estimate if estimate and estimate.own_answers else None,
        current_estimate=estimate,
        current_mean_ms=_float(row["mean_duration_ms"]),
        demand_relative_error=float(row["demand_relative_error"] or 0),
        samples=int(row["samples"]),
        data_window=(row["first_day"], row["last_day"]) if row["first_day"] else None,
        unpriced_requests=int(row["unpriced_requests"]),
        candidates=candidates,
        kinds=kinds,
        simulated=bool(row["simulated"]),
        successors=successors,
        recommended_before=row["recommended_before"],
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
