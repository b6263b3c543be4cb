"""What each feature uses, and how it does."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

router = page_router()


@router.get("/features")
def features(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """What each feature uses, and how it does."""
    return render(request, "features.html", access, chosen)
