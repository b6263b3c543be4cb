"""The rows that a snapshot is made of, as the database and the snapshot file give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from modelscout.selection.plan import NEVER_S, Feature, Model


class OrganizationRow(NamedTuple):
    """A row of sql/queries/selection_organizations.sql."""

    organization_id: str
    organization: str | None
    usable: str
    model_parameters: str | None
    negotiated: str | None
    own_models: str | None


class FeatureRow(NamedTuple):
    """A row of sql/queries/selection_features.sql; lists are texts with commas, objects are JSON."""

    organization_id: str
    feature_id: str
    assigned: str | None = None
    fallbacks: str | None = None
    parameters: str | None = None
    limits: str | None = None
    workload_models: str | None = None
    accepted: str | None = None
    by_workload: str | None = None
    advised: str | None = None
    proven: str | None = None
    over_budget: bool = False
    settled: str | None = None
    budget_left_usd: str | None = None
    """Of the month's budget, after what was spent until `counted_until_s`; None where there is no budget."""
    counted_until_s: float | None = None

    @property
    def plan_key(self) -> tuple[object, ...]:
        """All that the plan depends on: rows that are alike in it share one."""
        return self[1:-2]


def model_of(row: Sequence[Any]) -> Model:
    """A row of sql/queries/selection_models.sql."""
    identity, provider, name, retires_at_s, verified, contradicted, scores, price = row
    return Model(
        id=identity,
        provider=provider,
        name=name,
        retires_at_s=NEVER_S if retires_at_s is None else float(retires_at_s),
        verified=frozenset(verified),
        contradicted=frozenset(contradicted),
        scores=scores,
        usd_per_million_tokens=None if price is None else float(price),
    )


def own_model_of(value: Mapping[str, Any]) -> Model:
    """A row of the view selection_models as JSON."""
    names = (
        "id",
        "provider",
        "model",
        "retires_at_s",
        "verified",
        "contradicted",
        "scores",
        "usd_per_million_tokens",
    )
    return model_of([value[name] for name in names])


def feature_of(row: Sequence[Any]) -> Feature:
    """A row of sql/queries/selection_known_features.sql."""
    return Feature(row[0], row[1], frozenset(row[2]))
