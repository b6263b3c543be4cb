"""From a change as people write it to the columns that are stored: names become ids, every value is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from modelscout.core.errors import ConfigurationError
from modelscout.features import checks
from modelscout.features.settings import UNSET, FeatureChange, WorkloadModel
from modelscout.warehouse.engine import Row, run_sql


def columns_of(
    connection: Connection,
    organization_id: str,
    feature_id: str,
    before: Mapping[str, Any],
    change: FeatureChange,
    *,
    today: date,
) -> dict[str, Any]:
    """The columns after `change`. Raises ConfigurationError that names the field and the remedy."""
    after = dict(before) | _plain_columns(change)
    models = UsableModels(connection, organization_id, feature_id, today)
    if change.model is not UNSET:
        after["current_model_id"] = None if change.model is None else models.assignable(change.model, "model")
    if change.fallbacks is not UNSET:
        after["fallback_model_ids"] = fallback_ids(models, change.fallbacks)
    if change.workload_models is not UNSET:
        after["workload_models"] = _workload_models(models, change.workload_models)
    if after["current_model_id"] is not None and after["current_model_id"] in after["fallback_model_ids"]:
        raise ConfigurationError("fallbacks name the model in use itself: a fallback is another model")
    return after


def _plain_columns(change: FeatureChange) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if change.parameters is not UNSET:
        checks.check_parameters(change.parameters)
        found["parameters"] = dict(change.parameters)
    if change.margin is not UNSET:
        checks.check_margin(change.margin)
        found["margin"] = change.margin
    if change.limits is not UNSET:
        checks.check_limits(change.limits)
        found["limits"] = dict(change.limits)
    if change.monthly_budget_usd is not UNSET:
        checks.check_budget(change.monthly_budget_usd)
        found["monthly_budget_usd"] = change.monthly_budget_usd
    if change.objective is not UNSET:
        checks.check_objective(change.objective)
        found["objective"] = change.objective
    if change.auto_apply is not UNSET:
        if not isinstance(change.auto_apply, bool):
            raise ConfigurationError(
                f"auto_apply={change.auto_apply!r} is no truth value: give True or False"
            )
        found["auto_apply"] = change.auto_apply
    return found


def fallback_ids(models: UsableModels, names: Sequence[str]) -> list[str]:
    """Ids of models that stand in for another, in their order. Raises ConfigurationError that names the entry."""
    checks.check_number("fallbacks", names, checks.MOST_FALLBACKS)
    found = [models.able(name, f"fallbacks[{position}]") for position, name in enumerate(names)]
    if len(set(found)) < len(found):
        raise ConfigurationError("fallbacks name a model twice: give each once")
    return found


def _workload_models(models: UsableModels, rules: Sequence[WorkloadModel]) -> list[dict[str, Any]]:
    checks.check_number("workload_models", rules, checks.MOST_WORKLOAD_MODELS)
    found = []
    for position, rule in enumerate(rules):
        checks.check_when(rule.when, position)
        model_id = models.able(rule.model, f"workload_models[{position}].model")
        found.append(
            {"when": {word: list(levels) for word, levels in rule.when.items()}, "model_id": model_id}
        )
    return found


class UsableModels:
    """Looks models up and says why one cannot serve this feature of this organization."""

    def __init__(
        self, connection: Connection, organization_id: str, feature_id: str | None, today: date
    ) -> None:
        """Without a feature any model will do that can be called."""
        self._connection = connection
        self._organization_id = organization_id
        self._today = today
        self._required = set(
            connection.execute(
                text("SELECT unnest(required_capabilities) FROM ai_features WHERE id = :id"),
                {"id": feature_id},
            ).scalars()
        )

    def assignable(self, name: str, field: str) -> str:
        """Id of a model to put in use: it can be called, and nothing that the feature needs is disproved."""
        row = self._usable(name, field)
        lacking = sorted(self._required & set(row["contradicted"]))
        if lacking:
            raise ConfigurationError(
                f"{field}={row['model']!r} failed the test of {', '.join(lacking)}, which this feature needs: "
                "choose a model that has it"
            )
        return str(row["model_id"])

    def able(self, name: str, field: str) -> str:
        """Id of a model that stands in for another: besides, everything that the feature needs is verified."""
        row = self._usable(name, field)
        lacking = sorted(self._required - set(row["verified"]))
        if lacking:
            raise ConfigurationError(
                f"{field}={row['model']!r} is not verified for {', '.join(lacking)}, which this feature needs: "
                "run test_model_capabilities for it or choose a model that passed"
            )
        return str(row["model_id"])

    def _usable(self, name: str, field: str) -> Row:
        provider, _, named = name.partition("/")
        keys = {"provider": provider, "named": named, "organization_id": self._organization_id}
        found = run_sql(self._connection, "queries/feature_model", keys) if named else []
        if not found:
            raise ConfigurationError(
                f"{field}={name!r} is unknown: write it as provider/model, such as openai/gpt-6-luna; "
                "`modelscout catalog list` shows the known ones"
            )
        problem = self._problem(found[0])
        if problem:
            raise ConfigurationError(f"{field}={found[0]['model']!r} {problem}")
        return found[0]

    def _problem(self, row: Row) -> str | None:
        if row["retires_on"] is not None and row["retires_on"] <= self._today:
            return f"was retired on {row['retires_on']}: choose its successor"
        if not row["enabled"]:
            return "is switched off for this organization (ai_model_settings.enabled): switch it on or choose another"
        if not row["has_key"]:
            return (
                "has no usable key: check organization_provider_keys, and the allowed providers and regions"
            )
        if row["status"] not in ("active", "available", "deprecated"):
            return (
                f"is {row['status'] or 'not listed'} for this organization's key: "
                "`modelscout check` asks the provider now"
            )
        return None
