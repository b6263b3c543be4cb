"""What an organization configured for a model: read and changed through the service of `features`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from fastapi import HTTPException, status

from modelscout.core.clock import now
from modelscout.core.errors import ChangedMeanwhile
from modelscout.features.model_service import ModelSettingsService, UnknownModel
from modelscout.features.settings import UNSET
from modelscout.web.access import Access, Organization
from modelscout.web.data.models import NO_MODEL
from modelscout.web.schemas.model_settings import ModelSettings, ModelSettingsAsked, ModelSettingsChanged


def settings_of(access: Access, organization: Organization, model_id: UUID) -> ModelSettings:
    """What is configured. Raises HTTPException 404."""
    with _known():
        found = ModelSettingsService(access.reading).read(organization.id, model_id)
    return ModelSettings.model_validate(found, from_attributes=True)


def change_settings(
    access: Access, organization: Organization, model_id: UUID, asked: ModelSettingsAsked
) -> ModelSettingsChanged:
    """Change what is named. Raises HTTPException 404 and 409, ConfigurationError for what is refused."""
    with _known():
        done = ModelSettingsService(access.changing).update(
            organization.id,
            model_id,
            asked.change(),
            actor=access.caller.user_name,
            now=now(),
            seen_at=asked.seen_at if "seen_at" in asked.model_fields_set else UNSET,
        )
    return ModelSettingsChanged.of(done)


def undo_settings(access: Access, organization: Organization, model_id: UUID) -> ModelSettingsChanged:
    """Take back the latest change. Raises HTTPException 404, ConfigurationError where there is none."""
    with _known():
        done = ModelSettingsService(access.changing).undo(
            organization.id, model_id, actor=access.caller.user_name, now=now()
        )
    return ModelSettingsChanged.of(done)


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except UnknownModel:
        raise HTTPException(status.HTTP_404_NOT_FOUND, NO_MODEL) from None
    except ChangedMeanwhile as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from None
