"""Finds out what a model can really do: a few cheap calls per capability, answers known beforehand.

The results are facts about the model, not about the organization whose key asks.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Engine

from modelscout.benchmarks.execution import AdapterOpener
from modelscout.benchmarks.graders import grade
from modelscout.benchmarks.probes import PROBED, ProbeItem, items_for, tool_call_text
from modelscout.benchmarks.work import RESULTS_HOLD_FOR
from modelscout.core.errors import BadRequest, MalformedAnswer, ProviderError
from modelscout.core.secrets import CredentialSource, ProviderCredential, is_simulated
from modelscout.core.types import Capability, CapabilityResult, ModelType, Provider
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import (
    GenerateRequest,
    GenerateResult,
    Image,
    ProviderAdapter,
    ReasoningEffort,
    TextDelta,
)
from modelscout.providers.registry import open_adapter
from modelscout.warehouse.engine import Row, run_sql

log = logging.getLogger(__name__)

REASONING_HEADROOM_TOKENS = 1024
"""For models that think also about simple questions, at low effort."""
PROBE_TIMEOUT_S = 30.0
PROBE_DEADLINE_S = 60.0
EXCERPT_LENGTH = 120
_NOT_FOR_CONCEPTS = frozenset(name.value for name in PROBED if not items_for(name, concepts=True))
RIGHT = 0.99
"""Score from which on an answer counts as right."""


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """One model to probe with one organization's key."""

    model_id: str
    organization_id: str
    provider: str
    name: str
    secret_reference: str
    simulated_organization: bool
    documented: frozenset[str]
    fresh: frozenset[str]
    """Capabilities whose result still holds."""
    is_concept_model: bool
    max_output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Probe:
    """What asking for one capability has shown. `ok` None: nothing, the calls failed."""

    capability: Capability
    ok: bool | None
    evidence: dict[str, Any]
    served_model: str | None = None


@dataclass(slots=True)
class _Asked:
    """Trail of one probe's questions."""

    attempts: list[dict[str, Any]] = field(default_factory=list)
    served_model: str | None = None


def plan_probes(engine: Engine, now: datetime, shards: int) -> list[list[list[str]]]:
    """What is due, dealt out to at most `shards` lists of [model id, organization id].

    Due are models that an enabled key may be used for, whose probed capabilities were never tested, were
    tested before the model last changed, or more than 30 days before `now`. Each model stands there once, with
    the first organization (by slug) whose key reaches it.
    """
    parameters = {"probed": [str(name) for name in PROBED], "stale_before": now - RESULTS_HOLD_FOR}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/capability_due", parameters)
    targets = [[row["model_id"], row["organization_id"]] for row in rows]
    return [targets[i::shards] for i in range(min(shards, len(targets)))]


async def probe_shard(
    engine: Engine,
    shard: Sequence[Sequence[str]],
    credentials: CredentialSource,
    *,
    concurrency: int,
    now: datetime,
    opener: AdapterOpener = open_adapter,
) -> dict[str, int]:
    """Probe the targets of one shard and write `ai_model_capabilities`; returns counts by result.

    A model's results are written when its probes end, so that a repeated task goes on where it was killed.
    """
    targets = await asyncio.to_thread(_load_targets, engine, shard, now)
    counts: Counter[str] = Counter()
    slots = asyncio.Semaphore(concurrency)

    async def one_key(reference: str, own: list[ProbeTarget]) -> None:
        credential = await asyncio.to_thread(credentials, reference)
        if credential is None:
            log.warning("connection %s has no key: %d models stay untested", reference, len(own))
            return
        async with opener(credential, concurrency=concurrency) as adapter, asyncio.TaskGroup() as group:
            for target in own:
                group.create_task(one_model(target, adapter, credential))

    async def one_model(
        target: ProbeTarget, adapter: ProviderAdapter, credential: ProviderCredential
    ) -> None:
        async with slots:
            probes = await probe_model(target, adapter, credential)
            rows = _rows(target, probes, simulated=is_simulated(credential), now=now)
            await asyncio.to_thread(_record, engine, rows)
        counts.update(row["result"] for row in rows)

    async with asyncio.TaskGroup() as group:
        for reference in sorted({target.secret_reference for target in targets}):
            own = [target for target in targets if target.secret_reference == reference]
            group.create_task(one_key(reference, own))
    return dict(counts)


