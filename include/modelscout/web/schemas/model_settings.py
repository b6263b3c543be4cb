"""What an organization configures for a model, as the page and the JSON API show and take it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from modelscout.features.model_settings import ModelChange, ModelChanged
from modelscout.features.settings import UNSET
from modelscout.web.schemas.common import Asked, Shown

Name = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]+$")]


class ModelSettings(Shown):
    """What one organization configured for one model."""

    organization_id: UUID
    model_id: UUID
    model: str
    """`provider/model`."""
    configured: bool
    """False where the organization configured nothing: then the model is enabled."""
    enabled: bool
    parameters: dict[str, Any]
    """Of every call of this model; a feature's own parameters come before them."""
    limits: dict[str, Any]
    cost_options: dict[str, Any]
    fallbacks: list[str]
    """`provider/model`, in the order in which they are tried."""
    used_by_features: list[str]
    """Features of the organization that are set to it now."""
    can_undo: bool
    """Whether a change of it can be taken back."""
    updated_at: datetime | None
    updated_by: str | None


class ModelSettingsChanged(Shown):
    """What a change did."""

    settings: ModelSettings
    changed: bool
    """False where everything stood so already."""
    before: dict[str, Any]
    """The stored columns that differ, as they were."""
    after: dict[str, Any]

    @classmethod
    def of(cls, done: ModelChanged) -> ModelSettingsChanged:
        """From what the service did."""
        settings = ModelSettings.model_validate(done.settings, from_attributes=True)
        return cls(settings=settings, changed=done.changed, before=dict(done.before), after=dict(done.after))


class Limits(Asked):
    """Limits of the model's use; each may be left out."""

    max_requests_per_minute: Annotated[float, Field(gt=0, le=1e9)] | None = None
    max_latency_ms: Annotated[float, Field(gt=0, le=1e9)] | None = None
    max_cost_per_request_usd: Annotated[float, Field(gt=0, le=1e9)] | None = None


class CostOptions(Asked):
    """How calls of the model may save; each may be left out."""

    processing: Literal["standard", "batch", "flex", "priority"] | None = None
    prompt_caching: bool | None = None
    max_usd_per_day: Annotated[float, Field(gt=0, le=1e9)] | None = None


class ModelSettingsAsked(Asked):
    """What to change; what is left out, or null, stays. An empty object or list clears."""

    enabled: bool | None = None
    parameters: dict[str, Any] | None = None
    """Plain JSON, such as {"temperature": 0.2}."""
    limits: Limits | None = None
    cost_options: CostOptions | None = None
    fallbacks: Annotated[list[Name], Field(max_length=8)] | None = None
    """`provider/model`, in the order in which they are tried."""
    seen_at: datetime | None = None
    """`updated_at` as you saw it: 409 where somebody changed it since. Left out, whatever stands is changed."""

    def change(self) -> ModelChange:
        """As the service takes it."""
        return ModelChange(
            enabled=UNSET if self.enabled is None else self.enabled,
            parameters=UNSET if self.parameters is None else self.parameters,
            limits=UNSET if self.limits is None else _given(self.limits),
            cost_options=UNSET if self.cost_options is None else _given(self.cost_options),
            fallbacks=UNSET if self.fallbacks is None else self.fallbacks,
        )


class UndoAsked(Asked):
    """Nothing: the latest change is taken back."""


def _given(part: Asked) -> Mapping[str, Any]:
    return part.model_dump(exclude_none=True)
