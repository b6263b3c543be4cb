"""The models, for programs."""

from __future__ import annotations

from fastapi import APIRouter

from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.api.common import After, Limit
from modelscout.web.cursors import ModelKey
from modelscout.web.data.models import listed_models
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.models import Model

router = APIRouter(tags=["models"])


@router.get("/models")
def list_models(
    access: CurrentAccess, chosen: ChosenOrganization, after: After = None, limit: Limit = 100
) -> Collection[Model]:
    """The model catalog, as the caller's organizations have it."""
    return listed_models(access, chosen, after=cursors.decode(ModelKey, after), limit=limit)
