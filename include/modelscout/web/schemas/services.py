"""What domain services answer, as the JSON API shows it: the same fields, amounts as exact strings."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import ConfigDict, PlainSerializer, WithJsonSchema

from modelscout.web.schemas.common import Shown

AnswerT = TypeVar("AnswerT", bound="Answer")


def _digits(value: Decimal) -> str:
    return format(value, "f")


Exact = Annotated[
    Decimal,
    PlainSerializer(_digits, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}, mode="serialization"),
]
"""An exact decimal, written out without an exponent: a string in JSON, so that no reader makes a float of it."""


class Answer(Shown):
    """One value type of a domain service."""

    model_config = ConfigDict(from_attributes=True)
