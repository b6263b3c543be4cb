"""Whether a key that probes never use may really call: one cheap call, because listing models proves nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Engine

from modelscout.benchmarks.candidates import CALLABLE_STATUSES
from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.execution import AdapterOpener, OpenKey, open_keys
from modelscout.benchmarks.spend import LedgerFactory, open_ledgers, spend_on
from modelscout.benchmarks.stored_runs import create_probe_run
from modelscout.benchmarks.work import RESULTS_HOLD_FOR, KeyedModel, load_models
from modelscout.core.errors import (
    AuthenticationFailed,
    ModelNotFound,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    SpendLimitReached,
)
from modelscout.core.secrets import CredentialSource, is_simulated
from modelscout.core.settings import Settings
from modelscout.core.stored import storable
from modelscout.core.types import Capability
from modelscout.costs.pricing import price_usage
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import GenerateRequest, ReasoningEffort
from modelscout.providers.registry import open_adapter
from modelscout.warehouse.engine import run_sql

MODELS_TRIED = 3
"""A key may be kept from one model for reasons of that model; from three it is the key."""
REFUSALS = (AuthenticationFailed, PermissionDenied, QuotaExhausted, ModelNotFound)
"""What says something about the key; a vendor that is away says nothing, and is asked again the next night."""
MAX_OUTPUT_TOKENS = 16
REASONING_HEADROOM_TOKENS = 1024
DEADLINE_S = 60.0


class KeyAccess(NamedTuple):
    """One key and the models it may be asked with, the cheapest first."""

    organization_id: str
    provider: str
    models: tuple[KeyedModel, ...]


def plan_access(engine: Engine, now: datetime, shards: int, *, paying: Iterable[str] = ()) -> list[list[str]]:
    """Organizations with a key that is due, dealt out to at most `shards` lists.

    `paying` names the keys that probes use tonight, as `organization id/provider`.
    """
    due = sorted({row["organization_id"] for row in _due(engine, now, paying)})
    return [due[i::shards] for i in range(min(shards, len(due)))]


async def check_access(
    engine: Engine,
    organizations: Sequence[str],
    credentials: CredentialSource,
    settings: Settings,
    *,
    run_key: str,
    now: datetime,
    paying: Iterable[str] = (),
    opener: AdapterOpener = open_adapter,
) -> dict[str, int]:
    """Ask once with each key of `organizations` that is due, within the probes' limit; returns counts by outcome.

    Keeps the answer with the key, and raises an alert for one that may list models and not call them. Safe to repeat:
    a key that has answered is not due again.
    """
    targets = await asyncio.to_thread(_targets, engine, organizations, now, paying)
    run_id = await asyncio.to_thread(create_probe_run, engine, settings, run_key=run_key, now=now)
    slots = asyncio.Semaphore(settings.request_concurrency)
    firsts = [target.models[0] for target in targets]
    limit, per_day = settings.spend_limit_usd, settings.spend_limit_usd_per_day
    counts = {"may_call": 0, "refused": 0, "unknown": 0}
    async with (
        open_ledgers(engine, run_id, limit, now=now, day_limit_usd=per_day) as ledger_of,
        open_keys(firsts, credentials, opener, concurrency=1) as keys,
    ):

        async def one(target: KeyAccess) -> None:
            key = keys.get(target.models[0].secret_reference)
            async with slots:
                row = None if key is None else await _ask(target, key, ledger_of, now)
            if row is None:
                counts["unknown"] += 1
                return
            counts["refused" if row["error_type"] else "may_call"] += 1
            await asyncio.to_thread(record_access, engine, [row], now=now)

        async with asyncio.TaskGroup() as group:
            for target in targets:
                group.create_task(one(target))
    return counts


def record_access(engine: Engine, rows: Sequence[dict[str, Any]], *, now: datetime) -> None:
    """Keep what keys have shown: {organization_id, provider, model, error_type, message, simulated} each."""
    if rows:
        parameters = {"rows": json.dumps(storable(list(rows))), "now": now}
        with engine.begin() as connection:
            run_sql(connection, "queries/access_record", parameters)


def refusal_message(provider: str, model: str, reason: str) -> str:
    """What the organization is told; `reason` holds no key any more."""
    return (
        f"The {provider} key lists models but may not call {model}: {reason} "
        "Give the key the right to call models, or switch it off."
    )


async def _ask(
    target: KeyAccess, key: OpenKey, ledger_of: LedgerFactory, now: datetime
) -> dict[str, Any] | None:
    """The row of one key; None where its vendor or the limit let nobody tell."""
    refusal: ProviderError | None = None
    for model in target.models:
        try:
            await _call(model, key, ledger_of, now)
        except REFUSALS as error:
            refusal = error
        except (ProviderError, SpendLimitReached):
            return None
        else:
            return _row(target, key, model.facts.name, None)
    return _row(target, key, target.models[0].facts.name, refusal)


async def _call(model: KeyedModel, key: OpenKey, ledger_of: LedgerFactory, now: datetime) -> None:
    output = MAX_OUTPUT_TOKENS + (REASONING_HEADROOM_TOKENS if model.reasons else 0)
    request = GenerateRequest(
        model=model.facts.name,
        prompt="Reply with the word ready.",
        max_output_tokens=min(output, model.max_output_tokens or output),
        reasoning_effort=ReasoningEffort.LOW if model.reasons else None,
        timeout_s=DEADLINE_S / 2,
    )
    prices = model.facts.prices
    worst = worst_case_usd(model.facts.provider, request, prices, now=now) or Decimal(0)
    ledger = ledger_of(model.organization_id)
    await call_with_retries(
        partial(
            spend_on,
            ledger,
            worst,
            partial(key.adapter.generate, request),
            lambda answer: price_usage(answer.usage, prices, at=now).cost_usd,
        ),
        deadline_s=DEADLINE_S,
    )


def _row(target: KeyAccess, key: OpenKey, model: str, refusal: ProviderError | None) -> dict[str, Any]:
    message = None
    if refusal is not None:
        message = refusal_message(target.provider, model, key.credential.redact(str(refusal))[:200])
    return {
        "organization_id": target.organization_id,
        "provider": target.provider,
        "model": model,
        "error_type": None if refusal is None else refusal.error_type,
        "message": message,
        "simulated": target.models[0].simulated_organization and is_simulated(key.credential),
    }


def _due(engine: Engine, now: datetime, paying: Iterable[str]) -> list[dict[str, Any]]:
    parameters = {"stale_before": now - RESULTS_HOLD_FOR, "paying": sorted(set(paying))}
    with engine.connect() as connection:
        return [dict(row) for row in run_sql(connection, "queries/access_due", parameters)]


def _targets(
    engine: Engine, organizations: Sequence[str], now: datetime, paying: Iterable[str]
) -> list[KeyAccess]:
    models = load_models(engine, organizations=list(organizations), now=now)
    targets = []
    for row in _due(engine, now, paying):
        own = [
            model
            for model in models.get(row["organization_id"], ())
            if model.facts.provider == row["provider"] and _can_be_asked(model, now)
        ]
        cheapest = sorted(own, key=lambda model: (_list_price(model, now) or Decimal(0), model.facts.name))
        if cheapest:
            targets.append(KeyAccess(row["organization_id"], row["provider"], tuple(cheapest[:MODELS_TRIED])))
    return targets


def _can_be_asked(model: KeyedModel, now: datetime) -> bool:
    """A text model that is there, with a known price: what it costs must fit the limit."""
    facts = model.facts
    there = facts.status in CALLABLE_STATUSES and (facts.retires_on is None or facts.retires_on > now.date())
    text = Capability.TEXT_GENERATION.value in model.documented
    return text and there and _list_price(model, now) is not None


def _list_price(model: KeyedModel, now: datetime) -> Decimal | None:
    request = GenerateRequest(model=model.facts.name, prompt="", max_output_tokens=MAX_OUTPUT_TOKENS)
    return worst_case_usd(model.facts.provider, request, model.facts.prices, now=now)
