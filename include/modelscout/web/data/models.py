"""The models, as the caller's organizations have them, and what is on record about one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from fastapi import HTTPException, status
from sqlalchemy import Connection, text

from modelscout.analytics import model_record
from modelscout.core.clock import now
from modelscout.warehouse.engine import Row, run_sql
from modelscout.web import cursors
from modelscout.web.access import Access, Organization
from modelscout.web.cursors import ModelKey
from modelscout.web.data.lists import collection, run_scoped
from modelscout.web.model_filters import ModelFilters
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.models import Availability, Event, Model, Price, SuiteRun, Use

USES_SHOWN = 50
KEYS_SHOWN = 50
EVENTS_SHOWN = 50
NO_MODEL = "There is no such model."


@dataclass(frozen=True, slots=True)
class FoundModels:
    """One part of a list of models, and how many match in all (0 where the part is empty)."""

    part: Collection[Model]
    total: int


def acting_organization(access: Access, chosen: Organization | None) -> Organization | None:
    """The organization that settings and prices are about: the chosen one, else the only one."""
    only = access.organizations[0] if len(access.organizations) == 1 else None
    return chosen or only


def listed_models(
    access: Access, chosen: Organization | None, filters: ModelFilters, *, after: ModelKey | None, limit: int
) -> FoundModels:
    """Models in the order of the filters. Raises HTTPException 400 for a place in another order."""
    if after is not None and after.sort != filters.sort:
        raise HTTPException(
            status.HTTP_400_BAD_REQUEST, "after is a place in another order: begin again without it"
        )
    place = cursors.parameters(ModelKey, after)
    place.pop("after_sort")
    with access.reading.connect() as connection:
        rows = _rows(connection, access, chosen, filters, None, max_rows=limit + 1, **place)

    def key(row: Row) -> ModelKey:
        value = row["sort_value"]
        return ModelKey(
            sort=filters.sort,
            sort_value=value if math.isfinite(value) else None,
            provider=row["provider"],
            provider_model_id=row["provider_model_id"],
            id=row["id"],
        )

    return FoundModels(collection(rows, limit, Model.from_row, key), rows[0]["matches"] if rows else 0)


def known_providers(access: Access) -> list[str]:
    """Providers of any visible model, by name."""
    with access.reading.connect() as connection:
        statement = text(
            "SELECT DISTINCT provider FROM ai_models WHERE provider IS NOT NULL ORDER BY provider"
        )
        return [str(name) for name in connection.execute(statement).scalars()]


def model_names(access: Access, acting: Organization | None) -> dict[str, Row]:
    """`provider/model` to the id and name of every model that may be compared, by name."""
    with access.reading.connect() as connection:
        rows = run_sql(
            connection, "queries/web_model_names", {"organization_id": acting.id if acting else None}
        )
    return {row["model"]: row for row in rows}


class Recorded:
    """What is on record about one model, within one transaction. Every list is bounded."""

    def __init__(
        self, connection: Connection, access: Access, chosen: Organization | None, model_id: UUID
    ) -> None:
        """Reads the model. Raises HTTPException 404, also for another organization's own."""
        place = cursors.parameters(ModelKey, None)
        place.pop("after_sort")
        rows = _rows(connection, access, chosen, ModelFilters(), model_id, max_rows=1, **place)
        if not rows:
            raise HTTPException(status.HTTP_404_NOT_FOUND, NO_MODEL)
        self.model = Model.from_row(rows[0])
        self.owner_id: str | None = (
            str(rows[0]["owner_organization_id"]) if rows[0]["owner_organization_id"] else None
        )
        acting = acting_organization(access, chosen)
        self._acting_id = acting.id if acting else None
        self._ids = access.ids_of(chosen)
        self._connection, self._model_id = connection, model_id

    def prices(self) -> list[Price]:
        """List prices, and the acting organization's negotiated ones; the latest first."""
        found = model_record.price_history(
            self._connection, self._model_id, organization_id=self._acting_id, now=now()
        )
        return [Price.model_validate(row, from_attributes=True) for row in found]

    def uses(self) -> tuple[list[Use], int]:
        """The busiest features of the last 30 days, and how many there are in all."""
        found = model_record.usage_of_model(
            self._connection, self._model_id, organization_ids=self._ids, now=now(), most=USES_SHOWN
        )
        return [Use.model_validate(row, from_attributes=True) for row in found.rows], found.total

    def runs(self) -> list[SuiteRun]:
        """What benchmark runs found, with the acting organization's replays; the latest first."""
        found = model_record.benchmark_history(
            self._connection, self._model_id, organization_id=self._acting_id
        )
        return [SuiteRun.model_validate(row, from_attributes=True) for row in found]

    def availability(self) -> tuple[list[Availability], int]:
        """The model for each organization's key, what ails first, and how many there are in all."""
        found = model_record.availability_of_model(
            self._connection, self._model_id, organization_ids=self._ids, most=KEYS_SHOWN
        )
        return [Availability.model_validate(row, from_attributes=True) for row in found.rows], found.total

    def events(self) -> list[Event]:
        """What happened to it, the latest first."""
        found = model_record.events_of_model(
            self._connection, self._model_id, organization_ids=self._ids, most=EVENTS_SHOWN
        )
        return [Event.model_validate(row, from_attributes=True) for row in found]


@contextmanager
def recorded(access: Access, chosen: Organization | None, model_id: UUID) -> Iterator[Recorded]:
    """What is on record about a model. Raises HTTPException 404 where the caller sees none."""
    with access.reading.connect() as connection:
        yield Recorded(connection, access, chosen, model_id)


def _rows(
    connection: Connection,
    access: Access,
    chosen: Organization | None,
    filters: ModelFilters,
    model_id: UUID | None,
    **others: object,
) -> list[Row]:
    acting = acting_organization(access, chosen)
    return run_scoped(
        connection,
        access,
        chosen,
        "web_models",
        now=now(),
        model_id=model_id,
        acting_organization_id=acting.id if acting else None,
        **filters.parameters(),
        **others,
    )
