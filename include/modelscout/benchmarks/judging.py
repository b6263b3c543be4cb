"""Grades the answers that wait for a judge: after the calls of a phase, and whatever earlier runs left."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from modelscout.benchmarks.control import STOPPED, run_status
from modelscout.benchmarks.execution import AdapterOpener, Call, OpenKey, open_keys
from modelscout.benchmarks.graders import is_judged
from modelscout.benchmarks.judge_calls import JudgeCaller, JudgeFailed, Judgement
from modelscout.benchmarks.judge_desk import (
    Calibration,
    JudgeDesk,
    NotCalibrated,
    in_parallel,
)
from modelscout.benchmarks.judges import Judged, Panel, load_panel
from modelscout.benchmarks.rubric import Rubric, read_rubric
from modelscout.benchmarks.spend import LedgerFactory, open_ledgers
from modelscout.benchmarks.stored_runs import StoredRun
from modelscout.benchmarks.work import RESULTS_HOLD_FOR, KeyedModel
from modelscout.core.errors import SpendLimitReached
from modelscout.core.secrets import CredentialSource
from modelscout.core.settings import Settings
from modelscout.warehouse.engine import Row, run_sql

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One answer that waits."""

    result_id: str
    question: str
    answer: str
    rubric: Rubric
    order_seed: int
    judged: Judged


@dataclass(slots=True)
class _Session:
    """What one phase's judging shares."""

    engine: Engine
    run_id: str
    now: datetime
    concurrency: int
    counts: Counter[str] = field(default_factory=Counter)

    async def cancelled(self) -> bool:
        """Whether somebody has stopped the run: then nothing more is sent."""
        return await asyncio.to_thread(run_status, self.engine, self.run_id) in STOPPED

    async def write(self, query: str, parameters: Mapping[str, Any]) -> None:
        await asyncio.to_thread(self._write, query, parameters)

    def _write(self, query: str, parameters: Mapping[str, Any]) -> None:
        with self.engine.begin() as connection:
            run_sql(connection, query, parameters)

    async def leave(self, waiting: Sequence[Waiting], message: str, cost: Any = None) -> None:
        """Say at the results why they are still ungraded."""
        self.counts["ungraded"] += len(waiting)
        ids = [one.result_id for one in waiting]
        await self.write(
            "queries/judge_leave_ungraded", {"result_ids": ids, "message": message, "cost_usd": cost}
        )


async def judge_waiting(
    engine: Engine,
    run: StoredRun,
    shard: Sequence[str],
    credentials: CredentialSource,
    settings: Settings,
    *,
    now: datetime,
    opener: AdapterOpener,
) -> Counter[str]:
    """Grade what waits for the keys of the organizations in `shard`, within the run's limit.

    Returns counts: `judged`, and `ungraded` of what waits on.
    """
    session = _Session(engine, run.run_id, now, settings.request_concurrency)
    waiting = await asyncio.to_thread(_load_waiting, engine, shard, now)
    if not waiting or await session.cancelled():
        return session.counts
    panel = await asyncio.to_thread(load_panel, engine, settings, shard, now=now)
    work: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    judges: dict[tuple[str, str], KeyedModel] = {}
    for one in waiting:
        judge = panel.choose(one.judged)
        if judge is None:
            await session.leave([one], panel.problem(one.judged) or "no judge")
            continue
        key = (judge.secret_reference, judge.facts.model_id)
        judges[key] = judge
        work[key].append(one)
    async with (
        open_ledgers(
            engine, run.run_id, run.spend_limit_usd, now=now, day_limit_usd=settings.spend_limit_usd_per_day
        ) as ledger_of,
        open_keys(judges.values(), credentials, opener, concurrency=session.concurrency) as keys,
    ):
        for name, answers in work.items():
            await _grade_all(session, judges[name], keys.get(name[0]), ledger_of, answers)
    return session.counts


def refusal(panel: Panel, call: Call) -> str | None:
    """Why an answer to this call could not be graded, known before it is paid."""
    if not is_judged(call.case.grader):
        return None
    facts = call.model.facts
    return panel.problem(Judged(call.source, call.model.organization_id, facts.provider, facts.name))


def panel_for(engine: Engine, settings: Settings, calls: Sequence[Call], now: datetime) -> Panel:
    """The judges that these calls may need; reads nothing where they need none."""
    payers = {call.model.organization_id for call in calls if is_judged(call.case.grader)}
    return load_panel(engine, settings, payers, now=now) if payers else Panel(settings.judge_models)


