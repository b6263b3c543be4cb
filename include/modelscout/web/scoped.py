"""The warehouse as one person may see it: the database applies the scope in every transaction.

A connection of the pool logs in as the nightly runs do. Each transaction of the page first becomes `modelscout_page`,
which row-level security binds to the organizations named here; with the transaction both end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, event, text

OPTION = "modelscout_scope"
WRITES = "modelscout_writes"
READ_WRITE = text("SET TRANSACTION READ WRITE")
ENTER = text(
    "SELECT set_config('role', 'modelscout_page', true), "
    "set_config('modelscout.page_visible', :visible, true), "
    "set_config('modelscout.page_editable', :editable, true)"
)


@dataclass(frozen=True, slots=True)
class RowScope:
    """Ids of the organizations whose rows may be seen and changed; None is all of them, for administrators."""

    visible: Sequence[str] | None
    editable: Sequence[str] | None


def enforce_scopes(engine: Engine) -> None:
    """From now on every transaction of `engine` that carries a RowScope is bound to it by the database."""
    event.listen(engine, "begin", _enter)


def scoped(engine: Engine, scope: RowScope, *, read_only: bool = True) -> Engine:
    """The same pool, for transactions within `scope`."""
    return engine.execution_options(**{OPTION: scope, WRITES: not read_only})


def _enter(connection: Connection) -> None:
    options = connection.get_execution_options()
    scope = options.get(OPTION)
    if scope is not None:
        if options.get(WRITES):
            # The page's engine begins read-only, and an engine derived from it cannot say otherwise beforehand.
            connection.execute(READ_WRITE)
        connection.execute(ENTER, {"visible": _listed(scope.visible), "editable": _listed(scope.editable)})


def _listed(ids: Sequence[str] | None) -> str:
    return "*" if ids is None else ",".join(ids)
