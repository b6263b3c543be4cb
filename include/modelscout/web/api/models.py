"""The models, for programs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from modelscout.web import cursors
from modelscout.web.access import ChangeableOrganization, ChosenOrganization, CurrentAccess, PathOrganization
from modelscout.web.api.common import CHANGE_RESPONSES, After, Limit, only_json
from modelscout.web.cursors import ModelKey
from modelscout.web.data import model_settings, models
from modelscout.web.model_filters import AskedFilters
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.model_settings import (
    ModelSettings,
    ModelSettingsAsked,
    ModelSettingsChanged,
    UndoAsked,
)
from modelscout.web.schemas.models import Availability, Event, Model, Price, SuiteRun, Use

router = APIRouter(tags=["models"])
ModelId = Annotated[UUID, Path(description="Id of a model, as the list of models gives it.")]
SETTINGS = "/organizations/{organization}/models/{model_id}/settings"


@router.get("/models")
def list_models(
    access: CurrentAccess,
    chosen: ChosenOrganization,
    filters: AskedFilters,
    after: After = None,
    limit: Limit = 100,
) -> Collection[Model]:
    """The model catalog, as the caller's organizations have it."""
    place = cursors.decode(ModelKey, after)
    return models.listed_models(access, chosen, filters, after=place, limit=limit).part


@router.get("/models/{model_id}")
def get_model(access: CurrentAccess, chosen: ChosenOrganization, model_id: ModelId) -> Model:
    """One model."""
    with models.recorded(access, chosen, model_id) as record:
        return record.model


@router.get("/models/{model_id}/prices")
def list_model_prices(
    access: CurrentAccess, chosen: ChosenOrganization, model_id: ModelId
) -> Collection[Price]:
    """Its prices: past, in force and scheduled, with those that the organization negotiated; 200 at most."""
    with models.recorded(access, chosen, model_id) as record:
        return Collection(items=record.prices(), next=None)


@router.get("/models/{model_id}/usage")
def list_model_usage(access: CurrentAccess, chosen: ChosenOrganization, model_id: ModelId) -> Collection[Use]:
    """Features of the caller's organizations that it served over the last 30 days, the 50 busiest."""
    with models.recorded(access, chosen, model_id) as record:
        return Collection(items=record.uses()[0], next=None)


@router.get("/models/{model_id}/benchmarks")
def list_model_benchmarks(
    access: CurrentAccess, chosen: ChosenOrganization, model_id: ModelId
) -> Collection[SuiteRun]:
    """What benchmark runs found over time, with the organization's replays; the latest 200."""
    with models.recorded(access, chosen, model_id) as record:
        return Collection(items=record.runs(), next=None)


@router.get("/models/{model_id}/availability")
def list_model_availability(
    access: CurrentAccess, chosen: ChosenOrganization, model_id: ModelId
) -> Collection[Availability]:
    """Whether each organization's key can use it, what ails first; 50 at most."""
    with models.recorded(access, chosen, model_id) as record:
        return Collection(items=record.availability()[0], next=None)


@router.get("/models/{model_id}/events")
def list_model_events(
    access: CurrentAccess, chosen: ChosenOrganization, model_id: ModelId
) -> Collection[Event]:
    """What happened to it: price changes, retirements, drift; the latest 50."""
    with models.recorded(access, chosen, model_id) as record:
        return Collection(items=record.events(), next=None)


@router.get(SETTINGS)
def get_model_settings(
    access: CurrentAccess, organization: PathOrganization, model_id: ModelId
) -> ModelSettings:
    """What the organization configured for the model."""
    return model_settings.settings_of(access, organization, model_id)


@router.patch(SETTINGS, dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def change_model_settings(
    access: CurrentAccess, organization: ChangeableOrganization, model_id: ModelId, asked: ModelSettingsAsked
) -> ModelSettingsChanged:
    """Change what the organization configured for the model. Twice the same changes nothing the second time."""
    return model_settings.change_settings(access, organization, model_id, asked)


@router.post(SETTINGS + "/undo", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def undo_model_settings(
    access: CurrentAccess, organization: ChangeableOrganization, model_id: ModelId, _: UndoAsked
) -> ModelSettingsChanged:
    """Take back the latest change that still stands; again for the one before it."""
    return model_settings.undo_settings(access, organization, model_id)
