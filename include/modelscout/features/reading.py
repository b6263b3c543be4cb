"""What people look at before they change a feature: the models to choose from, and what was changed before.

`connection` may be bound to what one person sees: both read nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from modelscout.features.service import NO_SETTINGS
from modelscout.features.settings import ModelChoice, PastChange
from modelscout.warehouse.engine import Row, run_sql

CHANGES = ("set_feature", "apply", "roll_back")
"""What `FeatureService.undo` takes back."""


def model_choices(connection: Connection, organization_id: str, *, today: date) -> list[ModelChoice]:
    """Every model that the organization can use now, by provider and name."""
    keys = {"organization_id": organization_id, "today": today}
    return [
        ModelChoice(
            model_id=row["model_id"],
            model=row["model"],
            name=row["name"],
            verified=frozenset(row["verified"]),
            contradicted=frozenset(row["contradicted"]),
            retires_on=row["retires_on"],
        )
        for row in run_sql(connection, "queries/feature_choices", keys)
    ]


def usable_models(connection: Connection, organization_ids: Sequence[str], *, today: date) -> list[str]:
    """Names (`provider/model`) of the models that at least one of these organizations can use now."""
    keys = {"organization_ids": list(organization_ids), "today": today}
    return [row["model"] for row in run_sql(connection, "queries/feature_usable_models", keys)]


def history(
    connection: Connection,
    organization_id: str,
    feature_id: str,
    *,
    max_rows: int,
    before_id: int | None = None,
) -> list[PastChange]:
    """What was changed of a feature, the newest first: by people and by the pipeline."""
    keys = {"organization_id": organization_id, "feature_id": feature_id}
    rows = run_sql(
        connection, "queries/feature_history", {**keys, "max_rows": max_rows, "before_id": before_id}
    )
    standing = run_sql(connection, "queries/feature_last_change", keys)
    latest = standing[0]["id"] if standing else None
    names = _names(connection, rows)
    return [_change(row, names, latest) for row in rows]


def _change(row: Row, names: Mapping[str, str], latest: int | None) -> PastChange:
    before, after = dict(NO_SETTINGS) | (row["before"] or {}), row["after"] or {}
    differing = [name for name in NO_SETTINGS if name in after and after[name] != before[name]]
    return PastChange(
        id=row["id"],
        action=row["action"],
        actor=row["actor"],
        occurred_at=row["occurred_at"],
        before={name: _named(name, before[name], names) for name in differing},
        after={name: _named(name, after[name], names) for name in differing},
        is_undone=row["is_undone"],
        can_undo=row["id"] == latest,
    )


def _named(name: str, value: Any, names: Mapping[str, str]) -> Any:
    """A stored value with models by name."""
    if name == "current_model_id":
        return None if value is None else names.get(value, value)
    if name == "fallback_model_ids":
        return [names.get(model_id, model_id) for model_id in value]
    if name == "workload_models":
        return [
            {"when": rule.get("when"), "model": names.get(rule.get("model_id"), rule.get("model_id"))}
            for rule in value
        ]
    return value


def _names(connection: Connection, rows: Sequence[Row]) -> dict[str, str]:
    ids = {model_id for row in rows for side in ("before", "after") for model_id in _ids(row[side] or {})}
    if not ids:
        return {}
    found = run_sql(connection, "queries/feature_model_names", {"model_ids": sorted(ids)})
    return {row["model_id"]: row["model"] for row in found}


def _ids(columns: Mapping[str, Any]) -> Iterable[str]:
    if columns.get("current_model_id"):
        yield columns["current_model_id"]
    yield from columns.get("fallback_model_ids") or ()
    for rule in columns.get("workload_models") or ():
        if rule.get("model_id"):
            yield rule["model_id"]
