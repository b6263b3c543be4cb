"""The configuration of one model in one organization, as people read and change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing
from modelscout.features import checks
from modelscout.features.settings import UNSET, Unset


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What is configured. Where the organization configured nothing, `configured` is False and the model enabled."""

    organization_id: UUID
    model_id: UUID
    model: str
    """`provider/model`."""
    configured: bool
    enabled: bool
    parameters: Mapping[str, Any]
    """Of every call of this model; a feature's own parameters come before them."""
    limits: Mapping[str, Any]
    cost_options: Mapping[str, Any]
    fallbacks: tuple[str, ...]
    """`provider/model`, in the order in which they are tried."""
    used_by_features: tuple[str, ...]
    """Features of the organization that are set to it now."""
    can_undo: bool
    """Whether a change of it still stands in the audit log."""
    updated_at: datetime | None
    updated_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChange:
    """What to change; what is UNSET stays. An empty mapping or list clears."""

    enabled: bool | Unset = UNSET
    parameters: Mapping[str, Any] | Unset = UNSET
    limits: Mapping[str, Any] | Unset = UNSET
    cost_options: Mapping[str, Any] | Unset = UNSET
    fallbacks: Sequence[str] | Unset = UNSET


@dataclass(frozen=True, slots=True)
class ModelChanged:
    """What a change did. `before` and `after` hold the stored columns that differ; both empty: nothing changed."""

    settings: ModelSettings
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """False where everything stood so already."""
        return self.before != self.after


def check_cost_options(options: Mapping[str, Any]) -> None:
    """Known options: `processing`, `prompt_caching`, `max_usd_per_day`. Raises ConfigurationError that names one."""
    checks.check_json(options, "cost_options")
    for name, value in options.items():
        named = f"cost_options.{name}={value!r}"
        if name == "processing":
            if value not in set(Processing):
                raise ConfigurationError(f"{named} is unknown: give one of {', '.join(Processing)}")
        elif name == "prompt_caching":
            if not isinstance(value, bool):
                raise ConfigurationError(f"{named} is no truth value: give true or false")
        elif name == "max_usd_per_day":
            if not checks.is_number(value) or value <= 0:
                raise ConfigurationError(f"{named} is no amount: give a number above 0")
        else:
            raise ConfigurationError(
                f"cost_options.{name} is unknown: give some of max_usd_per_day, processing, prompt_caching"
            )
