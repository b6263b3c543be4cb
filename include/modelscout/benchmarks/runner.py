"""Runs one shard of a benchmark run, and publishes what the run found."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from sqlalchemy import Engine

from modelscout.benchmarks.batches import BatchDesk
from modelscout.benchmarks.control import STOPPED, run_status
from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.execution import (
    ENDS_KEY,
    ENDS_MODEL,
    AdapterOpener,
    Call,
    Executor,
    build_request,
    interleave,
    open_keys,
)
from modelscout.benchmarks.judging import judge_waiting, panel_for, refusal
from modelscout.benchmarks.progress import watched
from modelscout.benchmarks.prompt_tests import run_prompt_test
from modelscout.benchmarks.replay import plan_replay
from modelscout.benchmarks.rows import RowWriter
from modelscout.benchmarks.spend import open_ledgers
from modelscout.benchmarks.stored_runs import StoredRun, load_run
from modelscout.benchmarks.suites import load_suites
from modelscout.benchmarks.work import RESULTS_HOLD_FOR, KeyedModel, SettledCase, load_models, load_settled
from modelscout.core.errors import ProviderError
from modelscout.core.secrets import CredentialSource
from modelscout.core.settings import Settings
from modelscout.providers.registry import open_adapter
from modelscout.warehouse.engine import Row, run_sql

log = logging.getLogger(__name__)

WILSON_Z = 1.959964
"""Two-sided 95 %."""
MINIMUM_TOKENS_FOR_SPEED = 8
"""Shorter answers arrive in one piece and say nothing about the speed of generation."""
FAST_ANSWER_MS = 3_000
"""A model is fast that gives about 100 tokens in this time: the vendors' fast lines take half of it, their large models
twice as long."""
MINIMUM_CALLS_FOR_FAST = 5
"""With fewer the order statistics of a median enclose nothing at 95 %."""
PHASES = ("suites", "replay", "speed")
JUDGED_PHASES = ("suites", "replay")
"""Speed is measured apart: nothing else is sent beside it."""
"""Speed comes last and apart: other calls under way would be in its figures."""


async def run_shard(
    engine: Engine,
    run_id: str,
    shard: Sequence[str],
    credentials: CredentialSource,
    settings: Settings,
    *,
    now: datetime,
    phases: Sequence[str] = PHASES,
    opener: AdapterOpener = open_adapter,
) -> dict[str, int]:
    """Run the suites, then the replays, of the organizations in `shard`; runs in a task's event loop.

    Cases that this run has done are skipped, so that a task may be repeated after it was killed. Replay
    candidates are chosen after the shard's suites. Batches that earlier tasks left open are collected first. A run
    that was declined or cancelled sends nothing. Answers under a rubric are judged after the suites and after the
    replays, those of earlier runs too. Returns counts: `answered`, `failed`, `already_done`, `skipped_for_budget`,
    `skipped_unreachable`, `sent_in_batches`, `left_in_batches`, `judged`, `ungraded`.
    """
    run = await asyncio.to_thread(load_run, engine, run_id)
    counts: Counter[str] = Counter(answered=0, failed=0, already_done=0)
    desk = BatchDesk(engine, run, credentials, settings, now, opener)

    def stopped() -> bool:
        return run_status(engine, run_id) in STOPPED

    if run.kind == "prompt_test":
        # One prompt of one person: no suite, no evidence, and nobody else's batches wait on it.
        if "suites" in phases and not stopped():
            counts += await run_prompt_test(engine, run, credentials, settings, now=now, opener=opener)
        return dict(counts)
    if not stopped():
        await desk.collect(shard, stopped=stopped)
    for phase in phases:
        if stopped():
            break
        calls = await asyncio.to_thread(_calls_of, phase, engine, run, shard, settings, now)
        label = f"{phase}/{shard[0]}" if shard else phase
        counts += await _execute(
            engine, run, calls, desk, credentials, settings, label=label, now=now, opener=opener
        )
        if phase in JUDGED_PHASES:
            counts += await judge_waiting(engine, run, shard, credentials, settings, now=now, opener=opener)
        log.info("run %s, %s of %d organizations: %s", run_id, phase, len(shard), dict(counts))
    return {"answered": 0, "failed": 0, "already_done": 0} | dict(counts + desk.counts)


class Estimate(NamedTuple):
    """What a run's suites would come to, before anything is sent."""

    calls: int
    worst_usd: Decimal
    """The most that the calls with a known price can cost, retries apart."""
    unpriced: int
    """Calls of models without a known price, which are refused."""


