"""What people decide about a recommendation: accept, reject, snooze, reopen, take back, rate.

Each is one transaction and one row of `audit_log`. Accepting changes the feature in the same transaction through the
feature service, so that clients hear of it when it commits. What a person decided is carried to the advice of later
nights while it stays the same (sql/queries/recommendation_carry.sql).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine

from modelscout.core.errors import ConfigurationError, ModelscoutError
from modelscout.core.types import Verdict
from modelscout.features.checks import MOST_WORKLOAD_MODELS
from modelscout.features.service import change_within, hold_within, undo_within
from modelscout.features.settings import UNSET, FeatureChange, FeatureSettings, WorkloadModel
from modelscout.warehouse.engine import Row, run_sql

CHANGES = (Verdict.SWITCH, Verdict.MIGRATE)
"""Verdicts that name another model to use."""
UNDECIDED = ("open", "snoozed")
DONE = ("accepted", "applied")
MOST_CHARACTERS = 2_000
LONGEST_SNOOZE_DAYS = 365
TAKEN_BACK = "Taken back after it was in use."


class DecisionRefused(ModelscoutError):
    """The recommendation, or its feature, is not any more what the person decided about; the message says how."""


class Decided(NamedTuple):
    """What a decision did."""

    recommendation_id: str
    feature_id: str
    before: str
    """The status."""
    after: str


class Possible(NamedTuple):
    """What a person can decide now, and why not accept where it cannot be accepted."""

    decisions: tuple[str, ...]
    """Of accept, reject, snooze, reopen and undo."""
    why_not_accept: str | None


def possible_decisions(advice: Row, *, now: datetime) -> Possible:
    """From a row with the columns of `recommendation_lock`, and evidence; the decision itself looks again."""
    rules = [
        rule for rule in (advice["evidence"] or {}).get("by_workload") or () if rule.get("proven") is True
    ]
    advice = {**advice, "by_workload": rules}
    found, why_not = [], None
    try:
        _check_current(advice, now)
        _check_status(advice, UNDECIDED)
        _check_change(advice)
        found.append("accept")
    except DecisionRefused as refusal:
        why_not = str(refusal)
    for name, statuses in (("reject", UNDECIDED), ("snooze", UNDECIDED), ("reopen", ("rejected", "snoozed"))):
        try:
            _check_undecided(advice, statuses, now)
            found.append(name)
        except DecisionRefused:
            continue
    used = "recommended_model_id" if _names_a_change(advice) else "current_model_id"
    if advice["status"] in DONE and advice["model_in_use_id"] == advice[used]:
        found.append("undo")
    return Possible(tuple(found), why_not)


def accept(engine: Engine, recommendation_id: UUID, *, actor: str, now: datetime) -> Decided:
    """Set the feature to the recommended model, and the proven models of its kinds of work beside it.

    Raises DecisionRefused where the advice is not the feature's current one, is decided or expired, names no other
    model, or the feature uses another model than it was made against; ConfigurationError where the model cannot be
    used any more.
    """
    with engine.begin() as connection:
        settings = _hold_feature(connection, recommendation_id)
        advice = _lock(connection, recommendation_id)
        _check_current(advice, now)
        _check_status(advice, UNDECIDED)
        _check_change(advice)
        change_within(
            connection,
            advice["organization_id"],
            advice["feature_id"],
            _change(advice, settings),
            actor=actor,
            now=now,
        )
        return _write(connection, advice, "accepted", actor=actor, now=now)


def reject(engine: Engine, recommendation_id: UUID, *, reason: str, actor: str, now: datetime) -> Decided:
    """Say no, and why. The same advice stays rejected for 90 days unless it promises half as much again.

    Raises DecisionRefused, or ConfigurationError for the reason.
    """
    reason = _text(reason, "reason")
    if not reason:
        raise ConfigurationError("reason is empty: say why, it helps whoever looks at it next")
    with engine.begin() as connection:
        advice = _undecided(connection, recommendation_id, UNDECIDED, now)
        return _write(connection, advice, "rejected", actor=actor, now=now, reason=reason)


def snooze(
    engine: Engine, recommendation_id: UUID, *, until: date, reason: str | None, actor: str, now: datetime
) -> Decided:
    """Keep the advice quiet until a day (UTC), on which it is open again if it is still given.

    Raises DecisionRefused, or ConfigurationError for the day.
    """
    latest = now.date() + timedelta(days=LONGEST_SNOOZE_DAYS)
    if not now.date() < until <= latest:
        raise ConfigurationError(f"until={until} is out of range: give a day after today, up to {latest}")
    said = _text(reason, "reason") if reason else None
    with engine.begin() as connection:
        advice = _undecided(connection, recommendation_id, UNDECIDED, now)
        return _write(connection, advice, "snoozed", actor=actor, now=now, reason=said or None, until=until)


def reopen(engine: Engine, recommendation_id: UUID, *, actor: str, now: datetime) -> Decided:
    """Make rejected or snoozed advice open again. Raises DecisionRefused."""
    with engine.begin() as connection:
        advice = _undecided(connection, recommendation_id, ("rejected", "snoozed"), now)
        return _write(connection, advice, "open", actor=actor, now=now)


def undo(engine: Engine, recommendation_id: UUID, *, actor: str, now: datetime) -> Decided:
    """Give the feature back what it used before the advice was accepted.

    The advice is open again; it counts as rejected where the change was seen by a review already, so that it is not
    applied again by itself. Raises DecisionRefused where the feature was changed since, ConfigurationError where
    somebody changed it past the feature service.
    """
    with engine.begin() as connection:
        settings = _hold_feature(connection, recommendation_id)
        advice = _lock(connection, recommendation_id)
        _check_status(advice, DONE)
        is_change = _names_a_change(advice)
        if settings.model != advice["recommended_model" if is_change else "current_model"]:
            raise DecisionRefused(
                f"The feature uses {settings.model or 'no model'} by now: there is nothing to take back."
            )
        changed = undo_within(
            connection, advice["organization_id"], advice["feature_id"], actor=actor, now=now
        )
        is_own = (
            changed.after.get("current_model_id") == advice["current_model_id"]
            if is_change
            else set(changed.after) == {"workload_models"}
        )
        if not is_own:
            raise DecisionRefused(
                "The feature was changed since it was accepted: take back or set what you want on its own page."
            )
        is_as_before = advice["is_latest"] and advice["valid_until"] > now and not advice["adopted"]
        after = "open" if is_as_before else "rejected"
        return _write(
            connection, advice, after, actor=actor, now=now, reason=None if is_as_before else TAKEN_BACK
        )


def rate(
    engine: Engine, recommendation_id: UUID, *, rating: int, comment: str | None, actor: str, now: datetime
) -> None:
    """One person's rating of 1 to 5; a second one replaces the first. Raises ConfigurationError."""
    if not 1 <= rating <= 5:
        raise ConfigurationError(f"rating={rating} is out of range: give 1 to 5")
    said = _text(comment, "comment") if comment else None
    with engine.begin() as connection:
        advice = _lock(connection, recommendation_id)
        keys = {"recommendation_id": advice["id"], "user_name": _actor(actor)}
        found = run_sql(connection, "queries/recommendation_rating_of", keys)
        before = found[0] if found else None
        after = {"rating": rating, "comment": said or None}
        if before == after:
            return
        values = {**after, **keys, "organization_id": advice["organization_id"], "now": now}
        run_sql(connection, "queries/recommendation_rate", values)
        _log(connection, advice, "rate_recommendation", before, after, actor=actor, now=now)


