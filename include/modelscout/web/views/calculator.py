"""What a month would cost."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

router = page_router()


@router.get("/calculator")
def calculator(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """What a month would cost."""
    return render(request, "calculator.html", access, chosen)