def estimate_suites(
    engine: Engine, run_id: str, shards: Sequence[Sequence[str]], settings: Settings, *, now: datetime
) -> Estimate:
    """The worst case of a planned run's suites. Replays are chosen by what the suites find, so they stay out."""
    return estimate_plan(engine, load_run(engine, run_id), settings, now=now, shards=shards)


def estimate_plan(
    engine: Engine,
    run: StoredRun,
    settings: Settings,
    *,
    now: datetime,
    shards: Sequence[Sequence[str]] | None = None,
) -> Estimate:
    """The same of a plan that need not be stored; `shards` are all of its own unless given."""
    worst = [
        worst_case_usd(call.model.facts.provider, build_request(call), call.model.facts.prices, now=now)
        for shard in (run.shards if shards is None else shards)
        for phase in ("suites", "speed")
        for call in _suite_calls(engine, run, shard, settings, now, speed=phase == "speed")
    ]
    known = [amount for amount in worst if amount is not None]
    return Estimate(len(worst), sum(known, Decimal(0)), len(worst) - len(known))


def finish_run(engine: Engine, run_id: str, now: datetime) -> int:
    """Mark the run finished and publish its platform results; returns the number of models updated.

    Writes `ai_models.benchmark_results` and `performance_metrics`, from each case's latest result of the last 30
    days, in one transaction. Safe to repeat.
    """
    parameters = {
        "run_id": run_id,
        "since": now - RESULTS_HOLD_FOR,
        "z": WILSON_Z,
        "minimum_tokens": MINIMUM_TOKENS_FOR_SPEED,
    }
    with engine.begin() as connection:
        published = {row["model_id"] for row in run_sql(connection, "queries/benchmark_publish", parameters)}
        measured = run_sql(
            connection, "queries/benchmark_publish_measures", parameters | {"t": _student_quantiles()}
        )
        model_ids = [row["model_id"] for row in measured]
        published |= set(model_ids)
        fast = {"model_ids": model_ids, "limit_ms": FAST_ANSWER_MS, "minimum_calls": MINIMUM_CALLS_FOR_FAST}
        run_sql(connection, "queries/benchmark_publish_fast", fast)
        run_sql(connection, "queries/benchmark_finish", {"run_id": run_id, "now": now})
    return len(published)


def _student_quantiles() -> list[float]:
    """Of Student's distribution at 97.5 %, for 1 to 30 degrees of freedom."""
    from scipy.stats import t

    return [round(float(t.ppf(0.975, degrees)), 4) for degrees in range(1, 31)]


def _calls_of(
    phase: str, engine: Engine, run: StoredRun, shard: Sequence[str], settings: Settings, now: datetime
) -> list[Call]:
    if phase == "replay":
        return plan_replay(engine, run, shard, settings, now=now) if run.replay else []
    return _suite_calls(engine, run, shard, settings, now, speed=phase == "speed")


def _suite_calls(
    engine: Engine, run: StoredRun, shard: Sequence[str], settings: Settings, now: datetime, *, speed: bool
) -> list[Call]:
    suites = {suite.feature_id: suite for suite in load_suites() if (suite.about == "speed") is speed}
    # What this run has done stays in: a repeated task must not go on to further cases.
    settled = {} if run.force else load_settled(engine, now=now, except_run=run.run_id)
    # Which cases are tonight's does not change while the night goes on: a second run does not take the next ones.
    midnight = run.started_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    earlier = {case for case, row in settled.items() if row["finished_at"] < midnight}
    models = load_models(engine, organizations=list(shard), now=now)
    calls: list[Call] = []
    for organization_id in shard:
        by_id = {model.facts.model_id: model for model in models.get(organization_id, ())}
        for model_id, features in run.suite_work.get(organization_id, {}).items():
            if model_id in by_id:
                model = by_id[model_id]
                for suite in (suites[feature] for feature in features if feature in suites):
                    tonight = [
                        case
                        for case in suite.cases_for(model.facts.verified)
                        if SettledCase(model_id, suite.name, case.case_key) not in earlier
                    ]
                    # Suites of speed and cost are short, and their cases are compared with each other.
                    all_at_once = run.force or suite.about != "accuracy"
                    streams = suite.stream and model.streams
                    calls += [
                        Call(model, case, "platform", suite.name, streams, trial, suite.about)
                        for case in (tonight if all_at_once else tonight[: settings.suite_cases])
                        if SettledCase(model_id, suite.name, case.case_key) not in settled
                        for trial in range(1, run.trials + 1)
                    ]
    return calls


