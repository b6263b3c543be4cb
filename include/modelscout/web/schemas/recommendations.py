"""Recommendations as the page and the JSON API show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from modelscout.core.types import Verdict
from modelscout.recommender.decisions_of_people import possible_decisions
from modelscout.recommender.plain_words import words_of
from modelscout.web.schemas.common import Interval, Shown, Stored, interval


class Status(StrEnum):
    """What became of a recommendation."""

    OPEN = "open"
    ACCEPTED = "accepted"
    APPLIED = "applied"
    REJECTED = "rejected"
    SNOOZED = "snoozed"
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"


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


class Retirement(Stored):
    """What is known about the end of the model in use."""

    deadline: date | None = None
    days_left: int | None = None
    """Negative: retired so many days ago."""
    exposure_usd_per_day: float | None = None
    successor: str | None = None
    source: str | None = None
    """`proven` on the feature's own work, or named by the `vendor`."""
    difference_usd_per_day: float | None = None
    """What the successor costs more; negative where it costs less."""
    difference_basis: str | None = None
    to_test: list[str] = Field(default_factory=list)
    would_help: list[str] = Field(default_factory=list)


class WorkModel(Stored):
    """A model of its own for one kind of work."""

    when: dict[str, list[str]] = Field(default_factory=dict)
    model_id: UUID | None = None
    model: str | None = None
    proven: bool = False
    proven_worse: bool = False
    saving_usd_per_month: float | None = None


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
    retirement: Retirement | None = None
    by_workload: list[WorkModel] = Field(default_factory=list)
    more_cases: int | None = None
    cost_of_cases_usd: float | None = None
    net_saving_first_year_usd: float | None = None


class Recommendation(Shown):
    """What one feature of one organization should use, and why."""

    id: UUID
    organization_id: UUID
    organization: str
    """The organization's short name."""
    organization_name: str
    feature_id: str
    feature: str
    headline: str
    """The verdict in a sentence or two, for people."""
    verdict: Verdict
    status: Status
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
    decision_reason: str | None
    """Why somebody rejected, snoozed or took it back."""
    snoozed_until: date | None
    is_latest: bool
    """Whether no later night decided the feature."""
    provider_in_use: str | None
    model_in_use: str | None
    """What the feature uses now, which may have changed since the night."""
    auto_apply: bool
    """Whether proven changes of the feature are applied without a person."""
    possible: list[Literal["accept", "reject", "snooze", "reopen", "undo"]]
    """What somebody with the role editor can decide now."""
    why_not_accept: str | None
    simulated: bool
    """The figures come from simulated traffic or a simulated provider."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any], *, now: datetime) -> Recommendation:
        """From a row of `web_recommendations`."""
        saving = interval((row["cost_estimate"] or {}).get("saving_usd_per_month"))
        chosen = Evidence.model_validate(row["evidence"] or {}).chosen
        possible = possible_decisions(dict(row), now=now)
        return cls.model_validate(
            {
                **{name: value for name, value in row.items() if name in cls.model_fields},
                "headline": words_of(row),
                "possible": list(possible.decisions),
                "why_not_accept": possible.why_not_accept,
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


class Night(Shown):
    """One night's recommendation for a feature, in short."""

    id: UUID
    decision_date: date
    verdict: Verdict
    status: Status
    recommendation_score: int | None
    saving_usd_per_month: float | None
    decided_by: str | None
    current_model: str | None
    recommended_model: str | None


class Rating(Shown):
    """What one person thinks of one recommendation."""

    user_name: str
    rating: int
    """1 to 5."""
    comment: str | None
    rated_at: datetime
    is_own: bool
    """The caller's own."""
