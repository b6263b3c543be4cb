"""One call of one model: made, reported to the model's state, recorded as usage. Nothing is decided here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from modelscout.core.clock import Clock
from modelscout.core.errors import (
    AuthenticationFailed,
    MalformedAnswer,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from modelscout.core.secrets import is_simulated
from modelscout.core.types import TokenUsage
from modelscout.costs.pricing import price_usage
from modelscout.providers.protocol import FinishReason, GenerateResult
from modelscout.selection.adapter_pool import AdapterPool, KeyedAdapter
from modelscout.selection.plan import Choice
from modelscout.selection.prices import PriceSource
from modelscout.selection.request import AdaptiveRequest, Attempt
from modelscout.selection.spend import OwnSpend
from modelscout.selection.state import ModelState, ModelStates
from modelscout.selection.trials import Draw, unit_of
from modelscout.selection.workload import Workload
from modelscout.usage.events import UsageEvent

CANCELED = "canceled"
REFUSAL = "refusal"
NOBODY_KNOWS = (ProviderUnavailable, MalformedAnswer)
"""After one of these the vendor may have worked and may bill it; every other error is a refusal, which is free."""
HURRY = 1.5
"""A call that gets less than so often its model's usual time says nothing about the model where it times out."""
GRACE_S = 0.05
"""The adapter ends a call itself; where it does not, it is ended so much later."""


class UsageSink(Protocol):
    """Takes usage and never waits; `usage.recorder.UsageRecorder` is one."""

    def record(self, event: UsageEvent) -> bool:
        """False where it cannot be taken."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What calls are made with; shared by all requests of a service."""

    pool: AdapterPool
    states: ModelStates
    sink: UsageSink | None
    prices: PriceSource | None
    clock: Clock
    spend: OwnSpend


