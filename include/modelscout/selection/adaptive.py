"""The adaptive service: selects a model, calls it, fails over, and records what came of it.

`AsyncAdaptiveService` belongs to one event loop; `AdaptiveService` (adaptive_sync.py) serves threads.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Self

from modelscout.core.clock import Clock
from modelscout.core.clock import now as current_time
from modelscout.core.errors import SpendLimitReached
from modelscout.core.forking import begins_anew_in_a_child
from modelscout.providers.limits import Bucket
from modelscout.providers.registry import open_adapter, provider_modules
from modelscout.selection.adapter_pool import AdapterOpener, AdapterPool, KeyResolver
from modelscout.selection.allowance import Allowance
from modelscout.selection.calls import Caller, Tools, UsageSink
from modelscout.selection.choosing import Selection
from modelscout.selection.errors import BudgetUsedUp, FeatureLimitReached
from modelscout.selection.failover import Failover
from modelscout.selection.plan import Choice
from modelscout.selection.prices import PriceSource
from modelscout.selection.request import AdaptiveRequest, Result, ignored_of
from modelscout.selection.selector import ModelSelector
from modelscout.selection.state import ModelStates
from modelscout.selection.trials import Draw, Trial, draw

MOST_FEATURES = 10_000
"""Whose rate is counted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveOptions:
    """What a service works with besides the selector and the keys."""

    usage: UsageSink | None = None
    """Where every attempt is recorded: a `UsageRecorder`. None records nothing."""
    prices: PriceSource | None = None
    """`WarehousePrices`; without it costs are unknown and a request with a limit on them is refused."""
    trials: Sequence[Trial] = ()
    providers: Sequence[str] = ()
    """Whose SDKs are loaded at the start. Others are at their first call, which stops the loop for up to a second."""
    connections: int = 256
    """Calls of one key that may be under way at once."""
    opener: AdapterOpener = open_adapter
    clock: Clock = current_time
    rng: random.Random | random.SystemRandom | None = None
    """Draws for trials; the system's own where none is given."""


