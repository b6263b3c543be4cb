"""Sends the calls of a shard: interleaved, within the spend limit, each ending as one row."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.graders import check_reference
from modelscout.benchmarks.grading import grading_of
from modelscout.benchmarks.rows import RowSink, answer_columns, failure_columns
from modelscout.benchmarks.spend import LedgerFactory, spend_on
from modelscout.benchmarks.work import KeyedModel, SettledCase
from modelscout.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    MalformedAnswer,
    ModelNotFound,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    SpendLimitReached,
)
from modelscout.core.secrets import CredentialSource, ProviderCredential, is_simulated
from modelscout.costs.pricing import price_usage
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import (
    GenerateRequest,
    GenerateResult,
    Image,
    ProviderAdapter,
)

log = logging.getLogger(__name__)

REASONING_HEADROOM_TOKENS = 2048
"""Output tokens on top of the answer for models that think: their thoughts count as output."""
CALL_TIMEOUT_S = 60.0
CALL_DEADLINE_S = 120.0

SURPRISE_MARGIN = 2
"""A model that once cost more than the bound gets this much beyond what it then cost."""

ENDS_MODEL = (ModelNotFound, PermissionDenied)
"""After one of these no other call to this model with this key can succeed."""
ENDS_KEY = (AuthenticationFailed, QuotaExhausted)
"""After one of these no other call with this key can succeed."""

AdapterOpener = Callable[..., AbstractAsyncContextManager[ProviderAdapter]]


@dataclass(frozen=True, slots=True)
class Call:
    """One case for one model."""

    model: KeyedModel
    case: Case
    source: str
    """`platform` or `replay`."""
    suite: str
    stream: bool = False
    trial: int = 1
    """Which repetition of the case this is, from 1 on."""
    about: str = "accuracy"
    """What its suite measures."""

    @property
    def settled_as(self) -> SettledCase:
        """How its row is recognised."""
        return SettledCase(self.model.facts.model_id, self.suite, self.case.case_key, self.trial)


@dataclass(frozen=True, slots=True)
class OpenKey:
    """An adapter that is ready to use."""

    adapter: ProviderAdapter
    credential: ProviderCredential


def interleave(calls: Iterable[Call], rng: random.Random) -> list[Call]:
    """Item by item, each item by all its models, both in random order: the time of day favours no model."""
    items: dict[tuple[str, str, int], list[Call]] = {}
    for call in calls:
        items.setdefault((call.suite, call.case.case_key, call.trial), []).append(call)
    groups = [items[key] for key in sorted(items)]
    rng.shuffle(groups)
    for group in groups:
        group.sort(key=lambda call: call.model.facts.model_id)
        rng.shuffle(group)
    return [call for group in groups for call in group]


def _kinds(calls: Iterable[Call], rng: random.Random) -> list[list[Call]]:
    kinds: dict[tuple[str, int], list[Call]] = {}
    for call in sorted(calls, key=lambda call: (call.case.case_key, call.trial)):
        kinds.setdefault((call.case.bucket or "", call.case.concurrency or 1), []).append(call)
    found = [kinds[kind] for kind in sorted(kinds)]
    rng.shuffle(found)
    return found


def call_columns(call: Call) -> dict[str, Any]:
    """What a row says of the call, whatever becomes of it."""
    return {
        "organization_id": call.model.organization_id if call.source == "replay" else None,
        "feature_id": call.case.feature_id,
        "model_id": call.model.facts.model_id,
        "source": call.source,
        "suite": call.suite,
        "case_key": call.case.case_key,
        "trial": call.trial,
        "warm_up": False,
        "about": call.about,
        "bucket": call.case.bucket,
        "concurrency": call.case.concurrency,
    }


def build_request(call: Call) -> GenerateRequest:
    """The request of a call, with head-room for models that think."""
    case, model = call.case, call.model
    output = case.max_output_tokens + (REASONING_HEADROOM_TOKENS if model.reasons else 0)
    images = () if case.image is None else (Image(case.image, case.image_media_type or "image/png"),)
    return GenerateRequest(
        model=model.facts.name,
        prompt=case.prompt,
        images=images,
        json_schema=case.json_schema,
        max_output_tokens=min(output, model.max_output_tokens or output),
        timeout_s=CALL_TIMEOUT_S,
    )


@asynccontextmanager
async def open_keys(
    models: Iterable[KeyedModel],
    credentials: CredentialSource,
    opener: AdapterOpener,
    *,
    concurrency: int,
) -> AsyncIterator[dict[str, OpenKey]]:
    """One adapter per secret reference; a reference without a key is left out and logged."""
    references = {model.secret_reference for model in models}
    async with open_references(references, credentials, opener, concurrency=concurrency) as keys:
        yield keys


@asynccontextmanager
async def open_references(
    references: Iterable[str], credentials: CredentialSource, opener: AdapterOpener, *, concurrency: int
) -> AsyncIterator[dict[str, OpenKey]]:
    """The same for references by name."""
    async with AsyncExitStack() as stack:
        keys: dict[str, OpenKey] = {}
        for reference in sorted(set(references)):
            credential = await asyncio.to_thread(credentials, reference)
            if credential is None:
                log.warning("connection %s has no key: its models are left out", reference)
                continue
            try:
                adapter = await stack.enter_async_context(opener(credential, concurrency=concurrency))
            except ConfigurationError as error:
                log.warning("connection %s: %s: its models are left out", reference, error)
                continue
            keys[reference] = OpenKey(adapter, credential)
        yield keys


@dataclass
class Executor:
    """Runs calls on open keys. One per task and event loop."""

    keys: dict[str, OpenKey]
    ledger_of: LedgerFactory
    writer: RowSink
    now: datetime
    concurrency: int
    counts: Counter[str] = field(default_factory=Counter)
    dead: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of secret reference and model id, or of secret reference and "" for the whole key."""
    stopped: Callable[[], bool] = lambda: False
    """Asked before each call: whether somebody has cancelled the run."""
    refusal: Callable[[Call], str | None] = lambda _call: None
    """Why an answer to a call could not be graded, known before it is paid."""
    grading: Callable[..., Mapping[str, Any]] = grading_of
    """What a row says of how good an answer is."""
    _started: float = field(default_factory=time.monotonic)
    _warm: set[str] = field(default_factory=set)
    _surprise: dict[str, Decimal] = field(default_factory=dict)

    async def run(self, calls: Sequence[Call]) -> None:
        """Send all `calls`, at most `concurrency` at once."""
        await self._work(iter(calls), min(self.concurrency, len(calls)))

    async def run_apart(self, calls: Sequence[Call], rng: random.Random) -> None:
        """Send the `calls` of a speed suite: each model's kinds of call one after the other, in random order.

        A kind is a bucket at a number of calls at the same time; models do not wait for each other, as far as
        `concurrency` goes.
        """
        models: dict[str, list[Call]] = {}
        for call in calls:
            models.setdefault(call.model.facts.model_id, []).append(call)
        widest = max((call.case.concurrency or 1 for call in calls), default=1)
        slots = asyncio.Semaphore(max(1, self.concurrency // widest))

        async def one_model(kinds: Sequence[Sequence[Call]]) -> None:
            async with slots:
                for kind in kinds:
                    await self._work(iter(kind), kind[0].case.concurrency or 1)

        async with asyncio.TaskGroup() as group:
            for model_id in sorted(models):
                group.create_task(one_model(_kinds(models[model_id], rng)))

    async def _work(self, todo: Iterator[Call], workers: int) -> None:
        async def one_worker() -> None:
            for call in todo:
                if self.stopped():
                    return
                await self._run(call)

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(one_worker())

    async def _run(self, call: Call) -> None:
        key = self.keys.get(call.model.secret_reference)
        if key is None or self._is_dead(call.model):
            self.counts["skipped_unreachable"] += 1
            return
        request = build_request(call)
        warm_up = call.model.facts.model_id not in self._warm
        self._warm.add(call.model.facts.model_id)
        worst = self._worst_case(call, request)
        if worst is None:
            await self._fail(call, key, "no_price", f"{request.model} has no known price: give it one")
            return
        if (problem := ungradable(call.case) or self.refusal(call)) is not None:
            await self._fail(call, key, "grading_failed", problem)
            return
        try:
            result, cost = await call_with_retries(
                partial(self._attempt, call, key, request, worst), deadline_s=CALL_DEADLINE_S
            )
        except SpendLimitReached:
            self.counts["skipped_for_budget"] += 1
        except ProviderError as error:
            self._bury(call.model, error)
            await self._fail(call, key, error.error_type, key.credential.redact(str(error)))
        else:
            await self._succeed(call, key, result, cost, warm_up=warm_up)

    async def _attempt(
        self, call: Call, key: OpenKey, request: GenerateRequest, worst: Decimal
    ) -> tuple[GenerateResult, Decimal | None]:
        """One try, its worst case held while it runs: also a try that fails may be billed."""
        prices = call.model.facts.prices
        result, cost = await spend_on(
            self.ledger_of(call.model.organization_id),
            worst,
            partial(_ask, key.adapter, request, stream=call.stream),
            lambda answer: price_usage(answer.usage, prices, at=self.now).cost_usd,
        )
        if cost is not None and cost > worst > 0:
            self._note_surprise(call.model, cost / worst)
        return result, cost

    def _worst_case(self, call: Call, request: GenerateRequest) -> Decimal | None:
        facts = call.model.facts
        worst = worst_case_usd(facts.provider, request, facts.prices, now=self.now)
        return None if worst is None else worst * self._surprise.get(facts.model_id, Decimal(1))

    def _note_surprise(self, model: KeyedModel, factor: Decimal) -> None:
        known = self._surprise.get(model.facts.model_id, Decimal(1))
        self._surprise[model.facts.model_id] = known * factor * SURPRISE_MARGIN
        log.warning("%s used %.1f times what a call could cost by its limits", model.facts.name, factor)

    def _is_dead(self, model: KeyedModel) -> bool:
        reference = model.secret_reference
        return (reference, model.facts.model_id) in self.dead or (reference, "") in self.dead

    def _bury(self, model: KeyedModel, error: ProviderError) -> None:
        if isinstance(error, ENDS_KEY):
            self.dead.add((model.secret_reference, ""))
        elif isinstance(error, ENDS_MODEL):
            self.dead.add((model.secret_reference, model.facts.model_id))

    async def _succeed(
        self, call: Call, key: OpenKey, result: GenerateResult, cost: Decimal | None, *, warm_up: bool
    ) -> None:
        case, payer = call.case, call.model.organization_id
        graded = self.grading(case, result.text, suite=call.suite, trial=call.trial, payer=payer)
        self.counts["answered"] += 1
        columns = answer_columns(result, graded, cost)
        await self.writer.write(self._row(call, key) | columns | {"warm_up": warm_up})

    async def _fail(self, call: Call, key: OpenKey, error_type: str, message: str) -> None:
        self.counts["failed"] += 1
        await self.writer.write(self._row(call, key) | failure_columns(error_type, message))

    def _row(self, call: Call, key: OpenKey) -> dict[str, Any]:
        elapsed = timedelta(seconds=time.monotonic() - self._started)
        return call_columns(call) | {
            "finished_at": (self.now + elapsed).isoformat(),
            "simulated": call.model.simulated_organization and is_simulated(key.credential),
        }


async def _ask(adapter: ProviderAdapter, request: GenerateRequest, *, stream: bool) -> GenerateResult:
    if not stream:
        return await adapter.generate(request)
    async for event in adapter.stream(request):
        if isinstance(event, GenerateResult):
            return event
    raise MalformedAnswer("the stream ended without a result", provider=adapter.provider)


def ungradable(case: Case) -> str | None:
    """Why no answer could be graded, found out before one is paid."""
    try:
        check_reference(case.grader, case.reference)
    except (AttributeError, ConfigurationError, KeyError, TypeError, ValueError) as error:
        return f"reference does not fit the grader {case.grader}: {error}"
    return None