def _actor(actor: str) -> str:
    if not actor.strip():
        raise ConfigurationError("actor is empty: name who decides, it goes into the audit log")
    return actor


def _text(value: str, field: str) -> str:
    text = value.strip()
    if len(text) > MOST_CHARACTERS or "\x00" in text:
        raise ConfigurationError(f"{field} is too long or no text: give at most {MOST_CHARACTERS} characters")
    return text


def _read(connection: Connection, name: str, recommendation_id: UUID) -> Row:
    found = run_sql(connection, f"queries/{name}", {"id": recommendation_id})
    if not found:
        raise ConfigurationError(f"recommendation={recommendation_id} is unknown: take its id from the list")
    return found[0]


def _hold_feature(connection: Connection, recommendation_id: UUID) -> FeatureSettings:
    """The feature first, then the advice: the order in which the nightly review locks them."""
    subject = _read(connection, "recommendation_subject", recommendation_id)
    return hold_within(connection, subject["organization_id"], subject["feature_id"])


def _lock(connection: Connection, recommendation_id: UUID) -> Row:
    return _read(connection, "recommendation_lock", recommendation_id)


def _undecided(
    connection: Connection, recommendation_id: UUID, statuses: Sequence[str], now: datetime
) -> Row:
    advice = _lock(connection, recommendation_id)
    _check_undecided(advice, statuses, now)
    return advice


