"""Reads once what the three questions are answered from: models, prices, keys, usage and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, Engine

from modelscout.analytics.calculator_models import (
    Shelf,
    organization_id_of,
    shelf_from_warehouse,
    shelf_without_warehouse,
)
from modelscout.analytics.calculator_usage import WINDOW_DAYS, FeatureUsage, read_usage
from modelscout.analytics.comparison_costs import DAYS_PER_MONTH, days_of
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability
from modelscout.costs.calculator import to_usd
from modelscout.warehouse.engine import Row, run_sql


@dataclass(frozen=True, slots=True)
class FeatureFacts:
    """One feature as the warehouse knows it."""

    use_case: str
    required: frozenset[Capability]
    margin: float
    current: str | None
    is_set: bool
    """The organization uses it."""


@dataclass(frozen=True)
class Knowledge:
    """What is known for one organization; without one, for anybody."""

    at: datetime
    organization: str | None
    shelf: Shelf
    usage: Mapping[str, FeatureUsage] = field(default_factory=dict)
    features: Mapping[str, FeatureFacts] = field(default_factory=dict)
    replays: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    """By feature and the warehouse's model id; so too `traffic`."""
    traffic: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    unusable: Mapping[str, str | None] | None = None
    """By the warehouse's model id; None: no keys are known, all models can be used."""

    def requests_per_month(self, feature: str) -> Decimal | None:
        """Answers of the last days as a month; None where the feature was not used."""
        if feature not in self.usage:
            return None
        used = self.usage[feature]
        answers = sum(model.answers for model in used.models)
        return to_usd(answers * DAYS_PER_MONTH / days_of(used, self.at.date()))

    def current(self, feature: str) -> str | None:
        """The model in use: the one that is set, else the one that answers most."""
        facts = self.features.get(feature)
        if facts is not None and facts.current is not None:
            return facts.current
        used = self.usage.get(feature)
        return f"{used.models[0].provider}/{used.models[0].model_id}" if used else None

    @property
    def is_simulated(self) -> bool:
        """Whether a measured figure comes from the demo's traffic or the emulator."""
        rows = (*self.replays.values(), *self.traffic.values())
        return any(row["simulated"] for row in rows) or any(u.simulated for u in self.usage.values())


def read_knowledge(engine: Engine | None, *, organization: str | None, now: datetime) -> Knowledge:
    """Read everything once. An organization needs an engine; without one the catalog and the list prices hold."""
    if engine is None:
        if organization is not None:
            raise ConfigurationError("organization needs a warehouse: set MODELSCOUT_DATABASE_URL")
        return Knowledge(now, None, shelf_without_warehouse())
    with engine.connect() as connection:
        if organization is None:
            return Knowledge(
                now, None, shelf_from_warehouse(connection, None), features=_features(connection, None)
            )
        return _of_organization(connection, organization, now)


def _of_organization(connection: Connection, organization: str, now: datetime) -> Knowledge:
    identity = organization_id_of(connection, organization)
    window = {"since": now.date() - timedelta(days=WINDOW_DAYS), "until": now.date()}
    parameters = {"organization_id": identity}
    replays = run_sql(connection, "queries/question_replays", parameters)
    traffic = run_sql(connection, "queries/question_traffic", parameters | window)
    usable = run_sql(connection, "queries/question_usable", parameters)
    return Knowledge(
        at=now,
        organization=organization,
        shelf=shelf_from_warehouse(connection, identity),
        usage=read_usage(connection, identity, now=now),
        features=_features(connection, identity),
        replays={(row["feature_id"], row["model_id"]): row for row in replays},
        traffic={(row["feature_id"], row["model_id"]): row for row in traffic},
        unusable={row["model_id"]: row["unusable"] for row in usable},
    )


def _features(connection: Connection, identity: str | None) -> dict[str, FeatureFacts]:
    return {
        row["feature_id"]: FeatureFacts(
            use_case=row["use_case"],
            required=frozenset(Capability(c) for c in row["required_capabilities"] if c in set(Capability)),
            margin=float(row["margin"]),
            current=row["current_model"],
            is_set=row["is_set"],
        )
        for row in run_sql(connection, "queries/question_features", {"organization_id": identity})
    }