async def _execute(
    engine: Engine,
    run: StoredRun,
    calls: Sequence[Call],
    desk: BatchDesk,
    credentials: CredentialSource,
    settings: Settings,
    *,
    label: str,
    now: datetime,
    opener: AdapterOpener,
) -> Counter[str]:
    finished = await asyncio.to_thread(_finished, engine, run.run_id)
    done = {SettledCase(row["model_id"], row["suite"], row["case_key"], row["trial"]) for row in finished}
    counts = Counter(already_done=sum(call.settled_as in done for call in calls))
    done |= await desk.pending()
    todo = [call for call in calls if call.settled_as not in done]
    if not todo:
        return counts
    models = {call.model.secret_reference: call.model for call in todo}.values()
    concurrency = settings.request_concurrency
    panel = await asyncio.to_thread(panel_for, engine, settings, todo, now)
    async with (
        open_ledgers(
            engine,
            run.run_id,
            run.spend_limit_usd,
            now=now,
            day_limit_usd=settings.spend_limit_usd_per_day,
        ) as ledger_of,
        open_keys(models, credentials, opener, concurrency=concurrency) as keys,
        watched(engine, run.run_id, label, planned=len(calls), counts=counts) as stopped,
    ):
        executor = Executor(keys, ledger_of, RowWriter(engine, run.run_id), now, concurrency, counts)
        executor.stopped = stopped
        executor.refusal = partial(refusal, panel)
        executor.dead |= _dead(run, finished, [call.model for call in todo])
        order = random.Random(f"{run.seed}/{label.partition('/')[0]}")
        if todo[0].about == "speed":
            await executor.run_apart(todo, order)
        else:
            live = todo if stopped() else await desk.submit(todo, keys, executor.dead)
            await executor.run(interleave(live, order))
            again = await desk.collect({call.model.organization_id for call in todo}, stopped=stopped)
            # Into what the run's progress is read from.
            counts.update(desk.counts)
            desk.counts.clear()
            await executor.run([call for call in todo if call.settled_as in again])
    return counts


def _finished(engine: Engine, run_id: str) -> list[Row]:
    with engine.connect() as connection:
        return run_sql(connection, "queries/benchmark_finished", {"run_id": run_id})


def _dead(run: StoredRun, finished: Sequence[Row], models: Sequence[KeyedModel]) -> set[tuple[str, str]]:
    """What an earlier try of this task found unreachable, as the executor remembers it."""
    ends_key, ends_model = _error_types(ENDS_KEY), _error_types(ENDS_MODEL)
    failed = {(row["organization_id"], row["model_id"], row["error_type"]) for row in finished}
    dead: set[tuple[str, str]] = set()
    for model in models:
        model_id, organization_id = model.facts.model_id, model.organization_id
        # A platform row names no organization; its key was that of the organization that had the work.
        paid_suites = model_id in run.suite_work.get(organization_id, {})
        owners = (organization_id, None) if paid_suites else (organization_id,)
        if any((owner, model_id, kind) in failed for owner in owners for kind in ends_key):
            dead.add((model.secret_reference, ""))
        if any((owner, model_id, kind) in failed for owner in owners for kind in ends_model):
            dead.add((model.secret_reference, model_id))
    return dead


def _error_types(kinds: Sequence[type[ProviderError]]) -> set[str]:
    return {kind("", provider="").error_type for kind in kinds}
