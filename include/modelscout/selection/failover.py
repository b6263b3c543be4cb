"""One request through the models that may answer it: in order, within its deadline, repeated only where allowed.

A round asks each model at most once. Where a whole round failed and another may help, the project's retry policy
(`providers.policy`) waits and asks for the next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from modelscout.core.errors import MalformedAnswer, ProviderError, ProviderUnavailable, RateLimited
from modelscout.providers.protocol import GenerateResult
from modelscout.selection.allowance import Allowance
from modelscout.selection.calls import Caller, is_free
from modelscout.selection.errors import NotAnswered
from modelscout.selection.plan import Choice
from modelscout.selection.request import AdaptiveRequest
from modelscout.selection.state import ModelStates, Standing
from modelscout.selection.workload import Workload

ROUNDS = 5
SHARE_OF_THE_TIME = 0.6
"""Of what is left, for a call while another model could still answer; the last one may take all."""
SHARE_FOR_A_TURN = 0.4
"""Of what is left, for waiting until the key's limits leave room, where nobody else could answer."""
LEAST_S = 0.02
"""With less time left nothing is tried."""
MENDABLE = (RateLimited, ProviderUnavailable, MalformedAnswer)
"""After one of these another round may help; after any other this model cannot answer this request."""


class Failover:
    """The way of one request."""

    def __init__(
        self,
        caller: Caller,
        request: AdaptiveRequest,
        choices: Sequence[Choice],
        workload: Workload,
        *,
        states: ModelStates,
        allowance: Allowance,
        ends_at_s: float,
    ) -> None:
        """`choices` in order. `ends_at_s` counts as time.monotonic."""
        self._caller = caller
        self._request = request
        self._choices = list(choices)
        self._workload = workload
        self._states = states
        self._allowance = allowance
        self._ends_at_s = ends_at_s
        self._hopeless: set[tuple[str, str]] = set()
        self._last: ProviderError | None = None

    async def answer(self) -> tuple[GenerateResult, Choice]:
        """The answer, and who was asked for it. Raises NotAnswered."""
        from modelscout.providers.policy import call_with_retries

        try:
            return await call_with_retries(
                self._round, attempts=ROUNDS, deadline_s=self._remaining_s(), sleep=self._sleep
            )
        except ProviderError as error:
            raise self._not_answered(error) from None

    def _remaining_s(self) -> float:
        return self._ends_at_s - time.monotonic()

    async def _sleep(self, seconds: float) -> None:
        with self._caller.outside:
            await asyncio.sleep(seconds)

    async def _round(self) -> tuple[GenerateResult, Choice]:
        """Each model once. Raises the most hopeful of the failures, or NotAnswered where none may be repeated."""
        failures: list[ProviderError] = []
        waiting = [c for c in self._choices if c.key not in self._hopeless]
        while waiting := [c for c in waiting if self._allowance.fits(c)]:
            choice = self._best(waiting)
            waiting.remove(choice)
            if self._standing(choice) is Standing.DOWN and any(isinstance(e, MENDABLE) for e in failures):
                # Those that work better are asked again first: an open circuit is there to be left alone.
                break
            try:
                return await self._hedged(choice, waiting)
            except ProviderError as error:
                failures.append(error)
        if not failures:
            # What earlier rounds took leaves too little of the request's limit on cost.
            raise self._not_answered(self._last)
        raise _most_hopeful(failures)

    def _best(self, waiting: Sequence[Choice]) -> Choice:
        """The first of those that work best now."""
        return min(waiting, key=self._standing)

    def _standing(self, choice: Choice) -> Standing:
        work = self._workload
        state = self._states.of(self._caller.organization_id, *choice.key)
        standing = state.standing(self._states.clock(), 1, work.deadline_ms)
        patient = work.urgency == "batch" or work.accuracy == "critical"
        return Standing.READY if patient and standing is Standing.BUSY else standing

    async def _hedged(self, choice: Choice, others: list[Choice]) -> tuple[GenerateResult, Choice]:
        """Ask one model; where the request is hedged and it takes long, the next one too. The first answer counts."""
        after_s = self._request.hedge_after_s
        if after_s is None or not others:
            return await self._one(choice, others)
        tasks = [asyncio.create_task(self._one(choice, others))]
        try:
            done, _ = await asyncio.wait(tasks, timeout=after_s)
            if not done:
                second = self._best(others)
                if self._standing(second) is Standing.READY:
                    others.remove(second)
                    tasks.append(asyncio.create_task(self._one(second, others)))
            return await _first_answer(tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, choice: Choice, others: Sequence[Choice]) -> tuple[GenerateResult, Choice]:
        remaining = self._remaining_s()
        if remaining < LEAST_S:
            raise self._not_answered(self._last)
        alone = all(self._standing(other) is Standing.DOWN for other in others)
        patient = alone or self._workload.urgency == "batch" or self._workload.accuracy == "critical"
        patience = SHARE_FOR_A_TURN * remaining if patient else 0.0
        timeout = remaining - patience
        if not alone and self._request.repeatable:
            timeout = min(timeout, SHARE_OF_THE_TIME * remaining)
        self._allowance.take(choice)
        try:
            return await self._caller.call(choice, timeout, patience), choice
        except ProviderError as error:
            self._last = error
            if is_free(error):
                self._allowance.give_back(choice)
            if not isinstance(error, MENDABLE):
                self._hopeless.add(choice.key)
            if self._caller.may_have_run and not self._request.repeatable:
                raise self._not_answered(error) from None
            raise

    def _not_answered(self, error: ProviderError | None) -> NotAnswered:
        attempts = tuple(self._caller.attempts)
        names = ", ".join(dict.fromkeys(a.choice.name for a in attempts)) or "no model"
        may_have_run = self._caller.may_have_run and not self._request.repeatable
        error_type = "deadline_exceeded" if error is None else error.error_type
        reason = "its deadline is over" if error is None else f"{error_type}: {error}"
        remedy = (
            "a model may have worked on it and it must not be repeated: find out before you ask again"
            if may_have_run
            else "see the attempts; give it more time, more fallbacks or a smaller request"
        )
        return NotAnswered(
            f"{self._request.feature} of {self._request.organization} was not answered by {names} "
            f"({reason}): {remedy}",
            error_type=error_type,
            attempts=attempts,
            may_have_run=self._caller.may_have_run,
        )


async def _first_answer(
    tasks: Sequence[asyncio.Task[tuple[GenerateResult, Choice]]],
) -> tuple[GenerateResult, Choice]:
    """Of the tasks' answers the first; where none answers, the failure of the first."""
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done and task.exception() is None:
                return task.result()
    return tasks[0].result()


def _wait_s(error: ProviderError) -> float:
    return (error.retry_after_s or 0.0) if isinstance(error, RateLimited) else 0.0


def _most_hopeful(failures: Sequence[ProviderError]) -> ProviderError:
    """The one after which the next round may come soonest; where no round helps, the first."""
    return min((error for error in failures if isinstance(error, MENDABLE)), key=_wait_s, default=failures[0])
