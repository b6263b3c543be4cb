"""Which range and grouping of an organization's use is asked for: the parameters of an address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import Connection

from modelscout.analytics.scope import Scope, model_ids_of
from modelscout.analytics.trend import Split, Step
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError

USUAL_DAYS = 30
LONGEST_BY_DAY = 120
FIRST_YEAR, LAST_YEAR = 2000, 2200


@dataclass(frozen=True, slots=True)
class AnalyticsQuestion:
    """Days are UTC, both included."""

    since: date
    until: date
    step: Step
    split: Split
    feature: str | None
    model: str | None
    today: date

    @property
    def days(self) -> int:
        """How many days the range has."""
        return (self.until - self.since).days + 1

    @property
    def preset(self) -> int | None:
        """The range as the last so many days; None where it ends on another day than today."""
        return self.days if self.until == self.today else None

    def scope(self, connection: Connection, organization_id: str) -> Scope:
        """The requests that are meant. Raises ConfigurationError for an unknown model or a range without end."""
        models = model_ids_of(connection, (self.model,) if self.model else ())
        return Scope(organization_id, self.since, self.until, self.feature, models)

    def address(self) -> dict[str, Any]:
        """The parameters that ask for it, without those that say what is usual anyway."""
        is_usual = self.preset == USUAL_DAYS
        return {
            "since": None if is_usual else self.since.isoformat(),
            "until": None if is_usual else self.until.isoformat(),
            "step": None if self.step is usual_step(self.days) else self.step.value,
            "split": None if self.split is Split.NONE else self.split.value,
            "feature": self.feature,
            "model": self.model,
        }


def usual_step(days: int) -> Step:
    """So that a chart has some dozens of points."""
    return Step.HOUR if days <= 1 else Step.DAY if days <= LONGEST_BY_DAY else Step.WEEK


def analytics_question(
    since: Annotated[date | None, Query(description="First day (UTC); without it 30 days in all.")] = None,
    until: Annotated[date | None, Query(description="Last day (UTC), included; without it today.")] = None,
    step: Annotated[
        Step | None, Query(description="Length of a point; hours for at most 14 days. Without it as fits.")
    ] = None,
    split: Annotated[Split, Query(description="Points by model, by feature, or all together.")] = Split.NONE,
    feature: Annotated[
        str | None, Query(max_length=200, pattern=r"^[^\x00]*$", description="Only this feature.")
    ] = None,
    model: Annotated[
        str | None,
        Query(
            max_length=300, pattern=r"^[^\x00]*$", description="Only this model, such as openai/gpt-6-luna."
        ),
    ] = None,
) -> AnalyticsQuestion:
    """FastAPI dependency: what the address asks. Raises ConfigurationError where a day is out of range."""
    for name, day in (("since", since), ("until", until)):
        if day is not None and not FIRST_YEAR <= day.year < LAST_YEAR:
            raise ConfigurationError(
                f"{name}={day} is out of range: give a day from {FIRST_YEAR} to {LAST_YEAR}"
            )
    today = now().date()
    last = until or max(today, since or today)
    first = since or last - timedelta(days=USUAL_DAYS - 1)
    days = (last - first).days + 1
    return AnalyticsQuestion(
        first, last, step or usual_step(days), split, feature or None, model or None, today
    )
