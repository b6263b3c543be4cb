"""How the current recommendations stand: what waits for a decision, what was adopted, how people rate them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Engine

from modelscout.warehouse.engine import run_sql

RATING_DAYS = 90


@dataclass(frozen=True, slots=True)
class Standing:
    """Of the current recommendations of some organizations. Savings are USD per month; None is unknown."""

    features: int
    """With a recommendation."""
    advised: int
    """Whose recommendation names a model to use: keep, switch, migrate."""
    on_recommended: int
    """Of `advised`, those that use it."""
    open_changes: int
    """Switches and migrations that wait for a decision."""
    open_trials: int
    waiting_saving_usd_per_month: Decimal | None
    """Of the open changes that save."""
    waiting_cost_usd_per_month: Decimal | None
    """What the open changes that cost more add, such as successors of a model that goes away."""
    unpriced_changes: int
    """Open changes whose saving is unknown."""
    adopted: int
    """Changes in use that were adopted on advice."""
    promised_saving_usd_per_month: Decimal | None
    realised_saving_usd_per_month: Decimal | None
    """Of the adopted changes whose promise and result are both known, as in the track record."""
    savings_known: int
    ratings: int
    """Of the last 90 days."""
    mean_rating: Decimal | None
    """1 to 5."""
    simulated: bool

    @property
    def adoption_share(self) -> float | None:
        """Features on the recommended model, of those advised; None where nothing is advised."""
        return self.on_recommended / self.advised if self.advised else None


def standing(engine: Engine, *, organization_ids: Sequence[str] | None, now: datetime) -> Standing:
    """Of these organizations, None of all."""
    with engine.connect() as connection:
        [row] = run_sql(
            connection,
            "queries/recommendation_standing",
            {
                "organization_ids": organization_ids,
                "now": now,
                "rated_since": now - timedelta(days=RATING_DAYS),
            },
        )
    return Standing(**row)
