"""Places in a list: the key of the last row seen, opaque to the client, checked when it comes back."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import HTTPException, status
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
"""PostgreSQL's text takes no NUL."""


class Key(BaseModel):
    """Where a row stands in its list."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecommendationKey(Key):
    """Order of recommendations: what matters most first."""

    importance: Annotated[int, Field(ge=0, le=5)]
    saving: Annotated[str | None, Field(pattern=r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$")]
    """USD per month, exact; null where it is unknown."""
    id: UUID


class NightKey(Key):
    """Order of the nights of one feature."""

    decision_date: date


class AlertKey(Key):
    """Order of alerts."""

    severity_rank: Annotated[int, Field(ge=0, le=2)]
    organization: Text
    id: UUID


class ModelKey(Key):
    """Order of models. Two organizations may each have one of the same name."""

    sort: Annotated[str, Field(max_length=40)]
    sort_value: Annotated[float, Field(allow_inf_nan=False)] | None
    """None where it is unknown: such models come last."""
    provider: Text
    provider_model_id: Text
    id: UUID


class FeatureKey(Key):
    """Order of one organization's features."""

    feature_id: Text


class ChangeKey(Key):
    """Order of a log, the newest first."""

    id: Annotated[int, Field(ge=0, le=2**63 - 1)]


class RunKey(Key):
    """Order of benchmark runs, the newest first."""

    started_at: datetime
    id: UUID


KeyT = TypeVar("KeyT", bound=Key)


def encode(key: Key) -> str:
    """The cursor that stands for `key`."""
    return base64.urlsafe_b64encode(key.model_dump_json().encode()).decode().rstrip("=")


def decode(kind: type[KeyT], cursor: str | None) -> KeyT | None:
    """The key behind a cursor; None for the beginning. Raises HTTPException 400 where it is not one of this list."""
    if cursor is None:
        return None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return kind.model_validate_json(text)
    except (binascii.Error, ValidationError, ValueError):
        raise HTTPException(
            status.HTTP_400_BAD_REQUEST,
            "after is not a place in this list: take it from `next` of the page before, or leave it out",
        ) from None


def parameters(kind: type[Key], key: Key | None) -> dict[str, object]:
    """The key as `after_…` parameters of a query, all None for the beginning."""
    values = key.model_dump() if key is not None else dict.fromkeys(kind.model_fields)
    return {f"after_{name}": value for name, value in values.items()}