async def probe_model(
    target: ProbeTarget, adapter: ProviderAdapter, credential: ProviderCredential
) -> list[Probe]:
    """Ask for every capability that is due, one after the other; stops where the model cannot be reached."""
    probes: list[Probe] = []
    for capability in PROBED:
        items = items_for(capability, concepts=target.is_concept_model)
        if not items or capability.value in target.fresh:
            continue
        probe = await _probe(target, items, adapter, credential)
        probes.append(probe)
        if probe.ok is None:
            break
    return probes


async def _probe(
    target: ProbeTarget, items: Sequence[ProbeItem], adapter: ProviderAdapter, credential: ProviderCredential
) -> Probe:
    """One right answer is enough; every answer must be wrong or refused to show that it cannot."""
    asked = _Asked()
    capability = items[0].capability
    for item in items:
        verdict = await _ask(target, item, adapter, credential, asked)
        if verdict is not False:
            return Probe(capability, verdict, _evidence(asked), asked.served_model)
    return Probe(capability, False, _evidence(asked), asked.served_model)


async def _ask(
    target: ProbeTarget,
    item: ProbeItem,
    adapter: ProviderAdapter,
    credential: ProviderCredential,
    asked: _Asked,
) -> bool | None:
    """Whether the answer is right; None where there is none because the call failed."""
    trail: dict[str, Any] = {"item": item.case.case_key, "asked": item.case.prompt}
    asked.attempts.append(trail)
    request = _request(target, item)
    try:
        result, pieces = await call_with_retries(
            partial(_send, adapter, request, stream=item.stream), deadline_s=PROBE_DEADLINE_S
        )
    except ProviderError as error:
        trail |= {"error_type": error.error_type, "error": credential.redact(str(error))[:EXCERPT_LENGTH]}
        return False if isinstance(error, BadRequest) else None
    asked.served_model = result.served_model
    text = "".join(tool_call_text(call.name, call.arguments) for call in result.tool_calls[:1])
    text = text if item.tool is not None else result.text
    trail |= {"answer": (text or result.text)[:EXCERPT_LENGTH], "finish_reason": result.finish_reason.value}
    if item.stream:
        trail["pieces"] = pieces
        return pieces > 1
    return grade(item.case.grader, text, item.case.reference) >= RIGHT


async def _send(
    adapter: ProviderAdapter, request: GenerateRequest, *, stream: bool
) -> tuple[GenerateResult, int]:
    """The answer and the number of pieces it came in."""
    if not stream:
        return await adapter.generate(request), 1
    pieces = 0
    async for event in adapter.stream(request):
        if isinstance(event, TextDelta):
            pieces += 1
        else:
            return event, pieces
    raise MalformedAnswer("the stream ended without a result", provider=adapter.provider)


def _request(target: ProbeTarget, item: ProbeItem) -> GenerateRequest:
    case = item.case
    output = case.max_output_tokens + REASONING_HEADROOM_TOKENS
    reasons = Capability.COMPLEX_REASONING.value in target.documented
    return GenerateRequest(
        model=target.name,
        prompt=case.prompt,
        images=() if case.image is None else (Image(case.image, case.image_media_type or "image/png"),),
        json_schema=case.json_schema,
        tools=() if item.tool is None else (item.tool,),
        max_output_tokens=min(output, target.max_output_tokens or output),
        reasoning_effort=ReasoningEffort.LOW if reasons else None,
        timeout_s=PROBE_TIMEOUT_S,
    )


def _evidence(asked: _Asked) -> dict[str, Any]:
    last = asked.attempts[-1]
    return {"attempts": asked.attempts, "error_type": last.get("error_type")}


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
        return [_target(row) for row in run_sql(connection, "queries/capability_models", parameters)]


def _target(row: Row) -> ProbeTarget:
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
        is_concept_model=row["provider"] == Provider.CLARIFAI.value
        and (vision_only or Capability.TEXT_GENERATION.value not in documented),
        max_output_tokens=row["max_output_tokens"],
    )


def _record(engine: Engine, rows: list[dict[str, Any]]) -> None:
    # One order of models and capabilities for all writers, so that none waits for another in a ring.
    ordered = sorted(rows, key=lambda row: (row["model_id"], row["capability"]))
    with engine.begin() as connection:
        run_sql(connection, "queries/capability_record", {"rows": json.dumps(ordered)})
