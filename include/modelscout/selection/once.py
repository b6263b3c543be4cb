"""One look at the warehouse for one organization: for commands and scripts, where nothing is kept."""

from __future__ import annotations

from uuid import UUID

import psycopg

from modelscout.core.clock import Clock
from modelscout.core.clock import now as current_time
from modelscout.selection.errors import SnapshotUnavailable
from modelscout.selection.selector import FixedSnapshot, ModelSelector
from modelscout.selection.source import WarehouseSource


def selector_of(url: str, organization: str, clock: Clock = current_time) -> ModelSelector:
    """A selector that knows one organization, by its id or, where the login sees more than one, its slug.

    Raises SnapshotUnavailable where the warehouse does not answer.
    """
    wanted: list[str] = []
    try:
        source = WarehouseSource(url, lambda: wanted, clock)
    except psycopg.OperationalError as error:
        raise SnapshotUnavailable(f"the warehouse does not answer ({error}): check its URL") from error
    try:
        wanted += _ids(source, organization)
        snapshot = source.load().snapshot
    finally:
        source.close()
    return ModelSelector(FixedSnapshot(snapshot), clock=lambda: clock().timestamp())


def _ids(source: WarehouseSource, organization: str) -> list[str]:
    try:
        return [str(UUID(organization))]
    except ValueError:
        pass
    found = source.connection.execute(
        "SELECT DISTINCT k.organization_id::text FROM modelscout.callable_providers() AS k WHERE k.organization = %s",
        [organization],
    ).fetchall()
    return [identity for (identity,) in found]
