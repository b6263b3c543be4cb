"""What was used, and how it went."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

router = page_router()


@router.get("/analytics")
def analytics(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """What was used, and how it went."""
    return render(request, "analytics.html", access, chosen)
