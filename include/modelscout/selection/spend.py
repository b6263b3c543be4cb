"""What this process itself spent since the database last counted: budgets hold between two refreshes too.

The database knows the spend of all processes up to the last rollup. What came after is added here at once, for this
process alone, and forgotten when a rollup has counted it.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime
from decimal import Decimal

from modelscout.core.forking import begins_anew_in_a_child

SLOT_S = 10.0
"""Costs are summed over so long: that much may be counted twice around a rollup, never left out."""
MOST_SLOTS = 10_000
"""Per feature, a day; beyond it the oldest two become one."""


class _Spent:
    """The costs of one feature: (end of a slot, USD), the oldest first, and their sum."""

    def __init__(self) -> None:
        self.slots: deque[tuple[float, Decimal]] = deque()
        self.total = Decimal(0)


class OwnSpend:
    """Own costs by feature. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.after_fork()
        begins_anew_in_a_child(self)

    def after_fork(self) -> None:
        """A child has spent nothing yet, whatever its parent did."""
        self._lock = threading.Lock()
        self._features: dict[tuple[str, str], _Spent] = {}

    def add(self, organization_id: str, feature_id: str, cost_usd: Decimal, at_s: float) -> None:
        """A call cost so much; `at_s` counts from 1970."""
        end = (at_s // SLOT_S + 1) * SLOT_S
        with self._lock:
            spent = self._features.setdefault((organization_id, feature_id), _Spent())
            spent.total += cost_usd
            if spent.slots and spent.slots[-1][0] >= end:
                last, usd = spent.slots.pop()
                spent.slots.append((last, usd + cost_usd))
                return
            spent.slots.append((end, cost_usd))
            if len(spent.slots) > MOST_SLOTS:
                _, oldest = spent.slots.popleft()
                spent.slots[0] = (spent.slots[0][0], spent.slots[0][1] + oldest)

    def since(self, organization_id: str, feature_id: str, counted_until_s: float, now_s: float) -> Decimal:
        """USD of this month that the database has not counted yet; what it has is forgotten."""
        spent = self._features.get((organization_id, feature_id))
        if spent is None:
            return Decimal(0)
        month = datetime.fromtimestamp(now_s, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        begin = max(counted_until_s, month.timestamp())
        with self._lock:
            while spent.slots and spent.slots[0][0] <= begin:
                spent.total -= spent.slots.popleft()[1]
            return spent.total
