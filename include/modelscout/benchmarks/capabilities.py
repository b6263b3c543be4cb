"""Finds out what a model can really do: a few cheap calls per capability, answers known beforehand.

The results are facts about the model, not about the organization whose key asks.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from itertools import zip_longest
from typing import Any

from sqlalchemy import Engine

from modelscout.benchmarks.access import plan_access, record_access, refusal_message
from modelscout.benchmarks.execution import AdapterOpener
from modelscout.benchmarks.probes import PROBED, items_for
from modelscout.benchmarks.probing import Probe, Prober, ProbeTarget
from modelscout.benchmarks.spend import open_ledgers
from modelscout.benchmarks.stored_runs import create_probe_run, finish_probe_run
from modelscout.benchmarks.versions import load_versions, share_a_version
from modelscout.benchmarks.work import RESULTS_HOLD_FOR, PriceBook, load_prices, prices_of
from modelscout.core.errors import ConfigurationError
from modelscout.core.secrets import CredentialSource, ProviderCredential, is_simulated
from modelscout.core.settings import Settings
from modelscout.core.stored import storable
from modelscout.core.types import Capability, CapabilityResult, ModelType, Provider
from modelscout.providers.protocol import ProviderAdapter
from modelscout.providers.registry import open_adapter
from modelscout.warehouse.engine import Row, run_sql

log = logging.getLogger(__name__)

REFUSALS = ("authentication_failed", "permission_denied", "quota_exhausted")
"""What says that a key may call nothing; another organization's may."""
_NOT_FOR_CONCEPTS = frozenset(name.value for name in PROBED if not items_for(name, concepts=True))


def plan_probes(engine: Engine, now: datetime, shards: int) -> list[list[list[str]]]:
    """What is due, dealt out to at most `shards` lists of [model id, organization id].

    Due are models that an enabled key may be used for, whose probed capabilities were never tested, were
    tested before the model last changed, or more than 30 days before `now`, or while another version answered under
    the name. Each model stands there once, with the platform's key where it reaches it, else with the first
    organization's (by slug). Names that may be one version stay together.
    """
    parameters = {"probed": [str(name) for name in PROBED], "stale_before": now - RESULTS_HOLD_FOR}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/capability_due", parameters)
    targets: dict[str, list[list[str]]] = {}
    for row in rows:
        targets.setdefault(row["name"], []).append([row["model_id"], row["organization_id"]])
    groups = share_a_version(list(targets))
    return [
        [target for group in groups[i::shards] for name in group for target in targets[name]]
        for i in range(min(shards, len(groups)))
    ]


def plan_night(engine: Engine, now: datetime, shards: int) -> list[dict[str, Any]]:
    """One night's work per shard, at least one: `probes` as in `plan_probes`, and the organizations whose other keys
    are asked once (`access`), without the keys that `paying` names."""
    probes = plan_probes(engine, now, shards)
    with engine.connect() as connection:
        rows = run_sql(
            connection,
            "queries/capability_payers",
            {
                "model_ids": [model_id for shard in probes for model_id, _ in shard],
                "organization_ids": [organization for shard in probes for _, organization in shard],
            },
        )
    paying = [row["key"] for row in rows]
    access = plan_access(engine, now, shards, paying=paying)
    return [
        {"probes": own or [], "access": others or [], "paying": paying}
        for own, others in zip_longest(probes, access)
    ] or [{"probes": [], "access": [], "paying": []}]


async def probe_shard(
    engine: Engine,
    shard: Sequence[Sequence[str]],
    credentials: CredentialSource,
    settings: Settings,
    *,
    run_key: str,
    now: datetime,
    opener: AdapterOpener = open_adapter,
) -> dict[str, int]:
    """Probe the targets of one shard and write `ai_model_capabilities`; returns counts by result.

    Two names that one version answers are asked once: the second takes over what the first has shown.

    A model's results are written when its probes end, so that a repeated task goes on where it was killed. What the
    probes of one `run_key` cost is held against a limit of their own before it is sent.
    """
    targets = await asyncio.to_thread(_load_targets, engine, shard, now)
    stale_before = now - RESULTS_HOLD_FOR
    providers = {target.provider for target in targets}
    versions = await asyncio.to_thread(load_versions, engine, providers, stale_before=stale_before)
    run_id = await asyncio.to_thread(create_probe_run, engine, settings, run_key=run_key, now=now)
    counts: Counter[str] = Counter()
    slots = asyncio.Semaphore(settings.request_concurrency)
    may_call: dict[tuple[str, str], dict[str, Any]] = {}
    refused: dict[tuple[str, str], dict[str, Any]] = {}

    async def one_key(reference: str, own: list[ProbeTarget]) -> None:
        credential = await asyncio.to_thread(credentials, reference)
        if credential is None:
            log.warning("connection %s has no key: %d models stay untested", reference, len(own))
            return
        async with AsyncExitStack() as stack:
            try:
                opening = opener(credential, concurrency=settings.request_concurrency)
                adapter = await stack.enter_async_context(opening)
            except ConfigurationError as error:
                log.warning("connection %s: %s: %d models stay untested", reference, error, len(own))
                return
            async with asyncio.TaskGroup() as models:
                for target in own:
                    models.create_task(one_model(target, adapter, credential))

    async def one_model(
        target: ProbeTarget, adapter: ProviderAdapter, credential: ProviderCredential
    ) -> None:
        async with slots:
            prober = Prober(target, adapter, credential, ledger_of(target.organization_id), now, versions)
            probes = await prober.probe()
            rows = _rows(target, probes, simulated=is_simulated(credential), now=now)
            await asyncio.to_thread(_record, engine, rows)
        counts.update(row["result"] for row in rows)
        key = (target.organization_id, target.provider)
        if any(probe.ok for probe in probes):
            may_call[key] = _access(target, rows)
        elif probes and probes[-1].evidence["error_type"] in REFUSALS:
            refused[key] = _access(target, rows, refused_by=probes[-1])

    async with (
        open_ledgers(
            engine, run_id, settings.spend_limit_usd, now=now, day_limit_usd=settings.spend_limit_usd_per_day
        ) as ledger_of,
        asyncio.TaskGroup() as group,
    ):
        for reference in sorted({target.secret_reference for target in targets}):
            own = [target for target in targets if target.secret_reference == reference]
            group.create_task(one_key(reference, own))
    # One model may be kept from a key that may call others.
    await asyncio.to_thread(record_access, engine, list((refused | may_call).values()), now=now)
    await asyncio.to_thread(finish_probe_run, engine, run_id, now=now)
    return dict(counts)


