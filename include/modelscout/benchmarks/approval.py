"""What a person is asked before a dear run is started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from modelscout.benchmarks.control import Cost, ask_for_approval
from modelscout.benchmarks.runner import estimate_suites
from modelscout.benchmarks.stored_runs import load_run
from modelscout.core.settings import Settings


def cost_of_run(
    engine: Engine, run_id: str, shards: Sequence[Sequence[str]], settings: Settings, *, now: datetime
) -> Cost:
    """What a planned run may come to. Sends nothing."""
    run = load_run(engine, run_id)
    found = estimate_suites(engine, run_id, shards, settings, now=now)
    return Cost(found.calls, found.worst_usd, run.spend_limit_usd, run.replay)


def question(
    engine: Engine, run_id: str, shards: Sequence[Sequence[str]], settings: Settings, *, now: datetime
) -> dict[str, str] | None:
    """{"subject", "body"} for a person, and the run waits; None where the run's limit is within the threshold."""
    if settings.approval_above_usd is None:
        return None
    cost = cost_of_run(engine, run_id, shards, settings, now=now)
    if cost.limit_usd <= settings.approval_above_usd:
        return None
    ask_for_approval(engine, run_id)
    return {
        "subject": f"Benchmarks for up to {cost.limit_usd:,.2f} USD",
        "body": _body(cost, run_id, settings),
    }


def _body(cost: Cost, run_id: str, settings: Settings) -> str:
    replay = " and replays of the organizations' own samples" if cost.replay else ""
    return (
        f"{cost.calls:,} calls of our own suites, which cost at most {cost.suites_usd:,.2f} USD{replay}. "
        f"The run's limit is {cost.limit_usd:,.2f} USD and cannot be passed; runs above "
        f"{settings.approval_above_usd:,.2f} USD wait for a person. Run {run_id}."
    )
