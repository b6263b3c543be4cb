"""What the page needs from outside: who is asking, and how a run starts. The host of the page injects both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated person behind one request."""

    user_name: str
    """As in `organization_members.user_name`."""
    is_administrator: bool


CurrentCaller = Callable[..., Caller]
"""A FastAPI dependency. Raises HTTPException 401 itself where nobody is logged in; never returns a guest."""


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run of a DAG that was started by hand."""

    dag_id: str
    run_id: str


class StartRun(Protocol):
    """Starts a DAG as the person behind `request`, with that person's own rights."""

    def __call__(self, request: Request, dag_id: str, params: Mapping[str, Any]) -> StartedRun:
        """Start one run. Raises HTTPException 403 where the person may not, 422 with what is wrong with `params`."""
        ...
