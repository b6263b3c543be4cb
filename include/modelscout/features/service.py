"""Reads and changes what is configured for a feature: validated, audited, undoable.

Every read and change is one transaction. Clients hear of a change when it commits (triggers of `selection_versions`).
The login must be a member of `modelscout_pipeline`; applications and organizations read `feature_assignments`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from modelscout.core.errors import ChangedMeanwhile, ConfigurationError
from modelscout.features.columns import columns_of
from modelscout.features.defaults import default_order
from modelscout.features.settings import (
    UNSET,
    Changed,
    FeatureChange,
    FeatureSettings,
    Unset,
    WorkloadModel,
)
from modelscout.features.transactions import check_actor, organization_id_of, transaction
from modelscout.warehouse.engine import Row, run_sql

NO_SETTINGS: Mapping[str, Any] = {
    "current_model_id": None,
    "fallback_model_ids": [],
    "parameters": {},
    "margin": None,
    "limits": {},
    "monthly_budget_usd": None,
    "auto_apply": False,
    "objective": None,
    "workload_models": [],
}
"""The stored columns of a feature that nobody configured."""


class FeatureService:
    """The configuration of features. `organization` is a slug or an id throughout."""

    def __init__(self, engine: Engine) -> None:
        """`engine` logs in as a member of `modelscout_pipeline`."""
        self._engine = engine

    def read(self, organization: str, feature_id: str) -> FeatureSettings:
        """What is configured. Raises ConfigurationError for an unknown organization or feature."""
        with transaction(self._engine) as connection:
            return _read(connection, organization_id_of(connection, organization), organization, feature_id)

    def read_all(self, organization: str) -> list[FeatureSettings]:
        """Every feature, also those that the organization did not configure."""
        with transaction(self._engine) as connection:
            organization_id = organization_id_of(connection, organization)
            found = run_sql(
                connection, "queries/feature_read", {"organization_id": organization_id, "feature_id": None}
            )
        return [_settings(row, organization_id, organization) for row in found]

    def update(
        self,
        organization: str,
        feature_id: str,
        change: FeatureChange,
        *,
        actor: str,
        now: datetime,
        seen_at: datetime | Unset | None = UNSET,
    ) -> Changed:
        """Change what `change` names. Doing it twice changes, and logs, nothing the second time.

        `seen_at` is `updated_at` as whoever changes it saw it. Raises ConfigurationError that names the field, where a
        value is wrong or a model cannot be used; ChangedMeanwhile where the feature is no longer as it was seen.
        """
        with transaction(self._engine) as connection:
            return change_within(
                connection, organization, feature_id, change, actor=actor, now=now, seen_at=seen_at
            )

    def undo(self, organization: str, feature_id: str, *, actor: str, now: datetime) -> Changed:
        """Take back the latest change that still stands; again for the one before it.

        Raises ConfigurationError where there is none, or where somebody changed the table past this service.
        """
        with transaction(self._engine) as connection:
            return undo_within(connection, organization, feature_id, actor=actor, now=now)


def change_within(
    connection: Connection,
    organization: str,
    feature_id: str,
    change: FeatureChange,
    *,
    actor: str,
    now: datetime,
    seen_at: datetime | Unset | None = UNSET,
) -> Changed:
    """`FeatureService.update` as a part of the caller's transaction, which commits both or neither."""
    check_actor(actor)
    organization_id = organization_id_of(connection, organization)
    _read(connection, organization_id, organization, feature_id)
    stored = _lock(connection, organization_id, feature_id)
    standing = _read(connection, organization_id, organization, feature_id)
    if seen_at is not UNSET and standing.updated_at != seen_at:
        raise ChangedMeanwhile(
            f"{standing.updated_by} changed this feature meanwhile: load it again and repeat your change"
        )
    before = dict(NO_SETTINGS) if stored is None else stored
    after = columns_of(connection, organization_id, feature_id, before, change, today=now.date())
    if after != before:
        _write(connection, organization_id, feature_id, after, actor, now)
        _log(connection, organization_id, feature_id, stored, after, actor, now, "set_feature")
    settings = _read(connection, organization_id, organization, feature_id)
    return Changed(settings, *_difference(before, after))


