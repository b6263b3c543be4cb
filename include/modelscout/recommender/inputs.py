"""Reads the cases to decide from the warehouse: demand, the model in use, and the paired evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from modelscout.core.types import ModelStatus
from modelscout.recommender.candidates import Tried, candidates
from modelscout.recommender.case import DAYS_PER_MONTH, Candidate, FeatureCase, ModelEstimate, Successor
from modelscout.recommender.estimates import Asked, Estimates
from modelscout.recommender.evidence import Evidence
from modelscout.recommender.moments import PairSums
from modelscout.recommender.streams import StreamKey, weigh_streams
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
    features = run_sql(
        connection, "queries/recommender_features", {"now": now, "today": today, "window_days": WINDOW_DAYS}
    )
    margins = {(row["organization_id"], row["feature_id"]): float(row["margin"]) for row in features}
    # An organization that was switched off is not decided, and its streams rest.
    pairs = [p for p in pairs if (p["organization_id"], p["feature_id"]) in margins]
    evidence = weigh_streams(connection, pairs, margins, now=now)
    beyond = today + timedelta(days=horizon_days)
    usable = _usable_models(connection, beyond)
    successors = _successors(connection, now=now, beyond=beyond)
    known = _estimates(pairs, features, estimates)
    tried = _tried(pairs, evidence, usable, known)
    return [
        _case(
            row,
            candidates(tried[row["organization_id"], row["feature_id"]]),
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


def _tried(
    pairs: Sequence[Row],
    evidence: Mapping[StreamKey, Evidence],
    usable: Mapping[str, Mapping[str, str]],
    known: Known,
) -> dict[tuple[str, str], list[Tried]]:
    """What was tried beside the model in use, with the evidence against the fixed reference where that is another."""
    fixed = {
        (p["organization_id"], p["feature_id"], p["model_id"]): evidence[StreamKey.of(p)]
        for p in pairs
        if not p["is_in_use"]
    }
    callable_ids = {organization: set(models.values()) for organization, models in usable.items()}
    tried: dict[tuple[str, str], list[Tried]] = defaultdict(list)
    for pair in pairs:
        if pair["is_in_use"]:
            organization, feature, model = pair["organization_id"], pair["feature_id"], pair["model_id"]
            tried[organization, feature].append(
                _one_tried(
                    pair,
                    evidence[StreamKey.of(pair)],
                    fixed.get((organization, feature, model)),
                    estimate=known[Asked(organization, feature, model)],
                    callable_ids=callable_ids.get(organization, set()),
                )
            )
    return tried


def _one_tried(
    pair: Row,
    evidence: Evidence,
    against_reference: Evidence | None,
    *,
    estimate: ModelEstimate,
    callable_ids: set[str],
) -> Tried:
    return Tried(
        model_id=pair["model_id"],
        provider=pair["provider"],
        model=pair["model"],
        evidence=evidence,
        scores=_sums(pair, "score", int(pair["n"])),
        costs=_sums(pair, "cost", int(pair["priced"])),
        cost_per_item_usd=_float(pair["cost_per_item_usd"]),
        expected_quality=estimate.quality.estimate,
        estimate=estimate,
        median_ms=_float(pair["candidate_median_ms"]),
        reference_median_ms=_float(pair["reference_median_ms"]),
        callable=pair["model_id"] in callable_ids,
        last_sequence=int(pair["last_sequence"]),
        simulated=bool(pair["simulated"]),
        against_reference=against_reference,
    )


def _sums(pair: Row, what: str, n: int) -> PairSums:
    names = (
        f"candidate_{what}", f"reference_{what}", f"candidate_{what}_squared", f"reference_{what}_squared",
        f"{what}_product",
    )  # fmt: skip
    return PairSums(n, *(float(pair[name] or 0.0) for name in names))


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
        simulated=bool(row["simulated"]),
        successors=successors,
        recommended_before=row["recommended_before"],
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
