"""The pages. Every view has its own address, links are relative, and nothing needs a script."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request, status
from fastapi.responses import HTMLResponse

from modelscout.web import cursors
from modelscout.web.cursors import ModelKey, RecommendationKey
from modelscout.web.interval_chart import draw
from modelscout.web.reading import reading
from modelscout.web.rendering import render
from modelscout.web.schemas import Estimates, Evidence

ROWS_PER_PAGE = 200
ALERTS_SHOWN = 50

After = Annotated[str | None, Query(max_length=4000)]
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def overview(request: Request, after: After = None) -> HTMLResponse:
    """Current recommendations and open alerts."""
    key = cursors.decode(RecommendationKey, after)
    with reading(request) as read:
        recommendations = read.recommendations(after=key, limit=ROWS_PER_PAGE)
        alerts = read.alerts(after=None, limit=ALERTS_SHOWN)
    return render(
        request,
        "overview.html",
        recommendations=recommendations,
        alerts=alerts,
        sees_nothing=read.sees_nothing,
        is_first=after is None,
    )


@router.get("/recommendations/{recommendation_id}")
def recommendation(request: Request, recommendation_id: UUID) -> HTMLResponse:
    """One recommendation with its reasons, trade-offs and evidence."""
    with reading(request) as read:
        found = read.recommendation(recommendation_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such recommendation.")
    evidence = Evidence.model_validate(found.evidence)
    tried = [
        (candidate, draw(candidate.lower_bound, candidate.effect, candidate.upper_bound, evidence.margin))
        for candidate in evidence.tried
    ]
    estimates = Estimates.of(found, evidence)
    return render(
        request, "recommendation.html", r=found, evidence=evidence, estimates=estimates, tried=tried
    )


@router.get("/models")
def models(request: Request, after: After = None) -> HTMLResponse:
    """The model catalog."""
    key = cursors.decode(ModelKey, after)
    with reading(request) as read:
        found = read.models(after=key, limit=ROWS_PER_PAGE)
    return render(request, "models.html", models=found, is_first=after is None)
