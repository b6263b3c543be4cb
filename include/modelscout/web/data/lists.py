"""Parts of lists: one query, one cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from modelscout.warehouse.engine import Row, run_sql
from modelscout.web import cursors
from modelscout.web.access import Access, Organization
from modelscout.web.schemas.common import Collection

ItemT = TypeVar("ItemT")


def run_scoped(
    connection: Connection, access: Access, chosen: Organization | None, name: str, **parameters: Any
) -> list[Row]:
    """Rows of sql/queries/`name` about the chosen organization, else about all that the caller sees.

    The query gets `organization_ids` (None: all, for administrators) so that an index finds the rows; the database
    applies the same scope once more.
    """
    return run_sql(connection, f"queries/{name}", {"organization_ids": access.ids_of(chosen), **parameters})


def collection(
    rows: Sequence[Row],
    limit: int,
    show: Callable[[Row], ItemT],
    key: Callable[[Row], cursors.Key],
) -> Collection[ItemT]:
    """One row more than asked for tells whether more follow."""
    more = cursors.encode(key(rows[limit - 1])) if len(rows) > limit else None
    return Collection(items=[show(row) for row in rows[:limit]], next=more)
