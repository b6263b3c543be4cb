"""The demo's items answered twice, at the same moments: by the fixed model in use, and by what selection chooses.

Both sides wait equally long for an answer. Nothing is decided here: an `Answering` says how an item is answered.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from modelscout.benchmarks.graders import grade
from modelscout.core.errors import ModelscoutError
from modelscout.demo.samples import DemoSample
from modelscout.providers.protocol import Image
from modelscout.selection.adaptive import AsyncAdaptiveService
from modelscout.selection.errors import NotAnswered
from modelscout.selection.request import AdaptiveRequest, Attempt

PATIENCE_S = 30.0
"""So long an application waits for an answer, whatever is tried meanwhile."""
FAILURE_KINDS = ("retired", "rate limited", "overloaded", "timed out", "refused", "other")
_KIND_OF_TYPE = {
    "model_not_found": "retired",
    "rate_limited": "rate limited",
    "provider_unavailable": "overloaded",
    "deadline_exceeded": "timed out",
    "bad_request": "refused",
    "permission_denied": "refused",
    "refusal": "refused",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request."""

    text: str | None
    """None where it was not answered."""
    failure: str | None
    """One of FAILURE_KINDS where it was not answered, or the model declined."""
    model: str | None
    """`provider/model` that answered."""
    latency_ms: float
    """From the request to its answer or failure, retries and failover included."""
    cost_usd: Decimal | None
    """Of the calls whose usage is known; None where a price is not. A call that hangs or is refused counts as 0."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One item, answered by both sides."""

    sample: DemoSample
    unseen: bool
    """Whether the item was never shown to the recommender."""
    fixed: Outcome
    selected: Outcome

    @property
    def answered(self) -> bool:
        """Whether both sides answered."""
        return self.fixed.text is not None and self.selected.text is not None

    def score(self, outcome: Outcome) -> float | None:
        """0 to 1 by the item's own grader; None where there is no answer."""
        case = self.sample.case
        return None if outcome.text is None else grade(case.grader, outcome.text, case.reference)


class Answering(Protocol):
    """One way of answering items."""

    async def answer(self, sample: DemoSample) -> Outcome:
        """The item's answer, or how it failed. Raises no ProviderError."""
        ...


class Selected:
    """Items answered by the adaptive service, as an application would ask it."""

    def __init__(self, service: AsyncAdaptiveService, *, patience_s: float = PATIENCE_S) -> None:
        self._service = service
        self._patience_s = patience_s

    async def answer(self, sample: DemoSample) -> Outcome:
        """One request through selection and failover."""
        began = time.perf_counter()
        request = AdaptiveRequest(
            organization=sample.assignment.organization,
            feature=sample.assignment.feature,
            prompt=sample.case.prompt,
            images=images_of(sample),
            json_schema=sample.case.json_schema,
            deadline_s=self._patience_s,
            item_key=sample.case.case_key,
        )
        try:
            result = await self._service.process(request)
        except NotAnswered as error:
            kind = failure_kind(error.error_type, str(error))
            return Outcome(None, kind, None, _ms_since(began), known_cost(error.attempts))
        except ModelscoutError as error:
            return Outcome(None, failure_kind("", str(error)), None, _ms_since(began), Decimal(0))
        latency_ms, cost = _ms_since(began), known_cost(result.attempts)
        if result.is_refusal:
            return Outcome(None, "refused", result.choice.name, latency_ms, cost)
        return Outcome(result.text, None, result.choice.name, latency_ms, cost)


def images_of(sample: DemoSample) -> tuple[Image, ...]:
    """The item's photo as a request takes it."""
    case = sample.case
    return () if case.image is None else (Image(case.image, case.image_media_type or "image/png"),)


def failure_kind(error_type: str, message: str = "") -> str:
    """One of FAILURE_KINDS; a call that got no answer in time has the type of an overloaded one and says so."""
    kind = _KIND_OF_TYPE.get(error_type, "other")
    return "timed out" if kind == "overloaded" and "timeout" in message.lower() else kind


def known_cost(attempts: Sequence[Attempt]) -> Decimal | None:
    """Cost of the calls that were answered; None where one was and has no price."""
    costs = [attempt.cost_usd for attempt in attempts if attempt.error_type is None]
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


async def replay(
    items: Sequence[tuple[DemoSample, bool]],
    fixed: Answering,
    selected: Answering,
    *,
    per_second: float,
    seed: int = 1,
) -> list[Pair]:
    """All items, each with whether it is unseen, in an order drawn by `seed`, at `per_second` whatever is under way."""
    order = list(items)
    random.Random(seed).shuffle(order)
    began = time.monotonic()

    async def one(number: int, sample: DemoSample, unseen: bool) -> Pair:
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        both = await asyncio.gather(fixed.answer(sample), selected.answer(sample))
        return Pair(sample, unseen, *both)

    return await asyncio.gather(*(one(n, sample, unseen) for n, (sample, unseen) in enumerate(order)))


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
