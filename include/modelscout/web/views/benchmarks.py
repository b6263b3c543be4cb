"""Measurements, started and watched."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

router = page_router()


@router.get("/benchmarks")
def benchmarks(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """Measurements, started and watched."""
    return render(request, "benchmarks.html", access, chosen)
