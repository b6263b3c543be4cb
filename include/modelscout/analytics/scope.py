"""Which requests a question of the analytics service is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from modelscout.core.errors import ConfigurationError

MAX_DAYS = 731
"""Two years and a day: so much is kept apart by days."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One organization's requests of the days `since` to `until` (UTC), both included. None means all."""

    organization_id: str
    since: date
    until: date
    feature_id: str | None = None
    model_ids: tuple[str, ...] | None = None
    """Ids of rows of `ai_models`."""

    def __post_init__(self) -> None:
        """Refuse a range that is empty or has no end."""
        if not 0 <= (self.until - self.since).days < MAX_DAYS:
            raise ConfigurationError(
                f"range {self.since} to {self.until} is out of range: give 1 to {MAX_DAYS} days, the first one first"
            )

    def parameters(self) -> dict[str, Any]:
        """As every file sql/queries/analytics_*.sql takes it."""
        return {
            "organization_id": self.organization_id,
            "since": self.since,
            "until": self.until,
            "feature_id": self.feature_id,
            "model_ids": None if self.model_ids is None else list(self.model_ids),
        }


def model_ids_of(connection: Connection, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """Ids of models by `provider/model` or `model`; None for no names. Raises ConfigurationError for an unknown one."""
    if not names:
        return None
    found: list[str] = []
    for name in names:
        ids = connection.execute(
            text(
                "SELECT id::text FROM ai_models WHERE provider_model_id = :name "
                "OR provider || '/' || provider_model_id = :name ORDER BY 1"
            ),
            {"name": name},
        ).scalars()
        before = len(found)
        found += ids
        if len(found) == before:
            raise ConfigurationError(
                f"model={name!r} is unknown: see `modelscout catalog list` for the names"
            )
    return tuple(found)
