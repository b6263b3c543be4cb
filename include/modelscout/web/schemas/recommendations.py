"""Recommendations as the page and the JSON API show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from modelscout.core.types import Verdict
from modelscout.web.schemas.common import Interval, Shown, Stored, interval


class Tried(Stored):
    """One candidate in a recommendation's evidence. Differences are candidate minus reference, shares of 1."""

    model: str
    n: int = 0
    effect: float | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    proven: bool = False
    method: str | None = None
    saving_usd_per_month: Interval | None = None


class Evidence(Stored):
    """The parts of a recommendation's evidence that the page shows."""

    kind: str | None = None
    margin: float | None = None
    samples: int | None = None
    price_date: date | None = None
    data_window: tuple[date, date] | None = None
    retires_on: date | None = None
    recommender_version: str | None = None
    chosen: Tried | None = None
    tried: list[Tried] = Field(default_factory=list)


class Recommendation(Shown):
    """What one feature of one organization should use, and why."""

    id: UUID
    organization_id: UUID
    organization: str
    """The organization's short name."""
    organization_name: str
    feature_id: str
    feature: str
    verdict: Verdict
    status: str
    recommendation_score: int | None
    """0 to 100."""
    current_model_id: UUID | None
    current_provider: str | None
    current_model: str | None
    recommended_model_id: UUID | None
    recommended_provider: str | None
    recommended_model: str | None
    saving_usd_per_month: float | None
    """Negative where it costs more; null where a price is unknown."""
    saving_interval_usd_per_month: Interval | None
    quality_bound: float | None
    """Lower bound of the quality difference to the model in use, as a share of 1: of the recommended model, with
    `keep` of the best one tried. Null where nothing was tried."""
    n: int
    """Items that both models answered; 0 where nothing was tried."""
    reasons: list[str]
    tradeoffs: list[str]
    cost_estimate: dict[str, Any]
    performance_estimate: dict[str, Any]
    evidence: dict[str, Any]
    decision_date: date
    created_at: datetime
    valid_until: datetime
    decided_by: str | None
    decided_at: datetime | None
    simulated: bool
    """The figures come from simulated traffic or a simulated provider."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Recommendation:
        """From a row of `web_recommendations` or `web_recommendation`."""
        saving = interval((row["cost_estimate"] or {}).get("saving_usd_per_month"))
        chosen = Evidence.model_validate(row["evidence"] or {}).chosen
        return cls.model_validate(
            {
                **row,
                "saving_usd_per_month": saving.estimate if saving else None,
                "saving_interval_usd_per_month": saving,
                "quality_bound": chosen.lower_bound if chosen else None,
                "n": chosen.n if chosen else 0,
            }
        )


class Estimates(Shown):
    """What the model in use costs and what the compared one would, both on this feature's own requests."""

    is_kept: bool
    compared: str | None
    """The recommended model, with `keep` the best one tried; None where nothing was tried."""
    current_usd_per_month: float | None
    compared_usd_per_month: float | None

    @classmethod
    def of(cls, recommendation: Recommendation, evidence: Evidence) -> Estimates:
        """From the saving, not from the replayed items' own cost, whose mix is not that of the requests."""
        cost = recommendation.cost_estimate
        requests, each = cost.get("requests_per_month"), cost.get("current_cost_per_request_usd")
        current = float(requests) * float(each) if requests is not None and each is not None else None
        chosen = evidence.chosen
        saving = chosen.saving_usd_per_month if chosen else None
        return cls(
            is_kept=recommendation.verdict is Verdict.KEEP,
            compared=chosen.model if chosen else None,
            current_usd_per_month=current,
            compared_usd_per_month=current - saving.estimate if current is not None and saving else None,
        )
