"""One call to a judge: held in the spend ledger, retried by the one policy, its verdict read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.execution import (
    CALL_DEADLINE_S,
    CALL_TIMEOUT_S,
    ENDS_KEY,
    ENDS_MODEL,
    REASONING_HEADROOM_TOKENS,
    SURPRISE_MARGIN,
    OpenKey,
)
from modelscout.benchmarks.rows import MESSAGE_LIMIT
from modelscout.benchmarks.rubric import Rubric, judge_request, read_verdict
from modelscout.benchmarks.spend import SpendLedger, spend_on
from modelscout.benchmarks.work import KeyedModel
from modelscout.core.errors import MalformedAnswer, ModelscoutError, ProviderError
from modelscout.costs.pricing import price_usage
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import GenerateRequest, GenerateResult


class Judgement(NamedTuple):
    """What a judge said of one answer."""

    score: float
    """0 to 1."""
    served_model: str
    cost_usd: Decimal | None
    """Of all tries together; None where a try's cost is unknown."""


class JudgeFailed(ModelscoutError):
    """A judge gave no readable verdict. `final` where no other call to it can succeed in this run."""

    def __init__(self, message: str, *, cost_usd: Decimal | None, final: bool) -> None:
        super().__init__(message)
        self.cost_usd = cost_usd
        self.final = final


@dataclass(slots=True)
class JudgeCaller:
    """One judge behind one organization's key."""

    judge: KeyedModel
    key: OpenKey
    ledger: SpendLedger
    now: datetime
    _surprise: Decimal = field(default=Decimal(1))

    async def grade(self, question: str, answer: str, rubric: Rubric, *, seed: int) -> Judgement:
        """Ask for one verdict. Raises JudgeFailed, and SpendLimitReached before anything is sent."""
        facts = self.judge.facts
        request = judge_request(
            facts.name,
            question,
            answer,
            rubric,
            seed=seed,
            headroom_tokens=REASONING_HEADROOM_TOKENS if self.judge.reasons else 0,
            timeout_s=CALL_TIMEOUT_S,
        )
        costs: list[Decimal | None] = []
        try:
            result, score = await call_with_retries(
                partial(self._attempt, request, len(rubric.criteria), costs), deadline_s=CALL_DEADLINE_S
            )
        except ProviderError as error:
            text = f"judge {facts.provider}/{facts.name}: {error.error_type}: {error}"
            raise JudgeFailed(
                self.key.credential.redact(text)[:MESSAGE_LIMIT],
                cost_usd=_total(costs),
                final=isinstance(error, (*ENDS_KEY, *ENDS_MODEL)),
            ) from error
        return Judgement(round(score, 4), result.served_model, _total(costs))

    async def _attempt(
        self, request: GenerateRequest, criteria: int, costs: list[Decimal | None]
    ) -> tuple[GenerateResult, float]:
        facts = self.judge.facts
        worst = worst_case_usd(facts.provider, request, facts.prices, now=self.now)
        if worst is None:
            raise ValueError(f"{facts.name} has no known price: it is no judge")
        worst *= self._surprise
        result, cost = await spend_on(
            self.ledger,
            worst,
            partial(self.key.adapter.generate, request),
            lambda answer: price_usage(answer.usage, facts.prices, at=self.now).cost_usd,
        )
        costs.append(cost)
        if cost is not None and cost > worst > 0:
            self._surprise *= cost / worst * SURPRISE_MARGIN
        try:
            return result, read_verdict(result.text, criteria)
        except ValueError as error:
            raise MalformedAnswer(
                str(error), provider=facts.provider, request_id=result.request_id
            ) from error


def _total(costs: list[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None
