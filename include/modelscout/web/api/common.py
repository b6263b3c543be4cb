"""What every route of the JSON API shares."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import HTTPException, Query, Request, status

from modelscout.web.schemas.common import Problem

PREFIX = "/api/v1"
MAXIMUM_LIMIT = 500
OWN_SITES = {"same-origin", "none"}

After = Annotated[str | None, Query(max_length=4000, description="`next` of the part before.")]
Limit = Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT, description="Items in this part, at most.")]


def problem(description: str) -> dict[str, Any]:
    """One documented error."""
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: problem("`after` is not a place in this list, or the request is not JSON"),
    401: {**problem("Nobody is logged in"), "model": Problem},
    403: problem("The token is not valid, or the caller may not do this"),
    404: problem("There is none that the caller may see"),
    422: problem("A parameter or field is not as documented"),
    503: problem("The warehouse does not answer"),
}
"""Of every route."""
CHANGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    409: problem("Somebody else changed it meanwhile, or it is no longer open"),
    415: problem("The body is not application/json"),
}
"""Of every route that changes something, beside RESPONSES."""


def only_json(request: Request) -> None:
    """FastAPI dependency of every change: a JSON body, sent from our own pages or by a program.

    A form of another site can send neither JSON nor a request that the browser does not mark as foreign.
    Raises HTTPException 415, 403.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(
            status.HTTP_415_UNSUPPORTED_MEDIA_TYPE, "Send the body as JSON: content-type application/json."
        )
    if request.headers.get("sec-fetch-site", "none") not in OWN_SITES:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "A change is not taken from another site.")
