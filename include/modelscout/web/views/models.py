"""The models, and everything known about one."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.cursors import ModelKey
from modelscout.web.data.models import listed_models
from modelscout.web.rendering import render
from modelscout.web.views.common import After, page_router

ROWS_PER_PAGE = 200

router = page_router()


@router.get("/models")
def models(
    request: Request, access: CurrentAccess, chosen: ChosenOrganization, after: After = None
) -> HTMLResponse:
    """The model catalog."""
    found = listed_models(access, chosen, after=cursors.decode(ModelKey, after), limit=ROWS_PER_PAGE)
    return render(request, "models.html", access, chosen, models=found, is_first=after is None)
