"""What each feature should use, as the caller's organizations see it."""

from __future__ import annotations

from uuid import UUID

from modelscout.warehouse.engine import Row
from modelscout.web import cursors
from modelscout.web.access import Access, Organization
from modelscout.web.cursors import RecommendationKey
from modelscout.web.data.lists import collection, run_scoped
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.recommendations import Recommendation


def current_recommendations(
    access: Access, chosen: Organization | None, *, after: RecommendationKey | None, limit: int
) -> Collection[Recommendation]:
    """Current recommendations by organization and feature."""
    place = cursors.parameters(RecommendationKey, after)
    with access.reading.connect() as connection:
        rows = run_scoped(connection, access, chosen, "web_recommendations", max_rows=limit + 1, **place)
    return collection(rows, limit, Recommendation.from_row, _key)


def recommendation(access: Access, recommendation_id: UUID) -> Recommendation | None:
    """One recommendation; None where there is none, or it is another organization's."""
    with access.reading.connect() as connection:
        rows = run_scoped(connection, access, None, "web_recommendation", id=recommendation_id)
    return Recommendation.from_row(rows[0]) if rows else None


def _key(row: Row) -> RecommendationKey:
    return RecommendationKey(organization=row["organization"], feature_id=row["feature_id"])
