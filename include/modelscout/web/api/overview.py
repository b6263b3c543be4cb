"""The overview and the track record, for programs."""

from __future__ import annotations

from fastapi import APIRouter

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.data import overview as data
from modelscout.web.schemas.overview import Overview, TrackRecord

router = APIRouter(tags=["overview"])


@router.get("/overview")
def get_overview(access: CurrentAccess, chosen: ChosenOrganization) -> Overview:
    """Spend, savings, adoption, what retires, alerts and how the stages are: of one organization or of all."""
    return data.overview(access, chosen)


@router.get("/track-record")
def get_track_record(access: CurrentAccess, chosen: ChosenOrganization) -> TrackRecord:
    """Promised against realised: what came of the changes that were adopted."""
    return data.track_record(access, chosen)