async def _grade_all(
    session: _Session,
    judge: KeyedModel,
    key: OpenKey | None,
    ledger_of: LedgerFactory,
    answers: Sequence[Waiting],
) -> None:
    if key is None:
        return await session.leave(answers, f"judge {judge.facts.name}: its key cannot be opened")
    caller = JudgeCaller(judge, key, ledger_of(judge.organization_id), session.now)
    desk = JudgeDesk(session.engine, caller, session.concurrency, session.now, session.cancelled)
    try:
        calibration = await desk.calibration()
    except NotCalibrated as error:
        return await session.leave(answers, str(error))
    other: list[tuple[Waiting, Judgement]] = []
    stopped: list[str] = []
    untouched: list[Waiting] = []

    async def judge_one(one: Waiting) -> None:
        if stopped or other or await session.cancelled():
            return untouched.append(one)
        try:
            verdict = await caller.grade(one.question, one.answer, one.rubric, seed=one.order_seed)
        except SpendLimitReached as error:
            stopped.append(str(error))
            return await session.leave([one], str(error))
        except JudgeFailed as error:
            if error.final:
                stopped.append(str(error))
            return await session.leave([one], str(error), error.cost_usd)
        if verdict.served_model != calibration.served_model:
            other.append((one, verdict))
            return None
        return await _record(session, one, verdict, calibration)

    others = await _of_others(session, judge, calibration, answers)
    await in_parallel(others, judge_one, concurrency=session.concurrency)
    await _settle_others(session, desk, other)
    if untouched:
        message = stopped[0] if stopped else "the run was cancelled, or the judge was served in a new version"
        await session.leave(untouched, message)
    return None


async def _of_others(
    session: _Session, judge: KeyedModel, calibration: Calibration, answers: Sequence[Waiting]
) -> list[Waiting]:
    """Without the answers that the judge's own version gave, under whatever name it was asked."""
    own = [one for one in answers if one.judged.is_version(judge.facts.provider, calibration.served_model)]
    if own:
        await session.leave(own, "the judge is the answering model under another name")
    return [one for one in answers if one not in own]


async def _settle_others(
    session: _Session, desk: JudgeDesk, other: Sequence[tuple[Waiting, Judgement]]
) -> None:
    """Verdicts of another version than was calibrated: paid already, so they count once that one is calibrated.

    Calibrated is once: a judge that is served in turns as one version and another would be calibrated on and on.
    """
    if not other:
        return
    try:
        calibration = await desk.calibration(other[0][1].served_model)
    except NotCalibrated as error:
        for one, verdict in other:
            await session.leave([one], str(error), verdict.cost_usd)
        return
    for one, verdict in other:
        if calibration.served_model == verdict.served_model:
            await _record(session, one, verdict, calibration)
        else:
            message = f"the judge was served as {verdict.served_model}, which is not calibrated"
            await session.leave([one], message, verdict.cost_usd)


async def _record(session: _Session, one: Waiting, verdict: Judgement, calibration: Calibration) -> None:
    parameters = {
        "run_id": session.run_id,
        "result_id": one.result_id,
        "score": verdict.score,
        "cost_usd": verdict.cost_usd,
        "calibration_id": calibration.calibration_id,
    }
    await session.write("queries/judge_record", parameters)
    session.counts["judged"] += 1


def _load_waiting(engine: Engine, shard: Sequence[str], now: datetime) -> list[Waiting]:
    parameters = {"payers": list(shard), "now": now, "since": now - RESULTS_HOLD_FOR}
    with engine.connect() as connection:
        return [_waiting(row) for row in run_sql(connection, "queries/judge_waiting", parameters)]


def _waiting(row: Row) -> Waiting:
    return Waiting(
        result_id=row["result_id"],
        question=row["question"],
        answer=row["answer"],
        rubric=read_rubric(row["reference"]),
        order_seed=row["order_seed"],
        judged=Judged(
            source=row["source"],
            payer_organization_id=row["payer_organization_id"],
            provider=row["provider"],
            model=row["model"],
            served_model=row["served_model"],
            suite_models=frozenset((entry["provider"], entry["model"]) for entry in row["suite_models"]),
        ),
    )
