"""Which models a list holds, and in which order: the same words in the addresses of the page and of the JSON API."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BeforeValidator, Field, StringConstraints

from modelscout.core.types import Capability


class Status(StrEnum):
    """Status of a model, as filters name it."""

    ACTIVE = "active"
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    DEPRECATED = "deprecated"
    RETIRED = "retired"
    NOT_LISTED = "not_listed"


class Sort(StrEnum):
    """Orders of a list of models."""

    STATUS = "status"
    NAME = "name"
    PRICE = "price"
    SPEED = "speed"
    CONTEXT = "context"
    NEWEST = "newest"
    USED = "used"
    BATCH_PROCESSING = "batch_processing"
    REAL_TIME = "real_time"
    COST_SENSITIVE = "cost_sensitive"
    HIGH_ACCURACY = "high_accuracy"
    COMPLEX_ANALYSIS = "complex_analysis"
    QUALITY_CONTROL = "quality_control"


def _or_empty(value: Any) -> Any:
    """A form without scripts sends empty fields too."""
    return None if value == "" else value


def _without_empty(values: Any) -> Any:
    return [v for v in values if v != ""] if isinstance(values, list) else values


OrEmpty = BeforeValidator(_or_empty)
WithoutEmpty = BeforeValidator(_without_empty)
Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
_Words = Annotated[
    Word | None,
    OrEmpty,
    Query(alias="q", description="Part of the name, the provider or the vendor's own name."),
]
_Providers = Annotated[
    list[Word],
    WithoutEmpty,
    Field(max_length=20),
    Query(alias="provider", description="Any of these providers."),
]
_Capabilities = Annotated[
    list[Capability],
    WithoutEmpty,
    Field(max_length=8),
    Query(
        alias="capability",
        description="All of these, verified or documented and not contradicted; `image_analysis` reads photos.",
    ),
]
_Statuses = Annotated[
    list[Status],
    WithoutEmpty,
    Field(max_length=6),
    Query(alias="status", description="Any of these; `not_listed`: no visible organization's key lists it."),
]
_Price = Annotated[
    Annotated[Decimal, Field(ge=0, le=1_000_000)] | None,
    OrEmpty,
    Query(description="List price of a million tokens, four parts of input to one of output, at most."),
]
_Retires = Annotated[
    Annotated[int, Field(ge=1, le=3650)] | None,
    OrEmpty,
    Query(description="Retires within so many days, and has not yet."),
]
_Enabled = Annotated[
    bool | None, OrEmpty, Query(description="Switched on, or off, by the organization asked about.")
]
_Sort = Annotated[
    Sort,
    Query(
        description="`status`: in use first; `price`: cheapest first; `speed`: shortest measured response first; a "
        "use case: most suitable first. What is unknown comes last."
    ),
]


@dataclass(frozen=True, slots=True)
class ModelFilters:
    """Filters and order of a list of models; empty lets everything pass."""

    words: str | None = None
    providers: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    max_usd_per_million_tokens: Decimal | None = None
    retires_within_days: int | None = None
    enabled: bool | None = None
    sort: str = Sort.STATUS.value

    def parameters(self) -> dict[str, Any]:
        """As `web_models` takes them."""
        return {
            "words": self.words,
            "providers": list(self.providers) or None,
            "capabilities": list(self.capabilities) or None,
            "statuses": list(self.statuses) or None,
            "max_usd_per_million_tokens": self.max_usd_per_million_tokens,
            "retires_within_days": self.retires_within_days,
            "enabled": self.enabled,
            "sort": self.sort,
        }

    def address(self) -> dict[str, Any]:
        """As an address holds them; what lets everything pass is None."""
        enabled = None if self.enabled is None else str(self.enabled).lower()
        return {
            "q": self.words,
            "provider": list(self.providers) or None,
            "capability": list(self.capabilities) or None,
            "status": list(self.statuses) or None,
            "max_usd_per_million_tokens": self.max_usd_per_million_tokens,
            "retires_within_days": self.retires_within_days,
            "enabled": enabled,
            "sort": None if self.sort == Sort.STATUS else self.sort,
        }

    @property
    def any(self) -> bool:
        """Whether anything is filtered."""
        return any(value is not None for name, value in self.address().items() if name != "sort")


def model_filters(
    words: _Words = None,
    providers: _Providers = [],  # noqa: B006  # FastAPI copies it.
    capabilities: _Capabilities = [],  # noqa: B006
    statuses: _Statuses = [],  # noqa: B006
    max_usd_per_million_tokens: _Price = None,
    retires_within_days: _Retires = None,
    enabled: _Enabled = None,
    sort: _Sort = Sort.STATUS,
) -> ModelFilters:
    """FastAPI dependency: the filters of an address."""
    return ModelFilters(
        words=words,
        providers=tuple(providers),
        capabilities=tuple(c.value for c in capabilities),
        statuses=tuple(s.value for s in statuses),
        max_usd_per_million_tokens=max_usd_per_million_tokens,
        retires_within_days=retires_within_days,
        enabled=enabled,
        sort=sort.value,
    )


AskedFilters = Annotated[ModelFilters, Depends(model_filters)]
