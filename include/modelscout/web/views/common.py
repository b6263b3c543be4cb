"""What every page shares."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

After = Annotated[str | None, Query(max_length=4000)]


def page_router() -> APIRouter:
    """A router for pages, which stand in no OpenAPI document."""
    return APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
