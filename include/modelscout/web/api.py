"""The JSON API under /api/v1: what the pages show, for programs."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request, status

from modelscout.web import cursors
from modelscout.web.cursors import AlertKey, ModelKey, RecommendationKey
from modelscout.web.reading import reading
from modelscout.web.schemas import Alert, Collection, Model, Problem, Recommendation

PREFIX = "/api/v1"
MAXIMUM_LIMIT = 500

After = Annotated[str | None, Query(max_length=4000, description="`next` of the part before.")]
Limit = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT, description="Items in this part, at most.")]


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: _problem("`after` is not a place in this list"),
    401: {**_problem("Nobody is logged in"), "model": Problem},
    403: _problem("The token is not valid"),
    422: _problem("A parameter is not as documented"),
    503: _problem("The warehouse does not answer"),
}
router = APIRouter(prefix=PREFIX, tags=["v1"], responses=RESPONSES)


@router.get("/recommendations")
def list_recommendations(
    request: Request, after: After = None, limit: Limit = 100
) -> Collection[Recommendation]:
    """Current recommendations of the caller's organizations, one per feature."""
    key = cursors.decode(RecommendationKey, after)
    with reading(request) as read:
        return read.recommendations(after=key, limit=limit)


@router.get("/recommendations/{recommendation_id}", responses={404: _problem("None that the caller may see")})
def get_recommendation(request: Request, recommendation_id: UUID) -> Recommendation:
    """One recommendation, also one that a later night superseded."""
    with reading(request) as read:
        found = read.recommendation(recommendation_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such recommendation.")
    return found


@router.get("/alerts")
def list_alerts(request: Request, after: After = None, limit: Limit = 100) -> Collection[Alert]:
    """Open alerts of the caller's organizations, the most severe first."""
    key = cursors.decode(AlertKey, after)
    with reading(request) as read:
        return read.alerts(after=key, limit=limit)


@router.get("/models")
def list_models(request: Request, after: After = None, limit: Limit = 100) -> Collection[Model]:
    """The model catalog, as the caller's organizations have it."""
    key = cursors.decode(ModelKey, after)
    with reading(request) as read:
        return read.models(after=key, limit=limit)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """This API as an OpenAPI document, with the address that it is mounted at."""
    server = request.scope.get("root_path") or "/"
    return {**request.app.openapi(), "servers": [{"url": server}]}
