"""The order of the calculator's table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum

from modelscout.costs.calculator import ModelCost


class Order(StrEnum):
    """What the table is sorted by; a minus begins with the largest."""

    MONTHLY = "monthly"
    MONTHLY_DOWN = "-monthly"
    PHOTO = "photo"
    PHOTO_DOWN = "-photo"
    TOKENS = "tokens"
    TOKENS_DOWN = "-tokens"
    MODEL = "model"
    MODEL_DOWN = "-model"
    RETIRES = "retires"
    RETIRES_DOWN = "-retires"

    def turned(self, column: str) -> str:
        """The order that a press on the head of `column` asks for."""
        return f"-{column}" if self.value == column else column

    def direction(self, column: str) -> str | None:
        """`ascending` or `descending` where the table is sorted by `column`."""
        return {column: "ascending", f"-{column}": "descending"}.get(self.value)


def ordered(costs: Sequence[ModelCost], order: Order) -> list[ModelCost]:
    """Sorted by one column; what is unknown there comes last, whichever way."""
    column = order.value.removeprefix("-")
    known = [cost for cost in costs if _value(cost, column) is not None]
    known.sort(key=lambda cost: (_value(cost, column), cost.model), reverse=order.value.startswith("-"))
    return known + [cost for cost in costs if _value(cost, column) is None]


def _value(cost: ModelCost, column: str) -> Decimal | date | str | None:
    match column:
        case "monthly":
            return cost.monthly_usd
        case "photo":
            return cost.usd_per_photo
        case "tokens":
            return cost.usd_per_1k_tokens
        case "retires":
            return cost.retires_on
        case _:
            return cost.model
