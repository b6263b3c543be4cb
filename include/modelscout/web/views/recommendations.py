"""Recommendations: why, how sure, and what a person says to them."""

from __future__ import annotations

from uuid import UUID

from fastapi import HTTPException, Request, status
from fastapi.responses import HTMLResponse

from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.cursors import RecommendationKey
from modelscout.web.data import recommendations as data
from modelscout.web.interval_chart import draw
from modelscout.web.rendering import render
from modelscout.web.schemas.recommendations import Estimates, Evidence
from modelscout.web.views.common import After, page_router

ROWS_PER_PAGE = 200

router = page_router()


@router.get("/recommendations")
def recommendations(
    request: Request, access: CurrentAccess, chosen: ChosenOrganization, after: After = None
) -> HTMLResponse:
    """Current recommendations, one per feature."""
    key = cursors.decode(RecommendationKey, after)
    found = data.current_recommendations(access, chosen, after=key, limit=ROWS_PER_PAGE)
    return render(
        request, "recommendations.html", access, chosen, recommendations=found, is_first=after is None
    )


@router.get("/recommendations/{recommendation_id}")
def recommendation(
    request: Request, access: CurrentAccess, chosen: ChosenOrganization, recommendation_id: UUID
) -> HTMLResponse:
    """One recommendation with its reasons, trade-offs and evidence."""
    found = data.recommendation(access, recommendation_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such recommendation.")
    evidence = Evidence.model_validate(found.evidence)
    tried = [
        (candidate, draw(candidate.lower_bound, candidate.effect, candidate.upper_bound, evidence.margin))
        for candidate in evidence.tried
    ]
    estimates = Estimates.of(found, evidence)
    return render(
        request,
        "recommendation.html",
        access,
        chosen,
        here="recommendations",
        r=found,
        evidence=evidence,
        estimates=estimates,
        tried=tried,
    )
