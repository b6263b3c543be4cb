"""What was used, and how it went: one address for each question."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from modelscout.core.errors import ConfigurationError
from modelscout.web.access import Access, ChosenOrganization, CurrentAccess, OneOrganization, Organization
from modelscout.web.data import analytics as data
from modelscout.web.data import analytics_rows as rows
from modelscout.web.data.analytics_export import PREDICTED_DAYS
from modelscout.web.data.analytics_question import AnalyticsQuestion, analytics_question
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

TABS = (
    ("analytics", "Performance", "trend"),
    ("analytics/costs", "Costs", "costs"),
    ("analytics/models", "Models", "models"),
    ("analytics/patterns", "Patterns", "hours"),
    ("analytics/prediction", "Prediction", "prediction"),
    ("analytics/opportunities", "Opportunities", "opportunities"),
)
"""Path, title and name of its export of each part."""
PRESETS = ((1, "Today"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "1 year"))
PARTS_SHOWN = 5
ORGANIZATIONS_SHOWN = 50
ORGANIZATIONS_DAYS = 2

router = page_router()
Question = Annotated[AnalyticsQuestion, Depends(analytics_question)]


def only_organization(access: CurrentAccess, chosen: ChosenOrganization) -> Organization | None:
    """FastAPI dependency: the chosen organization, else the only one that there is to choose."""
    return chosen or (access.organizations[0] if len(access.organizations) == 1 else None)


Shown = Annotated[Organization | None, Depends(only_organization)]


@router.get("/analytics")
def analytics(request: Request, access: CurrentAccess, shown: Shown, question: Question) -> HTMLResponse:
    """Requests, success, response times and errors of one organization; of all a summary."""
    if shown is None:
        return _all(request, access)
    found = data.trend_of(access, shown, question, most=PARTS_SHOWN)
    hour = data.live_of(request, access, shown)
    return _page(
        request,
        access,
        shown,
        question,
        "analytics.html",
        found=found,
        hour=hour,
        live_rows=rows.live_rows(hour),
        requests=rows.request_rows(found, question.step),
        success=rows.success_rows(found, question.step),
        times=rows.time_rows(found, question.step, question.split),
        errors=rows.error_rows(found),
    )


@router.get("/analytics-live")
def live(request: Request, access: CurrentAccess, organization: OneOrganization) -> HTMLResponse:
    """The last hour alone: the page takes it in by itself. On the page's own level, for its links."""
    hour = data.live_of(request, access, organization)
    return render(
        request, "analytics_live.html", access, organization, hour=hour, live_rows=rows.live_rows(hour)
    )


@router.get("/analytics/costs")
def costs(
    request: Request, access: CurrentAccess, organization: OneOrganization, question: Question
) -> HTMLResponse:
    """Cost over time, and what costs most."""
    found = data.trend_of(access, organization, question, most=PARTS_SHOWN)
    return _page(
        request,
        access,
        organization,
        question,
        "analytics_costs.html",
        found=found,
        cost=rows.cost_rows(found, question.step),
        top=data.costs_of(access, organization, question),
    )


@router.get("/analytics/models")
def models(
    request: Request, access: CurrentAccess, organization: OneOrganization, question: Question
) -> HTMLResponse:
    """Models side by side."""
    found = data.models_of(access, organization, question)
    best = {comparison.metric.value: comparison.best for comparison in found.metrics}
    return _page(request, access, organization, question, "analytics_models.html", found=found, best=best)


@router.get("/analytics/patterns")
def patterns(
    request: Request, access: CurrentAccess, organization: OneOrganization, question: Question
) -> HTMLResponse:
    """Hours of the week."""
    found = data.patterns_of(access, organization, question)
    busiest = sorted(found.hours, key=lambda h: -h.requests_per_occurrence)[:5]
    return _page(
        request,
        access,
        organization,
        question,
        "analytics_patterns.html",
        found=found,
        heat=rows.heat_rows(found),
        busiest=busiest,
        weekdays=rows.WEEKDAYS,
    )


@router.get("/analytics/prediction")
def prediction(
    request: Request, access: CurrentAccess, organization: OneOrganization, question: Question
) -> HTMLResponse:
    """What the coming days will cost."""
    try:
        found = data.prediction_of(access, organization, question, days=PREDICTED_DAYS)
    except ConfigurationError as error:
        return _page(
            request, access, organization, question, "analytics_prediction.html", found=None, why=str(error)
        )
    before = data.days_before(access, organization, question)
    return _page(
        request,
        access,
        organization,
        question,
        "analytics_prediction.html",
        found=found,
        days=PREDICTED_DAYS,
        course=rows.prediction_rows(before, found),
    )


@router.get("/analytics/opportunities")
def opportunities(
    request: Request, access: CurrentAccess, organization: OneOrganization, question: Question
) -> HTMLResponse:
    """Where the same work could cost less."""
    found = data.opportunities_of(access, organization, question)
    return _page(request, access, organization, question, "analytics_opportunities.html", found=found[:100])


def _all(request: Request, access: Access) -> HTMLResponse:
    return render(
        request,
        "analytics_all.html",
        access,
        None,
        here="analytics",
        recent=data.recent_of(request, access),
        organizations=data.organizations_of(
            request, access, days=ORGANIZATIONS_DAYS, most=ORGANIZATIONS_SHOWN
        ),
    )


def _page(
    request: Request,
    access: Access,
    organization: Organization,
    question: AnalyticsQuestion,
    template: str,
    **context: Any,
) -> HTMLResponse:
    return render(
        request,
        template,
        access,
        organization,
        here="analytics",
        tabs=TABS,
        presets=PRESETS,
        question=question,
        asked=question.address(),
        since_of=lambda days: question.today - timedelta(days=days - 1),
        choices=data.choices_of(access, organization, question),
        **context,
    )
