"""What was used, and how it went, for programs."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from modelscout.analytics.live import MAX_DAYS_OF_ALL
from modelscout.analytics.prediction import MAX_AHEAD_DAYS
from modelscout.analytics.trend import MAX_PARTS
from modelscout.web.access import CurrentAccess, PathOrganization
from modelscout.web.api.common import Limit
from modelscout.web.data import analytics as data
from modelscout.web.data.analytics_export import Part, csv_lines, export_rows
from modelscout.web.data.analytics_question import AnalyticsQuestion, analytics_question
from modelscout.web.schemas.analytics import (
    CostPrediction,
    Costs,
    LiveHour,
    ModelsCompared,
    Opportunities,
    Organizations,
    RecentHours,
    Trend,
    UsagePatterns,
)

router = APIRouter(tags=["analytics"])
own = APIRouter(prefix="/organizations/{organization}/analytics")
Question = Annotated[AnalyticsQuestion, Depends(analytics_question)]
CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "The rows", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get("/analytics/recent")
def get_recent(request: Request, access: CurrentAccess) -> RecentHours:
    """The begun hour and the one before of all organizations that the caller sees, from the hourly rollup.

    At most a minute old.
    """
    return RecentHours.model_validate(data.recent_of(request, access))


@router.get("/analytics/organizations")
def list_organizations(
    request: Request,
    access: CurrentAccess,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS_OF_ALL, description="Days up to today, it included.")] = 2,
    limit: Limit = 50,
) -> Organizations:
    """The caller's organizations with use in the last days, the dearest first; at most a minute old."""
    found = data.organizations_of(request, access, days=days, most=limit)
    return Organizations.model_validate({"items": found})


@own.get("/live")
def get_live(request: Request, access: CurrentAccess, organization: PathOrganization) -> LiveHour:
    """The last hour as its events arrived; at most five seconds old."""
    return LiveHour.model_validate(data.live_of(request, access, organization))


@own.get("/trend")
def get_trend(
    access: CurrentAccess,
    organization: PathOrganization,
    question: Question,
    most: Annotated[int, Query(ge=1, le=MAX_PARTS, description="Parts that stand alone, at most.")] = 7,
) -> Trend:
    """Requests, success, response times and cost over time, by model or feature where asked."""
    return Trend.model_validate(data.trend_of(access, organization, question, most=most))


@own.get("/models")
def get_models(access: CurrentAccess, organization: PathOrganization, question: Question) -> ModelsCompared:
    """The models of the range side by side, and their order by each metric."""
    return ModelsCompared.model_validate(data.models_of(access, organization, question))


@own.get("/costs")
def get_costs(access: CurrentAccess, organization: PathOrganization, question: Question) -> Costs:
    """The features and models that cost most."""
    return Costs.model_validate({"items": data.costs_of(access, organization, question)})


@own.get("/patterns")
def get_patterns(access: CurrentAccess, organization: PathOrganization, question: Question) -> UsagePatterns:
    """The hours of the week, the days, and how the use changes."""
    return UsagePatterns.model_validate(data.patterns_of(access, organization, question))


@own.get("/prediction")
def get_prediction(
    access: CurrentAccess,
    organization: PathOrganization,
    question: Question,
    days: Annotated[int, Query(ge=1, le=MAX_AHEAD_DAYS, description="Days from today on.")] = 30,
) -> CostPrediction:
    """What the coming days will cost, with its interval; 422 where the history is too short to tell."""
    return CostPrediction.model_validate(data.prediction_of(access, organization, question, days=days))


@own.get("/opportunities")
def get_opportunities(
    access: CurrentAccess, organization: PathOrganization, question: Question
) -> Opportunities:
    """Where the same work could cost less, by the use of the last 30 days."""
    return Opportunities.model_validate({"items": data.opportunities_of(access, organization, question)})


@own.get("/export/{part}", response_class=StreamingResponse, responses=CSV)
def export(
    access: CurrentAccess, organization: PathOrganization, question: Question, part: Part
) -> StreamingResponse:
    """One view as CSV, for a spreadsheet."""
    rows = export_rows(part, access, organization, question)
    # The first row is found before the answer begins, so that what is wrong can still be said.
    first = next(rows, None)
    lines = csv_lines(chain([first], rows) if first is not None else ())
    name = f"modelscout-{part.value}-{question.since}-{question.until}.csv"
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


router.include_router(own)