def result_of(documented: bool, ok: bool | None) -> CapabilityResult:
    """What is known of a capability. What nobody claimed cannot be contradicted."""
    if ok:
        return CapabilityResult.VERIFIED
    if ok is None:
        return CapabilityResult.UNTESTED
    return CapabilityResult.CONTRADICTED if documented else CapabilityResult.UNTESTED


def _rows(
    target: ProbeTarget, probes: Iterable[Probe], *, simulated: bool, now: datetime
) -> list[dict[str, Any]]:
    """Rows of the probed capabilities, and of the others as they are documented."""
    base = {"model_id": target.model_id, "simulated": simulated and target.simulated_organization}
    rows = [
        base
        | {
            "capability": probe.capability.value,
            "result": result_of(probe.capability.value in target.documented, probe.ok).value,
            "documented": probe.capability.value in target.documented,
            "evidence": probe.evidence,
            "served_model": probe.served_model,
            "tested_at": None if probe.ok is None else now.isoformat(),
        }
        for probe in probes
    ]
    reported = {row["capability"] for row in rows} | target.fresh
    return rows + [
        base | _unprobed(name.value, target, now) for name in Capability if name.value not in reported
    ]


def _access(
    target: ProbeTarget, rows: Sequence[dict[str, Any]], *, refused_by: Probe | None = None
) -> dict[str, Any]:
    """What a key that was to pay for probes has shown of itself."""
    evidence = None if refused_by is None else refused_by.evidence
    reason = "" if evidence is None else evidence["attempts"][-1]["error"]
    return {
        "organization_id": target.organization_id,
        "provider": target.provider,
        "model": target.name,
        "error_type": None if evidence is None else evidence["error_type"],
        "message": None if evidence is None else refusal_message(target.provider, target.name, reason),
        "simulated": rows[0]["simulated"],
    }


def _unprobed(capability: str, target: ProbeTarget, now: datetime) -> dict[str, Any]:
    documented = capability in target.documented
    result = CapabilityResult.DOCUMENTED if documented else CapabilityResult.UNTESTED
    # What a concept model cannot be asked for at all is settled, not due again tomorrow.
    settled = target.is_concept_model and capability in _NOT_FOR_CONCEPTS
    return {
        "capability": capability,
        "result": result.value,
        "documented": documented,
        "evidence": {"not_asked": "concept models take images only"} if settled else {},
        "served_model": None,
        "tested_at": now.isoformat() if settled else None,
    }


def _load_targets(engine: Engine, shard: Sequence[Sequence[str]], now: datetime) -> list[ProbeTarget]:
    parameters = {
        "model_ids": [model_id for model_id, _ in shard],
        "organization_ids": [organization_id for _, organization_id in shard],
        "stale_before": now - RESULTS_HOLD_FOR,
    }
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/capability_models", parameters)
    book = load_prices(engine, {row["organization_id"] for row in rows}, now=now)
    return [_target(row, book) for row in rows]


def _target(row: Row, book: PriceBook) -> ProbeTarget:
    documented = frozenset(row["documented_capabilities"])
    vision_only = row["model_type"] == ModelType.VISION.value
    return ProbeTarget(
        model_id=row["model_id"],
        organization_id=row["organization_id"],
        provider=row["provider"],
        name=row["provider_model_id"],
        secret_reference=row["secret_reference"],
        simulated_organization=row["simulated"],
        documented=documented,
        fresh=frozenset(row["fresh"]),
        is_private=row["is_private"],
        is_concept_model=row["provider"] == Provider.CLARIFAI.value
        and (vision_only or Capability.TEXT_GENERATION.value not in documented),
        max_output_tokens=row["max_output_tokens"],
        prices=prices_of(book, row["organization_id"], row["provider"], row["provider_model_id"]),
    )


def _record(engine: Engine, rows: list[dict[str, Any]]) -> None:
    # One order of models and capabilities for all writers, so that none waits for another in a ring.
    ordered = sorted(rows, key=lambda row: (row["model_id"], row["capability"]))
    with engine.begin() as connection:
        run_sql(connection, "queries/capability_record", {"rows": json.dumps(storable(ordered))})
