"""Recommendations, for programs."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, status

from modelscout.core.types import Verdict
from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.api import decisions
from modelscout.web.api.common import After, Limit
from modelscout.web.cursors import NightKey, RecommendationKey
from modelscout.web.data import recommendations
from modelscout.web.data.recommendations import Filter
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.recommendations import Night, Rating, Recommendation, Status

router = APIRouter(tags=["recommendations"])
router.include_router(decisions.router)


@router.get("/recommendations")
def list_recommendations(
    access: CurrentAccess,
    chosen: ChosenOrganization,
    verdict: Annotated[Verdict | None, Query(description="Only this verdict.")] = None,
    decided: Annotated[Status | None, Query(alias="status", description="Only this status.")] = None,
    feature: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Only this feature, by its id.")
    ] = None,
    night: Annotated[
        date | None, Query(description="What was decided on this day; without it what is current.")
    ] = None,
    after: After = None,
    limit: Limit = 100,
) -> Collection[Recommendation]:
    """Recommendations of the caller's organizations, one per feature, what matters most first."""
    key = cursors.decode(RecommendationKey, after)
    wanted = Filter(verdict, decided, feature or None, night)
    return recommendations.recommendations(access, chosen, wanted, after=key, limit=limit)


@router.get("/recommendations/{recommendation_id}")
def get_recommendation(access: CurrentAccess, recommendation_id: UUID) -> Recommendation:
    """One recommendation, also one that a later night superseded."""
    found = recommendations.recommendation(access, recommendation_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such recommendation.")
    return found


@router.get("/recommendations/{recommendation_id}/history")
def list_nights(
    access: CurrentAccess, recommendation_id: UUID, after: After = None, limit: Limit = 100
) -> Collection[Night]:
    """Every night of the recommendation's feature, the latest first."""
    get_recommendation(access, recommendation_id)
    key = cursors.decode(NightKey, after)
    return recommendations.history(access, recommendation_id, after=key, limit=limit)


@router.get("/recommendations/{recommendation_id}/ratings")
def list_ratings(access: CurrentAccess, recommendation_id: UUID) -> list[Rating]:
    """What people think of it, the caller's own rating first; the 50 latest at most."""
    get_recommendation(access, recommendation_id)
    return recommendations.ratings(access, recommendation_id)
