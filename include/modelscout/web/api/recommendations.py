"""Recommendations, for programs."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, status

from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.api.common import After, Limit
from modelscout.web.cursors import RecommendationKey
from modelscout.web.data import recommendations
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.recommendations import Recommendation

router = APIRouter(tags=["recommendations"])


@router.get("/recommendations")
def list_recommendations(
    access: CurrentAccess, chosen: ChosenOrganization, after: After = None, limit: Limit = 100
) -> Collection[Recommendation]:
    """Current recommendations of the caller's organizations, one per feature."""
    key = cursors.decode(RecommendationKey, after)
    return recommendations.current_recommendations(access, chosen, after=key, limit=limit)


@router.get("/recommendations/{recommendation_id}")
def get_recommendation(access: CurrentAccess, recommendation_id: UUID) -> Recommendation:
    """One recommendation, also one that a later night superseded."""
    found = recommendations.recommendation(access, recommendation_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such recommendation.")
    return found
