"""The overview: what is used, what it costs, what is better."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.analytics.spend import PERIOD_DAYS
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.charts.series import FORMER, LAST
from modelscout.web.data import overview as data
from modelscout.web.formatting import day
from modelscout.web.rendering import render
from modelscout.web.schemas.overview import SpendOverview
from modelscout.web.views.common import page_router

router = page_router()


@router.get("/")
def overview(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """Everything at a glance, of one organization or of all that the caller sees."""
    found = data.overview(access, chosen)
    return render(request, "overview.html", access, chosen, o=found, spend_rows=_spend_rows(found.spend))


def _spend_rows(spend: SpendOverview) -> list[dict[str, Any]]:
    """The former period is drawn over the days of the last one."""
    shift = timedelta(days=PERIOD_DAYS)
    rows = [
        {
            "day": found.day if found.day >= spend.first_day else found.day + shift,
            "period": LAST if found.day >= spend.first_day else FORMER,
            "usd": found.cost_usd,
            "date": day(found.day),
        }
        for found in spend.days
    ]
    return [row for row in rows if row["usd"] is not None]
