"""Models side by side."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

router = page_router()


@router.get("/compare")
def compare(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """Models side by side."""
    return render(request, "compare.html", access, chosen)
