"""The configuration of one feature of one organization, as people read and change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID


class Unset(Enum):
    """Stands for a value that a change leaves as it is; None is a value of its own."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class WorkloadModel:
    """A model for one kind of work. `when` maps complexity, volume, urgency or accuracy to the levels that fit."""

    when: Mapping[str, Sequence[str]]
    model: str
    """`provider/model`."""


@dataclass(frozen=True, slots=True)
class FeatureSettings:
    """What is configured. Where the organization configured nothing, `configured` is False and `model` None."""

    organization_id: UUID
    organization: str | None
    feature_id: str
    name: str
    configured: bool
    model: str | None
    """`provider/model`; None leaves the choice to what is known about the models."""
    fallbacks: tuple[str, ...]
    """`provider/model`, in the order in which they are tried."""
    parameters: Mapping[str, Any]
    margin: Decimal
    """Quality loss that the feature tolerates, of a score of 0 to 1: its own, else the feature's default."""
    limits: Mapping[str, Any]
    monthly_budget_usd: Decimal | None
    auto_apply: bool
    objective: str
    """What a better model is better at: `cost`, `quality` or `latency`; its own, else the feature's."""
    workload_models: tuple[WorkloadModel, ...]
    required_capabilities: tuple[str, ...]
    default_by: str
    """What counts where no model is configured, such as `speed`."""
    updated_at: datetime | None
    updated_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureChange:
    """What to change; what is UNSET stays. None clears `model`, `margin`, `monthly_budget_usd` and `objective`."""

    model: str | Unset | None = UNSET
    """`provider/model`, by any name of the model."""
    fallbacks: Sequence[str] | Unset = UNSET
    parameters: Mapping[str, Any] | Unset = UNSET
    margin: Decimal | Unset | None = UNSET
    limits: Mapping[str, Any] | Unset = UNSET
    monthly_budget_usd: Decimal | Unset | None = UNSET
    auto_apply: bool | Unset = UNSET
    objective: str | Unset | None = UNSET
    workload_models: Sequence[WorkloadModel] | Unset = UNSET


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that the organization can use now, and what was found about what it can do."""

    model_id: str
    model: str
    """`provider/model`."""
    name: str
    verified: frozenset[str]
    contradicted: frozenset[str]
    retires_on: date | None

    def lacks(self, required: Sequence[str]) -> list[str]:
        """What of `required` is not verified: such a model cannot stand in for another."""
        return sorted(set(required) - self.verified)


@dataclass(frozen=True, slots=True)
class PastChange:
    """One entry of the log about a feature, with models by name. `before` and `after` hold what differs."""

    id: int
    action: str
    actor: str
    occurred_at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    is_undone: bool
    can_undo: bool
    """The latest change that still stands: it alone is taken back by `undo`."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change did. `before` and `after` hold the stored columns that differ; both empty: nothing changed."""

    settings: FeatureSettings
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """False where everything stood so already."""
        return self.before != self.after
