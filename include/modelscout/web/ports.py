"""What the page needs from outside: who is asking. The host of the page implements and injects it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from modelscout.warehouse.engine import run_sql


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated person behind one request."""

    user_name: str
    """As in `organization_members.user_name`."""
    is_administrator: bool


CurrentCaller = Callable[..., Caller]
"""A FastAPI dependency. Raises HTTPException 401 itself where nobody is logged in; never returns a guest."""


def visible_organizations(connection: Connection, caller: Caller) -> list[str] | None:
    """Ids of the organizations whose rows a caller may see; None is all of them, for administrators.

    Everybody else sees those of `organization_members`, as viewer or editor; an empty list sees nothing.
    """
    if caller.is_administrator:
        return None
    rows = run_sql(connection, "queries/web_memberships", {"user_name": caller.user_name})
    return [str(row["organization_id"]) for row in rows]
