"""The overview: what is used, what it costs, what is better."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.data.alerts import open_alerts
from modelscout.web.data.recommendations import current_recommendations
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

ALERTS_SHOWN = 10
RECOMMENDATIONS_SHOWN = 50

router = page_router()


@router.get("/")
def overview(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """Open alerts and current recommendations."""
    return render(
        request,
        "overview.html",
        access,
        chosen,
        alerts=open_alerts(access, chosen, after=None, limit=ALERTS_SHOWN),
        recommendations=current_recommendations(access, chosen, after=None, limit=RECOMMENDATIONS_SHOWN),
    )
