"""After the decision: what was adopted, what it really saved, and what must be taken back.

One transaction a night under one lock, so that a review that is killed and run again ends with the same rows. What
is compared with is fixed when a change is first seen; judgements are evidence in the order in which they came in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from modelscout.features.checks import MOST_WORKLOAD_MODELS
from modelscout.recommender.review_guard import Guard, weigh_guards
from modelscout.recommender.review_measure import MINIMUM_KIND_ANSWERS, Measured, measure
from modelscout.warehouse.engine import Row, run_sql, run_sql_many

ACTOR = "review_adoption"
"""Who the audit log names where no person decided."""
REVIEW_DAYS = 90
"""So long after a switch is it reviewed; its last row stands."""
SETTLE_DAYS = 14
"""A judgement counts for the guard where it arrives within so many days of its request."""
MOST_JUDGEMENTS = 20_000
"""Per adopted change; more would not change what is proven, and all are held in memory once."""


class ReviewReport(NamedTuple):
    """What one review found and did."""

    reviewed: int
    adopted: int
    applied: int
    rolled_back: int


class _Review(NamedTuple):
    """One recommendation with what was measured of it; `guard` where a change was made."""

    advice: Row
    measured: Measured
    guard: Guard | None


def review(engine: Engine, *, now: datetime) -> ReviewReport:
    """Apply what may be applied, compare promise and result, take back what fell; idempotent per day."""
    with engine.begin() as connection:
        run_sql(connection, "queries/review_lock")
        parameters = _parameters(now)
        run_sql(connection, "queries/review_end", parameters)
        run_sql(connection, "queries/review_lock_settings", parameters)
        run_sql(connection, "queries/review_take_back_rules", parameters)
        applied = run_sql(connection, "queries/review_apply", parameters)
        for step in ("adopt", "baseline", "days", "judgements"):
            run_sql(connection, f"queries/review_{step}", parameters)
        reviews = _read(connection, parameters)
        rows = json.dumps([_outcome(r, now) for r in reviews], default=_plain)
        run_sql(connection, "queries/review_write", {"rows": rows})
        fallen = [r for r in reviews if r.guard is not None and r.guard.fell and r.advice["ended_at"] is None]
        taken_back = _take_back(connection, fallen, now)
        _raise_alerts(connection, fallen, taken_back, now)
    adopted = sum(r.advice["adopted"] for r in reviews)
    return ReviewReport(len(reviews), adopted, len(applied), len(taken_back))


def _parameters(now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "today": now.date(),
        "review_days": REVIEW_DAYS,
        "settle_days": SETTLE_DAYS,
        "most": MOST_JUDGEMENTS,
        "least": MINIMUM_KIND_ANSWERS,
        "actor": ACTOR,
        "most_rules": MOST_WORKLOAD_MODELS,
    }


def _read(connection: Connection, parameters: Mapping[str, Any]) -> list[_Review]:
    advice = run_sql(connection, "queries/review_advice", parameters)
    ids = [row["recommendation_id"] for row in advice if row["adopted"]]
    found: dict[str, dict[str, Row]] = {}
    for name in ("savings", "answers", "scores", "replays"):
        rows = run_sql(connection, f"queries/review_{name}", {**parameters, "recommendation_ids": ids})
        found[name] = {row["recommendation_id"]: row for row in rows}
    changes = [row for row in advice if row["adopted"]]
    guards = weigh_guards(changes, found["scores"], found["replays"])
    return [
        _Review(
            row,
            measure(row, **{name: rows.get(row["recommendation_id"]) for name, rows in found.items()}),
            guards.get(row["recommendation_id"]),
        )
        for row in advice
    ]


def _outcome(review: _Review, now: datetime) -> dict[str, Any]:
    advice = review.advice
    promised = (
        "promised_saving_usd_per_month", "promised_saving_low_usd_per_month", "promised_saving_high_usd_per_month",
        "promised_quality", "promised_median_ms",
    )  # fmt: skip
    measured = review.measured._asdict()
    details = measured.pop("details")
    return {
        "recommendation_id": advice["recommendation_id"],
        "organization_id": advice["organization_id"],
        "reviewed_on": now.date(),
        "adopted": advice["adopted"],
        **{name: advice[name] for name in promised},
        **measured,
        "details": details | ({"guard": review.guard._asdict()} if review.guard else {}),
    }


def _take_back(connection: Connection, fallen: Sequence[_Review], now: datetime) -> set[str]:
    """Ids of the recommendations taken back: not where the former model is gone too, or a person decides."""
    ids = [
        r.advice["recommendation_id"]
        for r in fallen
        if r.advice["applied_automatically"] and r.advice["former_is_usable"]
    ]
    parameters = {"recommendation_ids": ids, "now": now}
    return {row["recommendation_id"] for row in run_sql(connection, "queries/review_roll_back", parameters)}


def _raise_alerts(
    connection: Connection, fallen: Sequence[_Review], taken_back: set[str], now: datetime
) -> None:
    run_sql_many(connection, "queries/alert_raise", [_alert(r, taken_back, now) for r in fallen])


def _alert(review: _Review, taken_back: set[str], now: datetime) -> dict[str, Any]:
    advice, guard = review.advice, review.guard
    undone = advice["recommendation_id"] in taken_back
    done = (
        f"{advice['former_model']} is in use again."
        if undone
        else f"It stays in use: {_why_it_stays(advice)}."
    )
    details = {"recommendation_id": advice["recommendation_id"], "guard": guard._asdict() if guard else None}
    return {
        "organization_id": advice["organization_id"],
        "kind": "quality_fell",
        "severity": "warning" if undone else "critical",
        "natural_key": f"quality_fell:{advice['recommendation_id']}",
        "message": f"{advice['feature_id']}: {advice['model']} is proven to be worse than {advice['former_model']} "
        f"by more than the margin of {100 * float(advice['margin']):g} points. {done}",
        "details": json.dumps(details, default=_plain),
        "now": now,
        "simulated": advice["simulated"],
    }


def _why_it_stays(advice: Row) -> str:
    if not advice["former_is_usable"]:
        return f"{advice['former_model']} cannot be used any more; choose another model"
    if not advice["applied_automatically"]:
        return "a person chose it; choose another model"
    return "automatic application is off for this feature; choose another model"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value.isoformat()