class AsyncAdaptiveService:
    """Processes requests in the event loop that it is used in first. Use it as a context manager."""

    def __init__(
        self, selector: ModelSelector, keys: KeyResolver, options: AdaptiveOptions | None = None
    ) -> None:
        self._selector = selector
        self._options = options or AdaptiveOptions()
        for provider in self._options.providers:
            import_module(provider_modules()[provider])
        self._rng = self._options.rng or random.SystemRandom()
        self._keys = keys
        self._parents: list[AdapterPool] = []
        self._begin()
        begins_anew_in_a_child(self)

    def _begin(self) -> None:
        options = self._options
        self._pool = AdapterPool(self._keys, options.opener, connections=options.connections)
        self._tools = Tools(
            self._pool, self._selector.states, options.usage, options.prices, options.clock,
            self._selector.spend,
        )  # fmt: skip
        self._rates: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def after_fork(self) -> None:
        """In a forked child: connections are the parent's, and must not be closed here."""
        self._parents.append(self._pool)
        self._begin()

    @property
    def states(self) -> ModelStates:
        """How each model is doing; shared with the selector."""
        return self._selector.states

    async def process(self, request: AdaptiveRequest) -> Result:
        """The answer to a request, whichever model gives it.

        Raises NotAnswered where none did; SelectionError where none may; SpendLimitReached where none fits the
        request's or the feature's limit on cost.
        """
        began = time.monotonic()
        workload = request.kind_of_work()
        selection = self._selector.select(request.organization, request.feature, workload)
        self._check_limits(request, selection)
        allowance = self._allowance(request, selection)
        drawn = self._draw(request, selection, allowance)
        caller = Caller(
            self._tools, request, selection.organization_id, workload, drawn,
            has_budget=selection.assignment.budget_left_usd is not None,
        )  # fmt: skip
        failover = Failover(
            caller,
            request,
            _order(selection, drawn),
            workload,
            states=self._selector.states,
            allowance=allowance,
            ends_at_s=began + request.deadline_s,
        )
        answer, choice = await failover.answer()
        duration_s = time.monotonic() - began
        return Result(
            answer=answer,
            choice=choice,
            selection=selection,
            attempts=tuple(sorted(caller.attempts, key=lambda attempt: attempt.number)),
            request_id=request.request_id,
            duration_ms=1000 * duration_s,
            own_ms=1000 * max(0.0, duration_s - caller.outside.seconds),
            experiment_id=drawn.experiment_id if drawn else None,
            propensity=drawn.propensity if drawn else None,
            ignored_parameters=ignored_of(choice),
        )

    async def close(self) -> None:
        """Close the adapters; requests that are under way fail."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _draw(self, request: AdaptiveRequest, selection: Selection, allowance: Allowance) -> Draw | None:
        """A hedged request takes part in no trial: of its two answers the quicker one would count."""
        if not self._options.trials or request.hedge_after_s is not None:
            return None
        drawn = draw(
            self._options.trials, selection, self._selector.states,
            now=self._options.clock(), key=request.trial_key, rng=self._rng,
        )  # fmt: skip
        # What cost leaves out must not depend on what chance decided.
        fair = drawn is not None and allowance.fits(drawn.first) and allowance.fits(drawn.second)
        return drawn if fair else None

    def _check_limits(self, request: AdaptiveRequest, selection: Selection) -> None:
        whose = f"{selection.feature_id} of {selection.organization.slug or selection.organization_id}"
        if request.stop_over_budget and selection.assignment.over_budget:
            raise BudgetUsedUp(
                f"the monthly budget of {whose} is used up: raise it, or leave stop_over_budget out"
            )
        most = selection.assignment.plan.max_requests_per_minute
        if most is None:
            return
        sharing = self._selector.processes()
        wait_s = self._take_turn((selection.organization_id, selection.feature_id), most / sharing)
        if wait_s > 0:
            raise FeatureLimitReached(
                f"limits.max_requests_per_minute={most:g} of {whose}{_shared(sharing)} leaves no room "
                f"for {wait_s:.1f} s: "
                "raise it or ask later",
                retry_after_s=wait_s,
            )

    def _take_turn(self, name: tuple[str, str], per_minute: float) -> float:
        """Take one request of the feature's rate; returns the seconds to wait instead where there is none."""
        now = self._selector.states.clock()
        bucket = self._rates.get(name)
        if bucket is not None and bucket.per_minute != per_minute:
            # Another limit or number of processes: what was taken stays taken.
            bucket.set(per_minute, bucket.level(now), now)
        if bucket is None:
            bucket = self._rates[name] = Bucket(per_minute, now)
            while len(self._rates) > MOST_FEATURES:
                self._rates.popitem(last=False)
        wait_s = bucket.wait_s(1, now)
        if wait_s <= 0:
            bucket.take(1, now)
        return wait_s

    def _allowance(self, request: AdaptiveRequest, selection: Selection) -> Allowance:
        """What the request may cost. Raises SpendLimitReached where no model is sure to fit."""
        limits = (request.max_cost_usd, selection.assignment.plan.max_cost_per_request_usd)
        limit_usd = min((limit for limit in limits if limit is not None), default=None)
        allowance = Allowance(
            limit_usd,
            request,
            self._options.prices,
            selection.organization_id,
            self._options.clock(),
        )
        order = _order(selection, None)
        if not any(map(allowance.fits, order)):
            names = ", ".join(choice.name for choice in order)
            raise SpendLimitReached(
                f"no model is sure to answer for at most ${limit_usd} ({names}: dearer, or of unknown price): "
                "raise max_cost_usd or limits.max_cost_per_request_usd, ask for fewer output tokens, or load prices"
            )
        return allowance


def _shared(processes: int) -> str:
    return f", divided by {processes} processes," if processes > 1 else ""


def _order(selection: Selection, drawn: Draw | None) -> list[Choice]:
    """Whom to ask, in order: what chance decided first, then the selection."""
    order = [selection.choice, *selection.fallbacks]
    if drawn is None:
        return order
    first = [drawn.first, drawn.second]
    return [*first, *(c for c in order if c.key not in {d.key for d in first})]
