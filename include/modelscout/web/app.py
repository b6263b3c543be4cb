"""Builds the page. One dependency of the whole app authenticates; nothing is served beside it."""

# Annotations are evaluated here: `authenticate` names a dependency that exists only inside its function.

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, status
from fastapi.routing import APIRoute
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from starlette.routing import Match

import modelscout
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import open_engine
from modelscout.web import assets
from modelscout.web.api import routes as api
from modelscout.web.headers import SecurityHeaders
from modelscout.web.ports import Benchmarks, Caller, CurrentCaller, StartRun
from modelscout.web.problems import add_handlers
from modelscout.web.scoped import enforce_scopes
from modelscout.web.views import routes as views

STATEMENT_TIMEOUT_MS = 2000
"""A slow query must not hold up Airflow's own API, which runs in the same process."""
CONNECT_TIMEOUT_S = "3"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

elsewhere = APIRouter(include_in_schema=False)


@elsewhere.api_route("/{path:path}", methods=METHODS)
def nothing_here(request: Request) -> None:
    """Every other address, so that it too answers only after authentication."""
    own = [
        route for route in request.app.routes if isinstance(route, APIRoute) and route.name != "nothing_here"
    ]
    known = [route.methods for route in own if route.matches(request.scope)[0] is Match.PARTIAL]
    if known:
        allowed = ", ".join(sorted(set().union(*known)))
        raise HTTPException(
            status.HTTP_405_METHOD_NOT_ALLOWED,
            f"Only {allowed} is answered here.",
            headers={"Allow": allowed},
        )
    raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such page.")


def create_app(
    *,
    database_url: str,
    current_caller: CurrentCaller,
    start_run: StartRun,
    benchmarks: Benchmarks | None = None,
) -> FastAPI:
    """The page on one warehouse, to be mounted under any prefix.

    Opens its own small pool of connections when it starts; without `benchmarks` none can be started. Raises
    ConfigurationError where `database_url` is not a psycopg 3 URL.
    """
    url = _page_url(database_url)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = open_engine(url, statement_timeout_ms=STATEMENT_TIMEOUT_MS)
        enforce_scopes(engine)
        # Options of one engine stay with those derived from it: what changes rows begins at the plain one.
        app.state.engine = engine.execution_options(postgresql_readonly=True)
        app.state.changing_engine = engine
        app.state.start_run = start_run
        app.state.benchmarks = benchmarks
        yield
        engine.dispose()

    app = _guarded_app(current_caller, lifespan)
    app.include_router(api.router)
    app.include_router(assets.router)
    app.include_router(views.router)
    app.include_router(elsewhere)
    return app


def create_notice_app(*, notice: str, current_caller: CurrentCaller) -> FastAPI:
    """A page that only says why there is no page, to whoever is logged in."""
    app = _guarded_app(current_caller)
    app.include_router(assets.router)

    @app.api_route("/{path:path}", methods=METHODS, include_in_schema=False)
    def tell() -> None:
        raise HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, notice)

    return app


def _guarded_app(
    current_caller: CurrentCaller,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """An app without routes of its own: the built-in documents would answer anybody."""

    def authenticate(request: Request, caller: Annotated[Caller, Depends(current_caller)]) -> None:
        request.state.modelscout_caller = caller

    app = FastAPI(
        title="Modelscout",
        version="1",
        description=modelscout.__doc__ or "",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(authenticate)],
        lifespan=lifespan,
    )
    app.add_middleware(SecurityHeaders)
    add_handlers(app)
    return app


def _page_url(database_url: str) -> str:
    """The URL with a limit on how long connecting may take."""
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ConfigurationError(
            "MODELSCOUT_DATABASE_URL is no database URL: write postgresql+psycopg://user@host/database"
        ) from None
    if url.drivername != "postgresql+psycopg":
        raise ConfigurationError(
            f"MODELSCOUT_DATABASE_URL begins with {url.drivername}: write postgresql+psycopg://user@host/database"
        )
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": CONNECT_TIMEOUT_S})
    return url.render_as_string(hide_password=False)
