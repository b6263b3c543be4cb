"""One judge at work: calibrated first, then grading; every paid verdict is kept, whenever the task is killed."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, text

from modelscout.benchmarks.grading import seed_of
from modelscout.benchmarks.judge_calibration import CALIBRATION_HOLDS_FOR, MAXIMUM_UNANSWERED, measure
from modelscout.benchmarks.judge_calls import JudgeCaller, JudgeFailed
from modelscout.benchmarks.known_answers import KnownAnswer, load_known_answers
from modelscout.core.errors import SpendLimitReached
from modelscout.core.secrets import is_simulated
from modelscout.warehouse.engine import run_sql

log = logging.getLogger(__name__)

T = TypeVar("T")
LOCK_POLL_S = 0.5


class Calibration(NamedTuple):
    """A finished calibration."""

    calibration_id: str
    served_model: str
    passed: bool


class NotCalibrated(Exception):  # noqa: N818 - not yet: the rest follows in the next run
    """The calibration could not be finished; what was paid of it is kept."""


async def in_parallel(things: Iterable[T], work: Callable[[T], Awaitable[None]], *, concurrency: int) -> None:
    """Do `work` on all things, at most `concurrency` at once."""
    todo: Iterator[T] = iter(things)

    async def worker() -> None:
        for thing in todo:
            await work(thing)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())


@dataclass(slots=True)
class JudgeDesk:
    """Calibrates one judge behind one organization's key, or finds that it is calibrated."""

    engine: Engine
    caller: JudgeCaller
    concurrency: int
    now: datetime
    cancelled: Callable[[], Awaitable[bool]]
    """Asked before each known answer: whether somebody has stopped the run."""

    async def calibration(self, served_model: str | None = None) -> Calibration:
        """The calibration that holds now, of `served_model` where one is named; measured where there is none.

        One process at a time calibrates a judge, so that none is paid twice. Raises NotCalibrated.
        """
        async with _alone(self.engine, f"modelscout.judge/{self._scope['judge_model_id']}"):
            found = await asyncio.to_thread(self._find, served_model)
            return found or await self._calibrate()

    @property
    def _scope(self) -> dict[str, Any]:
        """Whose calibration it is: everybody's, unless the key may speak for somebody else than the vendor."""
        judge = self.caller.judge
        return {
            "judge_model_id": judge.facts.model_id,
            "organization_id": None if judge.allows_platform_probes else judge.organization_id,
            "simulated": judge.simulated_organization and is_simulated(self.caller.key.credential),
            "item_set": load_known_answers().item_set,
            "since": self.now - CALIBRATION_HOLDS_FOR,
            "now": self.now,
        }

    def _find(self, served_model: str | None) -> Calibration | None:
        with self.engine.connect() as connection:
            parameters = self._scope | {"served_model": served_model}
            rows = run_sql(connection, "queries/judge_calibration_latest", parameters)
        return Calibration(**rows[0]) if rows else None

    async def _calibrate(self) -> Calibration:
        known = load_known_answers()
        rows = await asyncio.to_thread(self._open_verdicts)
        calibration_id = rows[0]["calibration_id"] if rows else str(uuid.uuid4())
        done = {row["item_key"] for row in rows}
        failures: list[str] = []
        bearable = MAXIMUM_UNANSWERED * len(known.items)
        stopped: list[str] = []

        async def judge(item: KnownAnswer) -> None:
            if stopped or len(failures) > bearable:
                return None
            if await self.cancelled():
                return stopped.append("the run was cancelled")
            try:
                verdict = await self.caller.grade(
                    item.question, item.answer, item.rubric, seed=seed_of(known.item_set, item.question_key)
                )
            except SpendLimitReached as error:
                stopped.append(str(error))
            except JudgeFailed as error:
                (stopped if error.final else failures).append(str(error))
            else:
                row = {"calibration_id": calibration_id, "item_key": item.key, **verdict._asdict()}
                await asyncio.to_thread(self._record, "queries/judge_verdict_record", row)

        todo = [item for item in known.items if item.key not in done]
        await in_parallel(todo, judge, concurrency=self.concurrency)
        if stopped or len(failures) > bearable:
            # Before the rest is asked: a judge that cannot be read is not paid on and on.
            raise NotCalibrated(f"the judge is not calibrated yet: {(stopped or failures)[0]}")
        return await asyncio.to_thread(self._conclude, calibration_id)

    def _open_verdicts(self) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return run_sql(connection, "queries/judge_calibration_open", self._scope)

    def _record(self, query: str, row: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            run_sql(connection, query, self._scope | row)

    def _conclude(self, calibration_id: str) -> Calibration:
        verdicts = self._open_verdicts()
        measured = measure(
            load_known_answers().items, {row["item_key"]: float(row["score"]) for row in verdicts}
        )
        served = sorted({row["served_model"] for row in verdicts})
        reasons = measured.problems()
        if len(served) > 1:
            reasons.append("several versions answered, so that none of them is measured")
        costs = [row["cost_usd"] for row in verdicts]
        row: dict[str, Any] = {
            "calibration_id": calibration_id,
            "served_model": ", ".join(served),
            "measured": json.dumps(measured.as_json()),
            "passed": not reasons,
            "reasons": reasons,
            "cost_usd": None if None in costs else sum(costs, Decimal(0)),
        }
        self._record("queries/judge_calibration_record", row)
        name = self.caller.judge.facts.name
        log.info("judge %s (%s): %s", name, row["served_model"], "; ".join(reasons) or "passed")
        return Calibration(calibration_id, row["served_model"], not reasons)


@asynccontextmanager
async def _alone(engine: Engine, name: str) -> AsyncIterator[None]:
    """Hold an advisory lock of the session: the database gives it back also where this process is killed."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # The holder is another process: only asking tells when it is done.
        while not await asyncio.to_thread(_lock, connection, "pg_try_advisory_lock", name):  # noqa: ASYNC110
            await asyncio.sleep(LOCK_POLL_S)
        try:
            yield
        finally:
            await asyncio.to_thread(_lock, connection, "pg_advisory_unlock", name)


def _lock(connection: Connection, function: str, name: str) -> bool:
    return bool(
        connection.execute(
            text(f"SELECT {function}(hashtextextended(:name, 0))"), {"name": name}
        ).scalar_one()
    )