def _check_undecided(advice: Row, statuses: Sequence[str], now: datetime) -> None:
    _check_current(advice, now)
    _check_status(advice, statuses)
    if advice["verdict"] not in (*CHANGES, Verdict.TRIAL) and not advice["by_workload"]:
        raise DecisionRefused("It advises no change: there is nothing to decide.")


def _check_current(advice: Row, now: datetime) -> None:
    if not advice["is_latest"] or advice["status"] == "superseded":
        raise DecisionRefused("A later night decided this feature anew: look at its current recommendation.")
    if advice["valid_until"] <= now:
        raise DecisionRefused(
            f"It was valid until {advice['valid_until']:%Y-%m-%d}: the next night decides the feature anew."
        )


def _check_status(advice: Row, statuses: Sequence[str]) -> None:
    if advice["status"] not in statuses:
        who = f" by {advice['decided_by']}" if advice["decided_by"] else ""
        raise DecisionRefused(
            f"It is {advice['status'].replace('_', ' ')}{who}, not {' or '.join(statuses)}: "
            "reload to see how it stands."
        )


def _names_a_change(advice: Row) -> bool:
    return (
        advice["verdict"] in CHANGES
        and advice["recommended_model"] is not None
        and advice["recommended_model_id"] != advice["current_model_id"]
    )


def _check_change(advice: Row) -> None:
    if not _names_a_change(advice) and not advice["by_workload"]:
        raise DecisionRefused("It names no other model that is proven: there is nothing to accept.")
    if advice["model_in_use_id"] != advice["current_model_id"]:
        raise DecisionRefused(
            f"It was decided against {advice['current_model'] or 'no model'}, but the feature uses "
            f"{advice['model_in_use'] or 'no model'} by now: wait for the next night, or set the model on its own page."
        )


def _change(advice: Row, settings: FeatureSettings) -> FeatureChange:
    """The recommended model, which stops being its own fallback; proven rules stand behind those that are there."""
    there = [dict(rule.when) for rule in settings.workload_models]
    proven = [WorkloadModel(rule["when"], rule["model"]) for rule in advice["by_workload"]]
    added = [rule for rule in proven if dict(rule.when) not in there]
    model = advice["recommended_model"] if _names_a_change(advice) else None
    return FeatureChange(
        model=UNSET if model is None else model,
        fallbacks=[f for f in settings.fallbacks if f != model] if model in settings.fallbacks else UNSET,
        workload_models=[*settings.workload_models, *added][:MOST_WORKLOAD_MODELS] if added else UNSET,
    )


def _write(
    connection: Connection,
    advice: Row,
    status: str,
    *,
    actor: str,
    now: datetime,
    reason: str | None = None,
    until: date | None = None,
) -> Decided:
    is_open = status == "open"
    after = {
        "status": status,
        "decided_by": None if is_open else _actor(actor),
        "decided_at": None if is_open else now,
        "decision_reason": reason,
        "snoozed_until": until,
    }
    run_sql(connection, "queries/recommendation_decide", {"id": advice["id"], **after})
    before = {name: advice[name] for name in after}
    _log(connection, advice, f"recommendation_{status}", before, after, actor=actor, now=now)
    return Decided(advice["id"], advice["feature_id"], advice["status"], status)


def _log(
    connection: Connection,
    advice: Row,
    action: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    *,
    actor: str,
    now: datetime,
) -> None:
    about = {"recommendation_id": advice["id"]}
    run_sql(
        connection,
        "queries/feature_audit",
        {
            "organization_id": advice["organization_id"],
            "feature_id": advice["feature_id"],
            "actor": _actor(actor),
            "action": action,
            "before": None if before is None else json.dumps({**before, **about}, default=str),
            "after": json.dumps({**after, **about}, default=str),
            "now": now,
            "undoes": None,
        },
    )
