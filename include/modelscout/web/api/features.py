"""Features and their configuration, for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, status

from modelscout.core.clock import now
from modelscout.core.errors import ChangedMeanwhile
from modelscout.features.service import FeatureService
from modelscout.features.settings import UNSET, FeatureChange, WorkloadModel
from modelscout.web import cursors
from modelscout.web.access import NAME_PATTERN, ChangeableOrganization, CurrentAccess
from modelscout.web.access import PathOrganization as ReadableOrganization
from modelscout.web.api.common import CHANGE_RESPONSES, After, Limit, only_json
from modelscout.web.cursors import ChangeKey, FeatureKey
from modelscout.web.data import features as data
from modelscout.web.schemas.common import Asked, Collection
from modelscout.web.schemas.features import (
    Feature,
    FeatureChangeAsked,
    FeatureChanged,
    FeatureDetail,
    ModelChoice,
    PastChange,
)

router = APIRouter(prefix="/organizations/{organization}/features", tags=["features"])
FeatureId = Annotated[
    str, Path(max_length=200, pattern=NAME_PATTERN, description="Id of a feature, such as photo_tagging.")
]


def known_feature(access: CurrentAccess, organization: ReadableOrganization, feature_id: FeatureId) -> str:
    """FastAPI dependency: the id in the path. Raises HTTPException 404 where there is no such feature."""
    known = {s.feature_id for s in FeatureService(access.reading).read_all(organization.id)}
    if feature_id not in known:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such feature.")
    return feature_id


KnownFeature = Annotated[str, Depends(known_feature)]


@router.get("")
def list_features(
    access: CurrentAccess, organization: ReadableOrganization, after: After = None, limit: Limit = 100
) -> Collection[Feature]:
    """One organization's features: what each uses, how that does, what would be better."""
    key = cursors.decode(FeatureKey, after)
    return data.listed_features(access, organization, now(), after=key, limit=limit)


@router.get("/{feature_id}")
def get_feature(
    access: CurrentAccess, organization: ReadableOrganization, feature_id: KnownFeature
) -> FeatureDetail:
    """One feature with its whole configuration."""
    return data.feature(access, organization, feature_id, now())


@router.get("/{feature_id}/choices")
def list_choices(
    access: CurrentAccess, organization: ReadableOrganization, feature_id: KnownFeature
) -> Collection[ModelChoice]:
    """Every model that the organization can use, and what each lacks for this feature."""
    return Collection(items=data.choices(access, organization, feature_id, now()), next=None)


@router.get("/{feature_id}/changes")
def list_changes(
    access: CurrentAccess,
    organization: ReadableOrganization,
    feature_id: KnownFeature,
    after: After = None,
    limit: Limit = 100,
) -> Collection[PastChange]:
    """What was changed, the newest first: by people and by the pipeline."""
    key = cursors.decode(ChangeKey, after)
    return data.changes(access, organization, feature_id, after=key, limit=limit)


@router.patch("/{feature_id}", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def change_feature(
    access: CurrentAccess,
    organization: ChangeableOrganization,
    feature_id: KnownFeature,
    asked: FeatureChangeAsked,
) -> FeatureChanged:
    """Change what is given. Where a value is refused, the message begins with its field."""
    seen_at = asked.seen_at if "seen_at" in asked.model_fields_set else UNSET
    try:
        done = FeatureService(access.changing).update(
            organization.id,
            feature_id,
            _change(asked),
            actor=access.caller.user_name,
            now=now(),
            seen_at=seen_at,
        )
    except ChangedMeanwhile as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from None
    detail = data.detail_of(access, organization, done.settings, now())
    return FeatureChanged(changed=done.changed, feature=detail)


class NothingMore(Asked):
    """An empty object."""


@router.post("/{feature_id}/undo", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def undo_change(
    access: CurrentAccess, organization: ChangeableOrganization, feature_id: KnownFeature, asked: NothingMore
) -> FeatureChanged:
    """Take back the latest change that still stands; again for the one before it."""
    del asked
    done = FeatureService(access.changing).undo(
        organization.id, feature_id, actor=access.caller.user_name, now=now()
    )
    return FeatureChanged(
        changed=done.changed, feature=data.detail_of(access, organization, done.settings, now())
    )


def _change(asked: FeatureChangeAsked) -> FeatureChange:
    """What was given; a list or an object that is null is as good as an empty one."""
    given = {name: getattr(asked, name) for name in asked.model_fields_set - {"seen_at"}}
    for name, empty in (("fallbacks", []), ("parameters", {}), ("limits", {}), ("workload_models", [])):
        if name in given and given[name] is None:
            given[name] = empty
    if "auto_apply" in given and given["auto_apply"] is None:
        del given["auto_apply"]
    if "workload_models" in given:
        given["workload_models"] = [WorkloadModel(rule.when, rule.model) for rule in given["workload_models"]]
    return FeatureChange(**given)
