"""What one request may still cost. A call that nobody knows the end of counts with its worst case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.costs.prices import PriceRow
from modelscout.selection.plan import Choice
from modelscout.selection.prices import PriceSource
from modelscout.selection.request import AdaptiveRequest


class Allowance:
    """The limit of one request, and what its calls have taken of it."""

    def __init__(
        self,
        limit_usd: Decimal | None,
        request: AdaptiveRequest,
        prices: PriceSource | None,
        organization_id: str,
        now: datetime,
    ) -> None:
        """`limit_usd` None: cost is no matter."""
        self._left_usd = limit_usd
        self._request = request
        self._prices = prices
        self._organization_id = organization_id
        self._now = now
        self._worst: dict[tuple[str, str], Decimal | None] = {}

    def fits(self, choice: Choice) -> bool:
        """Whether a call is sure to cost no more than is left; an unknown price is not sure."""
        if self._left_usd is None:
            return True
        worst = self._worst_case_usd(choice)
        return worst is not None and worst <= self._left_usd

    def take(self, choice: Choice) -> None:
        """A call begins."""
        if self._left_usd is not None:
            self._left_usd -= self._worst_case_usd(choice) or Decimal(0)

    def give_back(self, choice: Choice) -> None:
        """It was refused: it costs nothing."""
        if self._left_usd is not None:
            self._left_usd += self._worst_case_usd(choice) or Decimal(0)

    def _worst_case_usd(self, choice: Choice) -> Decimal | None:
        if choice.key not in self._worst:
            call = self._request.call_of(choice, 1.0, 0.0)
            rows: Sequence[PriceRow] = ()
            if self._prices is not None:
                rows = self._prices.rows(self._organization_id, choice.provider, choice.model)
            self._worst[choice.key] = worst_case_usd(choice.provider, call, rows, now=self._now)
        return self._worst[choice.key]
