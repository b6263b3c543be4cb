"""Decisions about recommendations, for programs: each answers with the recommendation as it is afterwards."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends

from modelscout.web.access import ChangeableOrganization, CurrentAccess
from modelscout.web.api.common import CHANGE_RESPONSES, only_json
from modelscout.web.data import decisions as data
from modelscout.web.schemas.decisions import NothingAsked, RatingAsked, Rejection, Snooze
from modelscout.web.schemas.recommendations import Recommendation

PATH = "/organizations/{organization}/recommendations/{recommendation_id}"

router = APIRouter()


@router.post(f"{PATH}/accept", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def accept_recommendation(
    access: CurrentAccess, organization: ChangeableOrganization, recommendation_id: UUID, _: NothingAsked
) -> Recommendation:
    """Use the recommended model: the feature changes with it, and clients follow within seconds."""
    return data.accept(access, organization, recommendation_id)


@router.post(f"{PATH}/reject", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def reject_recommendation(
    access: CurrentAccess, organization: ChangeableOrganization, recommendation_id: UUID, asked: Rejection
) -> Recommendation:
    """Say no: the same advice does not come back for 90 days unless it promises half as much again."""
    return data.reject(access, organization, recommendation_id, asked.reason)


@router.post(f"{PATH}/snooze", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def snooze_recommendation(
    access: CurrentAccess, organization: ChangeableOrganization, recommendation_id: UUID, asked: Snooze
) -> Recommendation:
    """Keep it quiet until a day."""
    return data.snooze(access, organization, recommendation_id, asked.until, asked.reason)


@router.post(f"{PATH}/reopen", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def reopen_recommendation(
    access: CurrentAccess, organization: ChangeableOrganization, recommendation_id: UUID, _: NothingAsked
) -> Recommendation:
    """Make a rejected or snoozed one open again."""
    return data.reopen(access, organization, recommendation_id)


@router.post(f"{PATH}/undo", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def undo_recommendation(
    access: CurrentAccess, organization: ChangeableOrganization, recommendation_id: UUID, _: NothingAsked
) -> Recommendation:
    """Take an accepted one back: the feature uses again what it used before."""
    return data.undo(access, organization, recommendation_id)


@router.put(f"{PATH}/rating", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def rate_recommendation(
    access: CurrentAccess, organization: ChangeableOrganization, recommendation_id: UUID, asked: RatingAsked
) -> Recommendation:
    """Rate it from 1 to 5; a second rating of the same person replaces the first."""
    return data.rate(access, organization, recommendation_id, asked.rating, asked.comment)
