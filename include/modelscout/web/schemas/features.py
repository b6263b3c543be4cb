"""Features as the page and the JSON API show and change them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from modelscout.web.schemas.common import Asked, Interval, Shown

Text = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
Level = Annotated[str, Field(max_length=40, pattern=r"^[^\x00]*$")]
Amount = Annotated[Decimal, Field(max_digits=20, decimal_places=8)]


class WorkloadRule(Shown):
    """A model for one kind of work."""

    when: dict[str, list[str]]
    """complexity, volume, urgency or accuracy to the levels that fit."""
    model: str
    """`provider/model`."""


class FeaturePerformance(Shown):
    """How one model did on one feature. Null is unknown."""

    model: str
    requests: int
    success_rate: float | None
    success_low: float | None
    success_high: float | None
    """95 % interval."""
    p50_ms: float | None
    p95_ms: float | None
    cost_per_request_usd: Decimal | None
    cost_usd: Decimal | None
    """Of the requests whose price is known."""
    unpriced_requests: int
    quality: float | None
    """Mean of the judged answers, 0 to 1; never the success rate."""
    judged_answers: int
    simulated: bool


class Suggestion(Shown):
    """The recommendation in force."""

    recommendation_id: UUID
    verdict: str
    status: str
    recommended_model: str | None
    saving_usd_per_month: float | None
    saving_interval_usd_per_month: Interval | None
    simulated: bool


class Feature(Shown):
    """One feature of one organization: what it uses and how that does."""

    organization: str
    feature_id: str
    name: str
    configured: bool
    model: str | None
    """`provider/model`; null leaves the choice to what is known about the models."""
    fallbacks: list[str]
    required_capabilities: list[str]
    default_by: str
    """What counts where no model is assigned."""
    objective: str
    margin: Decimal
    monthly_budget_usd: Decimal | None
    spent_usd: Decimal | None
    """This month so far (UTC), of the requests whose price is known; null where none is."""
    unpriced_requests: int
    """Requests of this month without a known price."""
    auto_apply: bool
    since: date
    until: date
    """The days that `performance` is about, both included."""
    performance: FeaturePerformance | None
    """Of the assigned model; null where it had no request."""
    suggestion: Suggestion | None
    updated_at: datetime | None
    updated_by: str | None


class FeatureDetail(Feature):
    """One feature with its whole configuration, and every model that served it."""

    parameters: dict[str, Any]
    limits: dict[str, Any]
    workload_models: list[WorkloadRule]
    models: list[FeaturePerformance]


class AskedRule(Asked):
    """A model for one kind of work."""

    when: dict[Level, list[Level]]
    model: Text


class FeatureChangeAsked(Asked):
    """What to change; what is left out stays. Null clears model, margin, budget and objective."""

    model: Text | None = None
    """`provider/model`."""
    fallbacks: list[Text] | None = None
    """In the order in which they are tried."""
    parameters: dict[Text, Any] | None = None
    """Of each call, such as max_output_tokens; never a key."""
    limits: dict[Text, float] | None = None
    """max_requests_per_minute, max_latency_ms, max_cost_per_request_usd."""
    margin: Amount | None = None
    """Quality loss that the feature tolerates, a share of 1."""
    monthly_budget_usd: Amount | None = None
    objective: Literal["cost", "quality", "latency"] | None = None
    auto_apply: bool | None = None
    workload_models: list[AskedRule] | None = None
    seen_at: datetime | None = None
    """`updated_at` as you saw it: the change is refused (409) where somebody else changed the feature since."""


class FeatureChanged(Shown):
    """What a change did."""

    changed: bool
    """False where everything stood so already."""
    feature: FeatureDetail


class ModelChoice(Shown):
    """A model that the organization can use."""

    model_id: UUID
    model: str
    name: str
    lacks: list[str]
    """Required capabilities that are not verified: with one it cannot be a fallback."""
    failed: list[str]
    """Required capabilities whose test it failed: with one it cannot be assigned."""
    retires_on: date | None


class PastChange(Shown):
    """One entry of the log of a feature. `before` and `after` hold what differs, models by name."""

    id: int
    action: Literal["set_feature", "apply", "roll_back", "undo"]
    actor: str
    occurred_at: datetime
    before: dict[str, Any]
    after: dict[str, Any]
    is_undone: bool
    can_undo: bool
    """It is the latest change that still stands."""
