"""What the page needs from outside: who is asking, how a run starts, what benchmarks know. The host injects them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from fastapi import Request
from sqlalchemy import Engine


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


@dataclass(frozen=True, slots=True)
class AskedRun:
    """A benchmark run that somebody thinks of."""

    organizations: Sequence[str] | None
    """Ids; None is all."""
    models: Sequence[str] | None
    """`provider/model`; None is what is due."""
    features: Sequence[str] | None
    about: str
    suites: bool
    replay: bool
    trials: int
    spend_limit_usd: Decimal | None
    """None is the scheduled runs' limit."""


@dataclass(frozen=True, slots=True)
class RunCost:
    """What a run may come to, before anything is sent."""

    calls: int
    """Of the platform's suites; replays are chosen by what these find."""
    worst_usd: Decimal
    """The most that those calls can cost, retries apart."""
    unpriced: int
    """Calls of models without a known price, which are refused."""
    spend_limit_usd: Decimal
    """At most, for everything."""
    replay: bool
    needs_approval: bool
    """Whether it will wait for a person."""


@dataclass(frozen=True, slots=True)
class AskedPrompt:
    """One prompt or photo for a few models of one organization."""

    organization_id: str
    feature_id: str
    model_ids: Sequence[str]
    prompt: str
    image: bytes | None = field(default=None, repr=False)
    image_media_type: str | None = None
    max_output_tokens: int = 512


@dataclass(frozen=True, slots=True)
class ModelCost:
    """The most that one model's answer can cost; None where it has no known price."""

    model_id: str
    model: str
    worst_usd: Decimal | None
    can_answer: bool


@dataclass(frozen=True, slots=True)
class PromptCosts:
    """What one prompt test may come to."""

    models: Sequence[ModelCost]
    room_usd: Decimal | None
    """What the organization's own limit of a day leaves; None where it has none."""
    most_usd: Decimal
    """What a test may be allowed to spend: the scheduled runs' limit."""


class Benchmarks(Protocol):
    """What the runner of benchmarks knows. Every engine is bound to what the caller may see or change."""

    def cost_of_run(self, engine: Engine, asked: AskedRun, *, now: datetime) -> RunCost:
        """What a run may come to. Raises ConfigurationError for what cannot be asked; writes nothing."""
        ...

    def cost_of_prompt(self, engine: Engine, asked: AskedPrompt, *, now: datetime) -> PromptCosts:
        """What one prompt may come to; models that the organization does not have are left out."""
        ...

    def run_id_of(self, started: StartedRun) -> str:
        """The id under which a started DAG run plans its benchmark run."""
        ...

    def report(self, engine: Engine, run_id: str) -> object:
        """One run with the attributes of `schemas.benchmarks.RunReport`; raises ConfigurationError where unknown."""
        ...

    def cancel(self, engine: Engine, run_id: str, *, by: str, now: datetime) -> str:
        """Stop a run; its state after that. Raises ConfigurationError where it has ended otherwise."""
        ...