class Outside:
    """Time in which a request waits for others: for a model, or until it may be asked again."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._waits = 0
        self._since = 0.0

    def __enter__(self) -> None:
        if not self._waits:
            self._since = time.perf_counter()
        self._waits += 1

    def __exit__(self, *_: object) -> None:
        self._waits -= 1
        if not self._waits:
            self.seconds += time.perf_counter() - self._since


class Caller:
    """The calls of one request."""

    def __init__(
        self,
        tools: Tools,
        request: AdaptiveRequest,
        organization_id: str,
        workload: Workload,
        trial: Draw | None,
        *,
        has_budget: bool,
    ) -> None:
        """`organization_id` is the id, whatever name the request gives; `has_budget`: what calls cost is counted."""
        self._has_budget = has_budget
        self._tools = tools
        self._request = request
        self.organization_id = organization_id
        self._workload = _recorded(workload, request, trial)
        self._trial = trial
        self._started = 0
        self.attempts: list[Attempt] = []
        self.outside = Outside()
        self.may_have_run = False
        """A model may have worked without its answer being known."""

    async def call(self, choice: Choice, timeout_s: float, patience_s: float) -> GenerateResult:
        """Ask one model once. Raises ProviderError, with `sent` False where the vendor got nothing."""
        state = self._tools.states.of(self.organization_id, *choice.key)
        keyed = self._tools.pool.ready(self.organization_id, choice.provider)
        if keyed is None:
            try:
                with self.outside:
                    keyed = await self._tools.pool.take(self.organization_id, choice.provider)
            except ProviderError as error:
                state.started()
                state.failed(error.error_type, self._tools.states.clock())
                raise
        state.started()
        self._started += 1
        try:
            return await self._send(choice, state, keyed, self._started, timeout_s, patience_s)
        finally:
            self._tools.pool.release(keyed)

    async def _send(
        self, choice: Choice, state: ModelState, keyed: KeyedAdapter, number: int, timeout_s: float,
        patience_s: float,
    ) -> GenerateResult:  # fmt: skip
        request = self._request.call_of(choice, timeout_s, patience_s)
        at, began = self._tools.clock(), time.perf_counter()
        try:
            with self.outside:
                async with asyncio.timeout(timeout_s + patience_s + GRACE_S):
                    result = await keyed.adapter.generate(request)
        except (ProviderError, TimeoutError) as failure:
            error = _as_provider_error(failure, choice.provider)
            self._failed(choice, state, error, hurried=_hurried(state, timeout_s, _ms_since(began)))
            if error.sent:
                self._record(choice, keyed, number, at, _ms_since(began), error)
            raise error from None
        except BaseException:
            state.given_up()
            self.may_have_run = True
            self._record(choice, keyed, number, at, _ms_since(began), CANCELED)
            raise
        self._answered(state, result)
        self._record(choice, keyed, number, at, _ms_since(began), result)
        return result

    def _answered(self, state: ModelState, result: GenerateResult) -> None:
        now, limit = self._tools.states.clock(), result.rate_limit
        state.succeeded(result.duration_ms or 0.0, now)
        if limit.requests_limit and limit.requests_remaining is not None:
            # Limits refill evenly: so long until there is room for one more.
            state.head_room(limit.requests_remaining, now + 60 / limit.requests_limit)

    def _failed(self, choice: Choice, state: ModelState, error: ProviderError, *, hurried: bool) -> None:
        if hurried and isinstance(error, ProviderUnavailable):
            state.given_up()
        else:
            wish = error.retry_after_s if isinstance(error, RateLimited) else None
            state.failed(error.error_type, self._tools.states.clock(), retry_after_s=wish)
        if isinstance(error, AuthenticationFailed):
            self._tools.pool.forget_key(self.organization_id, choice.provider)
        if not is_free(error):
            self.may_have_run = True

    def _record(
        self, choice: Choice, keyed: KeyedAdapter, number: int, at: datetime, duration_ms: float,
        outcome: GenerateResult | ProviderError | str,
    ) -> None:  # fmt: skip
        result = outcome if isinstance(outcome, GenerateResult) else None
        error_type = outcome.error_type if isinstance(outcome, ProviderError) else None
        if isinstance(outcome, str):
            error_type = outcome
        cost = self._cost(choice, result, outcome, at)
        self.attempts.append(Attempt(number, choice, error_type, duration_ms, cost))
        if cost and self._has_budget:
            self._tools.spend.add(self.organization_id, self._request.feature, cost, at.timestamp())
        if self._tools.sink is None:
            return
        if result is not None and result.finish_reason is FinishReason.REFUSAL:
            error_type = REFUSAL
        drawn = self._trial
        # Where the model that chance decided for was not even asked, the call of another is no evidence.
        trial = drawn if drawn is not None and number == 1 and choice.key == drawn.first.key else None
        self._tools.sink.record(
            UsageEvent(
                organization_id=self.organization_id,
                feature_id=self._request.feature,
                provider=choice.provider,
                requested_model=choice.model,
                served_model=result.served_model if result else None,
                request_id=self._request.request_id,
                attempt=number,
                occurred_at=at,
                duration_ms=round(duration_ms if result is None else result.duration_ms or duration_ms),
                time_to_first_token_ms=_rounded(result.time_to_first_token_ms) if result else None,
                error_type=error_type,
                confidence=result.confidence if result else None,
                user_hash=self._request.user_hash,
                item_key=self._request.item_key,
                workload=self._workload,
                experiment_id=trial.experiment_id if trial else None,
                propensity=trial.propensity if trial else None,
                simulated=is_simulated(keyed.credential),
                **_counts(result.usage if result else TokenUsage()),
            )
        )

    def _cost(
        self, choice: Choice, result: GenerateResult | None, outcome: object, at: datetime
    ) -> Decimal | None:
        if result is None:
            return Decimal(0) if isinstance(outcome, ProviderError) and is_free(outcome) else None
        if self._tools.prices is None:
            return None
        rows = self._tools.prices.rows(self.organization_id, choice.provider, choice.model)
        return price_usage(result.usage, rows, at=at).cost_usd


def is_free(error: ProviderError) -> bool:
    """Whether the vendor surely did no work: it got nothing, or refused."""
    return not (error.sent and isinstance(error, NOBODY_KNOWS))


def _as_provider_error(error: ProviderError | TimeoutError, provider: str) -> ProviderError:
    if isinstance(error, ProviderError):
        return error
    return ProviderUnavailable("timeout: no answer in time", provider=provider)


def _hurried(state: ModelState, timeout_s: float, duration_ms: float) -> bool:
    """Whether a call ended for want of time that the model usually needs: no fault of the model."""
    usual_ms = state.latency_ms
    timed_out = duration_ms >= 1000 * timeout_s
    return timed_out and usual_ms is not None and 1000 * timeout_s < HURRY * usual_ms


def _recorded(workload: Workload, request: AdaptiveRequest, trial: Draw | None) -> Mapping[str, Any]:
    levels = {name: getattr(workload, name) for name in ("complexity", "volume", "urgency", "accuracy")}
    if trial is not None and request.trial_key is not None:
        # Requests with one key share one draw: the evidence counts them once.
        levels["trial_unit"] = unit_of(trial.experiment_id, request.trial_key)
    return levels


def _counts(usage: TokenUsage) -> dict[str, Any]:
    return {name: getattr(usage, name) for name in TokenUsage.__dataclass_fields__}


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
