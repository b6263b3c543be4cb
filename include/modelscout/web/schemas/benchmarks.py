"""Benchmark runs as the page and the JSON API take and show them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from modelscout.web.schemas.common import Asked, Shown

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
ModelName = Annotated[str, Field(max_length=300, pattern=r"^[a-z]+/[^\x00]+$")]
Status = Literal["queued", "running", "waiting_for_approval", "declined", "cancelled", "finished", "failed"]


class RunAsked(Asked):
    """A benchmark run, as the form of the DAG `benchmark_models` takes it."""

    organizations: Annotated[list[Name], Field(max_length=500)]
    """Short names or ids of organizations that you may change; for administrators none is all of them."""
    models: Annotated[list[ModelName] | None, Field(max_length=50)] = None
    """`provider/model`, measured also where fresh results exist; null or none is what is due."""
    features: Annotated[list[Name] | None, Field(max_length=50)] = None
    about: Literal["all", "accuracy", "speed", "cost"] = "all"
    suites: bool = True
    replay: bool = True
    trials: Annotated[int, Field(ge=1, le=20)] = 1
    spend_limit_usd: Annotated[Decimal | None, Field(ge=0, le=100_000, max_digits=12, decimal_places=6)] = (
        None
    )
    """Of the whole run; null is the scheduled runs' limit."""


class RunEstimate(Shown):
    """What a run may come to, before anything is sent."""

    calls: int
    """Of the platform's suites; which items are replayed follows from what these find."""
    worst_usd: Decimal
    """The most that these calls can cost, retries apart."""
    unpriced: int
    """Calls of models without a known price, which are refused."""
    spend_limit_usd: Decimal
    """At most, for everything."""
    replay: bool
    needs_approval: bool
    """Whether it waits for a person under Airflow's Required Actions before it sends anything."""


class RunStarted(Shown):
    """A run that Airflow has taken."""

    run_id: UUID
    dag_run_id: str


class JudgeReport(Shown):
    """What is known about the judge that graded; each figure as value, low, high at 95 %."""

    model_config = ConfigDict(from_attributes=True)

    judge: str
    agreement: list[float]
    length_bias: list[float]
    is_proof: bool


class ModelReport(Shown):
    """One model on one feature in one run. Null is unknown."""

    model_config = ConfigDict(from_attributes=True)

    model: str
    feature: str
    source: Literal["platform", "replay"]
    n: int
    score: float | None
    score_low: float | None
    score_high: float | None
    """95 % interval of the score."""
    failed: int
    ungraded: int
    errors: dict[str, int]
    median_ms: float | None
    p95_ms: float | None
    first_token_ms: float | None
    cost_usd: Decimal | None
    unpriced: int
    judge: JudgeReport | None
    simulated: bool


class RunAbout(Shown):
    """What was asked for; null where it was not limited."""

    about: str | None
    models: list[str] | None
    features: list[str] | None
    suites: bool | None
    replay: bool | None
    trials: int | None


class Run(Shown):
    """One benchmark run, as far as you see it."""

    id: UUID
    kind: Literal["nightly", "manual"]
    status: Status
    """queued: Airflow has taken it, and no worker has begun."""
    organizations: list[str] | None
    """Short names of those it was asked for; null is all."""
    asked: RunAbout
    started_by: str | None
    dag_run_id: str | None
    """In Airflow, of `benchmark_models`."""
    started_at: datetime
    finished_at: datetime | None
    decided_by: str | None
    spend_limit_usd: Decimal | None
    spent_usd: Decimal
    """With the keys of the organizations that you see."""
    planned: int | None
    """Calls of the phases that have begun; null where the run is also about organizations that you do not see."""
    done: int | None
    """Calls that have ended, of those that you see; null in a list where that is not counted."""
    failed: int | None
    may_cancel: bool


class RunReport(Run):
    """One run with what it found."""

    models: list[ModelReport]
