"""The models, as the caller's organizations have them."""

from __future__ import annotations

from modelscout.core.clock import now
from modelscout.warehouse.engine import Row
from modelscout.web import cursors
from modelscout.web.access import Access, Organization
from modelscout.web.cursors import ModelKey
from modelscout.web.data.lists import collection, run_scoped
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.models import Model


def listed_models(
    access: Access, chosen: Organization | None, *, after: ModelKey | None, limit: int
) -> Collection[Model]:
    """The catalog by provider and model."""
    place = cursors.parameters(ModelKey, after)
    with access.reading.connect() as connection:
        rows = run_scoped(connection, access, chosen, "web_models", now=now(), max_rows=limit + 1, **place)
    return collection(rows, limit, Model.from_row, _key)


def _key(row: Row) -> ModelKey:
    return ModelKey(provider=row["provider"], provider_model_id=row["provider_model_id"])