def undo_within(
    connection: Connection, organization: str, feature_id: str, *, actor: str, now: datetime
) -> Changed:
    """`FeatureService.undo` as a part of the caller's transaction, which commits both or neither."""
    check_actor(actor)
    organization_id = organization_id_of(connection, organization)
    before = _lock(connection, organization_id, feature_id) or dict(NO_SETTINGS)
    entry = _last_change(connection, organization_id, feature_id)
    _check_untouched(before, entry, feature_id)
    after = before | _stored(entry["before"] or NO_SETTINGS)
    _write(connection, organization_id, feature_id, after, actor, now)
    _log(connection, organization_id, feature_id, before, after, actor, now, "undo", undoes=entry["id"])
    settings = _read(connection, organization_id, organization, feature_id)
    return Changed(settings, *_difference(before, after))


def hold_within(connection: Connection, organization: str, feature_id: str) -> FeatureSettings:
    """What is configured, held against other changes until the caller's transaction ends."""
    organization_id = organization_id_of(connection, organization)
    _lock(connection, organization_id, feature_id)
    return _read(connection, organization_id, organization, feature_id)


def _read(
    connection: Connection, organization_id: str, organization: str, feature_id: str
) -> FeatureSettings:
    keys = {"organization_id": organization_id, "feature_id": feature_id}
    found = run_sql(connection, "queries/feature_read", keys)
    if not found:
        raise ConfigurationError(f"feature={feature_id!r} is unknown: add a row to ai_features first")
    return _settings(found[0], organization_id, organization)


def _settings(row: Row, organization_id: str, organization: str) -> FeatureSettings:
    return FeatureSettings(
        organization_id=UUID(organization_id),
        organization=None if organization == organization_id else organization,
        feature_id=row["feature_id"],
        name=row["name"],
        configured=row["configured"],
        model=row["model"],
        fallbacks=tuple(row["fallbacks"]),
        parameters=row["parameters"],
        margin=row["margin"],
        limits=row["limits"],
        monthly_budget_usd=row["monthly_budget_usd"],
        auto_apply=row["auto_apply"],
        objective=row["objective"],
        workload_models=tuple(WorkloadModel(w["when"], w["model"]) for w in row["workload_models"]),
        required_capabilities=tuple(row["required_capabilities"]),
        default_by=default_order(row["feature_id"], row["use_case"])[0],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
    )


def _lock(connection: Connection, organization_id: str, feature_id: str) -> dict[str, Any] | None:
    """The stored columns, held against other changes also where there is no row yet."""
    keys = {"organization_id": organization_id, "feature_id": feature_id}
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:organization_id || '/' || :feature_id, 0))"),
        keys,
    )
    found = run_sql(connection, "queries/feature_lock", keys)
    return found[0] if found else None


def _write(
    connection: Connection,
    organization_id: str,
    feature_id: str,
    columns: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> None:
    as_json = {name: json.dumps(columns[name]) for name in ("parameters", "limits", "workload_models")}
    keys = {"organization_id": organization_id, "feature_id": feature_id, "actor": actor, "now": now}
    run_sql(connection, "queries/feature_write", {**columns, **as_json, **keys})


def _log(
    connection: Connection,
    organization_id: str,
    feature_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    actor: str,
    now: datetime,
    action: str,
    undoes: int | None = None,
) -> None:
    run_sql(
        connection,
        "queries/feature_audit",
        {
            "organization_id": organization_id,
            "feature_id": feature_id,
            "actor": actor,
            "action": action,
            "before": None if before is None else json.dumps(before, default=str),
            "after": json.dumps(after, default=str),
            "now": now,
            "undoes": undoes,
        },
    )


def _last_change(connection: Connection, organization_id: str, feature_id: str) -> Row:
    keys = {"organization_id": organization_id, "feature_id": feature_id}
    found = run_sql(connection, "queries/feature_last_change", keys)
    if not found:
        raise ConfigurationError(
            f"feature={feature_id!r} has no change to take back: set it to what you want"
        )
    return found[0]


def _check_untouched(now_stored: Mapping[str, Any], entry: Row, feature_id: str) -> None:
    expected = _stored(entry["after"] or {})
    other = sorted(name for name, value in expected.items() if now_stored[name] != value)
    if other:
        raise ConfigurationError(
            f"feature={feature_id!r} was changed past this service since the last logged change "
            f"({', '.join(other)}): set what you want instead of undoing"
        )


def _stored(logged: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as the database gives them, of an entry of the log; what it does not know is left out."""
    found = {name: value for name, value in logged.items() if name in NO_SETTINGS}
    for name in ("margin", "monthly_budget_usd"):
        if found.get(name) is not None:
            found[name] = Decimal(str(found[name]))
    return found


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in NO_SETTINGS if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}
