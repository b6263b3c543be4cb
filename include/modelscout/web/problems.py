"""What goes wrong, told to people as a page and to programs as problem details (RFC 9457)."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException

from modelscout.core.errors import ConfigurationError
from modelscout.web.api.common import PREFIX
from modelscout.web.rendering import own_path, render
from modelscout.web.schemas.common import Problem

log = logging.getLogger(__name__)
REMEDIES = {
    "42P01": "The warehouse has no tables of Modelscout: run `modelscout db upgrade`.",
    "42703": "The warehouse's tables are older than this page: run `modelscout db upgrade`.",
    "42501": "The page's database user may not read: make it a member of modelscout_pipeline.",
    "57014": "The warehouse took longer than the page may wait. Try again, or ask for a shorter list.",
}
"""SQLSTATE to what a person does about it."""


def add_handlers(app: FastAPI) -> None:
    """Every error of `app` gets the form that its reader understands."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ConfigurationError, _refused)
    app.add_exception_handler(SQLAlchemyError, _database)


def _http(request: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    return _answer(request, error.status_code, str(error.detail), dict(error.headers or {}))


def _invalid(request: Request, error: Exception) -> Response:
    if not _for_programs(request):
        return _answer(request, 404, "There is no such page.")
    first = cast("RequestValidationError", error).errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _answer(request, 422, f"{where}: {first['msg']}")


def _refused(request: Request, error: Exception) -> Response:
    """What a service refuses: its message names the field and the remedy."""
    return _answer(request, 422 if _for_programs(request) else 400, str(error))


def _database(request: Request, error: Exception) -> Response:
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    log.warning("The page's query failed (%s, SQLSTATE %s)", type(error).__name__, state)
    remedy = REMEDIES.get(
        state or "", "The warehouse does not answer: see that PostgreSQL runs, then try again."
    )
    return _answer(request, 503, remedy)


def _for_programs(request: Request) -> bool:
    return own_path(request).startswith(f"{PREFIX}/")


def _answer(
    request: Request, status_code: int, detail: str, headers: dict[str, str] | None = None
) -> Response:
    title = HTTPStatus(status_code).phrase
    if not _for_programs(request):
        page = render(
            request, "error.html", status_code=status_code, title=title, detail=detail, here="error"
        )
        page.headers.update(headers or {})
        return page
    problem = Problem(title=title, status=status_code, detail=detail, instance=request.url.path)
    return JSONResponse(
        problem.model_dump(),
        status_code=status_code,
        headers=headers,
        media_type="application/problem+json",
    )
