"""How an organization's use went, and what could be better: the analytics service for page and JSON API alike."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple, cast

from fastapi import Request

from modelscout.analytics.live import (
    LiveHour,
    OrganizationUse,
    RecentHours,
    live_hour,
    organizations_by_cost,
    recent_hours,
)
from modelscout.analytics.opportunities import Opportunity, opportunities
from modelscout.analytics.patterns import (
    CostShare,
    UsagePatterns,
    UsedDays,
    top_costs,
    usage_patterns,
    used_days,
)
from modelscout.analytics.performance import ModelsCompared, compare_performance
from modelscout.analytics.prediction import CostPrediction, predict_cost
from modelscout.analytics.scope import Scope
from modelscout.analytics.trend import Trend, trend
from modelscout.core.clock import now
from modelscout.warehouse.engine import one_snapshot, run_sql
from modelscout.web.access import Access, Organization
from modelscout.web.data.analytics_question import AnalyticsQuestion
from modelscout.web.shared_answers import SharedAnswers

MOST_COSTS = 50
MOST_CHOICES = 1000
SHOWN_BEFORE_PREDICTION_DAYS = 42
LIVE_KEPT_S = 5
SUMMARY_KEPT_S = 60
MOST_SHARED = 256


class Choices(NamedTuple):
    """What an organization used, to choose from."""

    features: list[str]
    models: list[str]


def trend_of(
    access: Access, organization: Organization, question: AnalyticsQuestion, *, most: int = 7
) -> Trend:
    """Requests, success, response times and cost over time."""
    with one_snapshot(access.reading) as connection:
        scope = question.scope(connection, organization.id)
        return trend(connection, scope, step=question.step, split=question.split, most=most)


def models_of(access: Access, organization: Organization, question: AnalyticsQuestion) -> ModelsCompared:
    """The models of the range side by side."""
    with one_snapshot(access.reading) as connection:
        return compare_performance(connection, question.scope(connection, organization.id))


def costs_of(
    access: Access, organization: Organization, question: AnalyticsQuestion
) -> tuple[CostShare, ...]:
    """The features and models that cost most."""
    with one_snapshot(access.reading) as connection:
        return top_costs(connection, question.scope(connection, organization.id), most=MOST_COSTS)


def patterns_of(access: Access, organization: Organization, question: AnalyticsQuestion) -> UsagePatterns:
    """Hours of the week, and how the use changes."""
    with one_snapshot(access.reading) as connection:
        return usage_patterns(connection, question.scope(connection, organization.id))


def prediction_of(
    access: Access, organization: Organization, question: AnalyticsQuestion, *, days: int
) -> CostPrediction:
    """What the coming days will cost, today included. Raises ConfigurationError where too little is known."""
    moment = now()
    with one_snapshot(access.reading) as connection:
        scope = question.scope(connection, organization.id)
        ahead = Scope(
            organization.id,
            moment.date(),
            moment.date() + timedelta(days=days - 1),
            scope.feature_id,
            scope.model_ids,
        )
        return predict_cost(connection, ahead, now=moment)


def days_before(access: Access, organization: Organization, question: AnalyticsQuestion) -> UsedDays:
    """The days before a prediction begins."""
    yesterday = now().date() - timedelta(days=1)
    with one_snapshot(access.reading) as connection:
        scope = question.scope(connection, organization.id)
        first = yesterday - timedelta(days=SHOWN_BEFORE_PREDICTION_DAYS - 1)
        return used_days(
            connection, Scope(organization.id, first, yesterday, scope.feature_id, scope.model_ids)
        )


def opportunities_of(
    access: Access, organization: Organization, question: AnalyticsQuestion
) -> tuple[Opportunity, ...]:
    """Where the same work could cost less, of the last 30 days."""
    with one_snapshot(access.reading) as connection:
        found = opportunities(connection, organization.id, now=now())
    return tuple(
        o for o in found if question.feature in (None, o.feature) and question.model in (None, o.model)
    )


def live_of(request: Request, access: Access, organization: Organization) -> LiveHour:
    """The last hour from the events, shared by all who look at this organization for some seconds."""

    def find() -> LiveHour:
        with access.reading.connect() as connection:
            return live_hour(connection, organization.id, now=now())

    return _shared(request).live.get(organization.id, find)


def recent_of(request: Request, access: Access) -> RecentHours:
    """The last begun hours of all organizations that the caller sees, shared by all who see the same."""

    def find() -> RecentHours:
        with access.reading.connect() as connection:
            return recent_hours(connection, access.organization_ids, now=now())

    return _shared(request).recent.get(_seen(access), find)


def organizations_of(
    request: Request, access: Access, *, days: int, most: int
) -> tuple[OrganizationUse, ...]:
    """The organizations that cost most over the last days, today included; shared by all who see the same."""

    def find() -> tuple[OrganizationUse, ...]:
        until = now().date()
        with access.reading.connect() as connection:
            return organizations_by_cost(
                connection,
                access.organization_ids,
                since=until - timedelta(days=days - 1),
                until=until,
                most=most,
            )

    return _shared(request).organizations.get(f"{days} {most} {_seen(access)}", find)


def choices_of(access: Access, organization: Organization, question: AnalyticsQuestion) -> Choices:
    """Features and models that the range has, by name."""
    parameters = {
        "organization_id": organization.id,
        "since": question.since,
        "until": question.until,
        "max_rows": MOST_CHOICES,
    }
    with access.reading.connect() as connection:
        rows = run_sql(connection, "queries/web_analytics_choices", parameters)
    return Choices(
        features=sorted({row["feature"] for row in rows if row["feature"]}),
        models=sorted({row["model"] for row in rows if row["model"]}),
    )


class _Shared:
    """What viewers of one page share."""

    def __init__(self) -> None:
        self.live = SharedAnswers[LiveHour](kept_s=LIVE_KEPT_S, most=MOST_SHARED)
        self.recent = SharedAnswers[RecentHours](kept_s=SUMMARY_KEPT_S, most=MOST_SHARED)
        self.organizations = SharedAnswers[tuple[OrganizationUse, ...]](
            kept_s=SUMMARY_KEPT_S, most=MOST_SHARED
        )


def _shared(request: Request) -> _Shared:
    state = request.app.state
    if not hasattr(state, "shared_analytics"):
        state.shared_analytics = _Shared()
    return cast("_Shared", state.shared_analytics)


def _seen(access: Access) -> str:
    ids = access.organization_ids
    return "*" if ids is None else ",".join(sorted(ids))
