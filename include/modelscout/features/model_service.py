"""Reads and changes what an organization configured for a model: validated, audited, undoable.

Every read and change is one transaction. Clients hear of a change when it commits (triggers of `selection_versions`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from modelscout.core.errors import ChangedMeanwhile, ConfigurationError
from modelscout.features import checks
from modelscout.features.columns import UsableModels, fallback_ids
from modelscout.features.model_settings import ModelChange, ModelChanged, ModelSettings, check_cost_options
from modelscout.features.settings import UNSET, Unset
from modelscout.features.transactions import check_actor, organization_id_of, transaction
from modelscout.warehouse.engine import Row, run_sql

NO_MODEL_SETTINGS: Mapping[str, Any] = {
    "enabled": True,
    "parameters": {},
    "limits": {},
    "cost_options": {},
    "fallback_model_ids": [],
}
"""The stored columns of a model that nobody configured."""


class UnknownModel(ConfigurationError):
    """No such model, or another organization's own."""


class ModelSettingsService:
    """The configuration of models. `organization` is a slug or an id, `model_id` the id of a row of `ai_models`."""

    def __init__(self, engine: Engine) -> None:
        """`engine` may write `ai_model_settings` and `audit_log` of the organizations it is used for."""
        self._engine = engine

    def read(self, organization: str, model_id: UUID) -> ModelSettings:
        """What is configured. Raises ConfigurationError for an unknown organization, UnknownModel."""
        with transaction(self._engine) as connection:
            return _read(connection, organization_id_of(connection, organization), model_id)

    def update(
        self,
        organization: str,
        model_id: UUID,
        change: ModelChange,
        *,
        actor: str,
        now: datetime,
        seen_at: datetime | Unset | None = UNSET,
    ) -> ModelChanged:
        """Change what `change` names. Doing it twice changes, and logs, nothing the second time.

        `seen_at` is `updated_at` as whoever changes it saw it. Raises ConfigurationError that names the field where a
        value is wrong, UnknownModel, ChangedMeanwhile where the settings are no longer as they were seen.
        """
        check_actor(actor)
        with transaction(self._engine) as connection:
            organization_id = organization_id_of(connection, organization)
            _read(connection, organization_id, model_id)
            stored = _lock(connection, organization_id, model_id)
            standing = _read(connection, organization_id, model_id)
            if seen_at is not UNSET and standing.updated_at != seen_at:
                raise ChangedMeanwhile(
                    f"{standing.updated_by} changed this model meanwhile: load it again and repeat your change"
                )
            before = dict(NO_MODEL_SETTINGS) if stored is None else stored
            after = before | _columns(connection, organization_id, model_id, change, now.date())
            if after != before:
                _write(connection, organization_id, model_id, after, actor, now)
                _log(connection, organization_id, model_id, stored, after, actor, now)
            settings = _read(connection, organization_id, model_id)
        return ModelChanged(settings, *_difference(before, after))

    def undo(self, organization: str, model_id: UUID, *, actor: str, now: datetime) -> ModelChanged:
        """Take back the latest change that still stands; again for the one before it.

        Raises ConfigurationError where there is none, or where somebody changed the table past this service.
        """
        check_actor(actor)
        with transaction(self._engine) as connection:
            organization_id = organization_id_of(connection, organization)
            known = _read(connection, organization_id, model_id)
            before = _lock(connection, organization_id, model_id) or dict(NO_MODEL_SETTINGS)
            entry = _last_change(connection, organization_id, known)
            other = sorted(n for n, v in _stored(entry["after"]).items() if before[n] != v)
            if other:
                raise ConfigurationError(
                    f"model={known.model!r} was changed past this service since the last logged change "
                    f"({', '.join(other)}): set what you want instead of undoing"
                )
            after = before | _stored(entry["before"] or NO_MODEL_SETTINGS)
            _write(connection, organization_id, model_id, after, actor, now)
            _log(connection, organization_id, model_id, before, after, actor, now, undoes=entry["id"])
            settings = _read(connection, organization_id, model_id)
        return ModelChanged(settings, *_difference(before, after))


def _columns(
    connection: Connection, organization_id: str, model_id: UUID, change: ModelChange, today: date
) -> dict[str, Any]:
    """The columns that `change` names, checked."""
    found: dict[str, Any] = {}
    if change.enabled is not UNSET:
        if not isinstance(change.enabled, bool):
            raise ConfigurationError(f"enabled={change.enabled!r} is no truth value: give true or false")
        found["enabled"] = change.enabled
    if change.parameters is not UNSET:
        checks.check_parameters(change.parameters)
        found["parameters"] = dict(change.parameters)
    if change.limits is not UNSET:
        checks.check_limits(change.limits)
        found["limits"] = dict(change.limits)
    if change.cost_options is not UNSET:
        check_cost_options(change.cost_options)
        found["cost_options"] = dict(change.cost_options)
    if change.fallbacks is not UNSET:
        ids = fallback_ids(UsableModels(connection, organization_id, None, today), change.fallbacks)
        if str(model_id) in ids:
            raise ConfigurationError("fallbacks name the model itself: a fallback is another model")
        found["fallback_model_ids"] = ids
    return found


def _read(connection: Connection, organization_id: str, model_id: UUID) -> ModelSettings:
    keys = {"organization_id": organization_id, "model_id": str(model_id)}
    found = run_sql(connection, "queries/model_settings_read", keys)
    if not found:
        raise UnknownModel(f"model_id={model_id} is unknown: give the id of a row of ai_models")
    lists = {name: tuple(found[0][name]) for name in ("fallbacks", "used_by_features")}
    return ModelSettings(**{**found[0], **lists, "organization_id": UUID(organization_id)})


def _lock(connection: Connection, organization_id: str, model_id: UUID) -> dict[str, Any] | None:
    """The stored columns, held against other changes also where there is no row yet."""
    keys = {"organization_id": organization_id, "model_id": str(model_id)}
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:organization_id || '/' || :model_id, 1))"), keys
    )
    found = run_sql(connection, "queries/model_settings_lock", keys)
    return found[0] if found else None


def _write(
    connection: Connection,
    organization_id: str,
    model_id: UUID,
    columns: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> None:
    as_json = {name: json.dumps(columns[name]) for name in ("parameters", "limits", "cost_options")}
    keys = {"organization_id": organization_id, "model_id": str(model_id), "actor": actor, "now": now}
    run_sql(connection, "queries/model_settings_write", {**columns, **as_json, **keys})


def _log(
    connection: Connection,
    organization_id: str,
    model_id: UUID,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    actor: str,
    now: datetime,
    undoes: int | None = None,
) -> None:
    run_sql(
        connection,
        "queries/feature_audit",
        {
            "organization_id": organization_id,
            "feature_id": str(model_id),
            "actor": actor,
            "action": "set_model" if undoes is None else "undo",
            "before": None if before is None else json.dumps(before),
            "after": json.dumps(after),
            "now": now,
            "undoes": undoes,
        },
    )


def _last_change(connection: Connection, organization_id: str, known: ModelSettings) -> Row:
    keys = {"organization_id": organization_id, "model_id": str(known.model_id)}
    found = run_sql(connection, "queries/model_settings_last_change", keys)
    if not found:
        raise ConfigurationError(f"model={known.model!r} has no change to take back: set it to what you want")
    return found[0]


def _stored(logged: Mapping[str, Any] | None) -> dict[str, Any]:
    """Columns of an entry of the log; what this service does not know is left out."""
    return {name: value for name, value in (logged or {}).items() if name in NO_MODEL_SETTINGS}


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in NO_MODEL_SETTINGS if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}
