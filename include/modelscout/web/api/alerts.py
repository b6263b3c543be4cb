"""Open alerts, for programs."""

from __future__ import annotations

from fastapi import APIRouter

from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.api.common import After, Limit
from modelscout.web.cursors import AlertKey
from modelscout.web.data.alerts import open_alerts
from modelscout.web.schemas.alerts import Alert
from modelscout.web.schemas.common import Collection

router = APIRouter(tags=["alerts"])


@router.get("/alerts")
def list_alerts(
    access: CurrentAccess, chosen: ChosenOrganization, after: After = None, limit: Limit = 100
) -> Collection[Alert]:
    """Open alerts of the caller's organizations, the most severe first."""
    return open_alerts(access, chosen, after=cursors.decode(AlertKey, after), limit=limit)
