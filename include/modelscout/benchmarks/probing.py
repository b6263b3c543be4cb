"""Asks one model for its capabilities, within the spend limit: every call's worst case is held before it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.graders import grade
from modelscout.benchmarks.probes import PROBED, ProbeItem, items_for, tool_call_text
from modelscout.benchmarks.spend import SpendLedger, spend_on
from modelscout.benchmarks.versions import Known, Version, Versions
from modelscout.core.errors import BadRequest, MalformedAnswer, ProviderError, SpendLimitReached
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import Capability
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import (
    GenerateRequest,
    GenerateResult,
    Image,
    ProviderAdapter,
    ReasoningEffort,
    TextDelta,
)

REASONING_HEADROOM_TOKENS = 1024
"""For models that think also about simple questions, at low effort."""
PROBE_TIMEOUT_S = 30.0
PROBE_DEADLINE_S = 60.0
EXCERPT_LENGTH = 120
GOES_ON = frozenset({"malformed_answer"})
"""An answer that cannot be read says nothing about the next question; other failures would only repeat."""
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
    is_private: bool
    """One organization's own: what a gateway serves under a version's name is no fact about that version."""
    is_concept_model: bool
    max_output_tokens: int | None
    prices: tuple[PriceRow, ...]


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


@dataclass(frozen=True, slots=True)
class Prober:
    """Asks one model with one key. The ledger is that of the organization whose key it is."""

    target: ProbeTarget
    adapter: ProviderAdapter
    credential: ProviderCredential
    ledger: SpendLedger
    now: datetime
    versions: Versions

    async def probe(self) -> list[Probe]:
        """Ask for every capability that is due, one after the other; stops where the model cannot be asked.

        The first answer says which version there is. Where that one is known already, nothing more is asked.
        """
        due = [
            items
            for capability in PROBED
            if capability.value not in self.target.fresh
            and (items := items_for(capability, concepts=self.target.is_concept_model))
        ]
        if not due:
            return []
        first = await self._probe(due[0])
        if first.served_model is None or first.ok is None or self.target.is_private:
            goes_on = first.ok is not None or first.evidence["error_type"] in GOES_ON
            return [first, *(await self._ask_all(due[1:]) if goes_on else [])]
        version = Version(self.target.provider, first.served_model)
        known = await self.versions.claim(version)
        if known is not None:
            return [first, *await self._take_over(known, due[1:], first.served_model)]
        try:
            probes = [first, *await self._ask_all(due[1:])]
        except BaseException:
            self.versions.tell(version, None)
            raise
        can = {probe.capability.value: probe.ok for probe in probes if probe.ok is not None}
        self.versions.tell(version, Known(self.target.name, can))
        return probes

    async def _ask_all(self, due: Sequence[Sequence[ProbeItem]]) -> list[Probe]:
        probes: list[Probe] = []
        for items in due:
            probe = await self._probe(items)
            probes.append(probe)
            if probe.ok is None and probe.evidence["error_type"] not in GOES_ON:
                break
        return probes

    async def _take_over(
        self, known: Known, due: Sequence[Sequence[ProbeItem]], served_model: str
    ) -> list[Probe]:
        """What the same version has shown under another name; what it was not asked is asked now."""
        taken = [
            Probe(
                items[0].capability,
                known.can[items[0].capability.value],
                {"same_version_as": known.model, "attempts": [], "error_type": None},
                served_model,
            )
            for items in due
            if items[0].capability.value in known.can
        ]
        rest = [items for items in due if items[0].capability.value not in known.can]
        return taken + await self._ask_all(rest)

    async def _probe(self, items: Sequence[ProbeItem]) -> Probe:
        """One right answer is enough; every answer must be wrong or refused to show that it cannot."""
        asked = _Asked()
        capability = items[0].capability
        for item in items:
            verdict = await self._ask(item, asked)
            if verdict is not False:
                return Probe(capability, verdict, _evidence(asked), asked.served_model)
        return Probe(capability, False, _evidence(asked), asked.served_model)

    async def _ask(self, item: ProbeItem, asked: _Asked) -> bool | None:
        """Whether the answer is right; None where there is none because the call failed or was not sent."""
        trail: dict[str, Any] = {"item": item.case.case_key, "asked": item.case.prompt[:EXCERPT_LENGTH]}
        asked.attempts.append(trail)
        request = _request(self.target, item)
        try:
            result, pieces = await self._paid(request, stream=item.stream)
        except (ProviderError, SpendLimitReached, _NoPrice) as error:
            kind = error.error_type if isinstance(error, ProviderError) else _REFUSED_HERE[type(error)]
            text = self.credential.redact(str(error))[:EXCERPT_LENGTH]
            trail |= {"error_type": kind, "error": text}
            return False if isinstance(error, BadRequest) else None
        asked.served_model = result.served_model
        text = "".join(tool_call_text(call.name, call.arguments) for call in result.tool_calls[:1])
        text = text if item.tool is not None else result.text
        trail |= {
            "answer": (text or result.text)[:EXCERPT_LENGTH],
            "finish_reason": result.finish_reason.value,
        }
        if item.stream:
            trail["pieces"] = pieces
            return pieces > 1
        return grade(item.case.grader, text, item.case.reference) >= RIGHT

    async def _paid(self, request: GenerateRequest, *, stream: bool) -> tuple[GenerateResult, int]:
        """The answer and the number of pieces it came in, each try within the limit."""
        prices = self.target.prices
        worst = worst_case_usd(self.target.provider, request, prices, now=self.now)
        if worst is None:
            raise _NoPrice(f"{request.model} has no known price: give it one with modelscout price-set")

        async def attempt() -> tuple[GenerateResult, int]:
            answer, _ = await spend_on(
                self.ledger,
                worst,
                partial(_send, self.adapter, request, stream=stream),
                lambda sent: price_usage(sent[0].usage, prices, at=self.now).cost_usd,
            )
            return answer

        return await call_with_retries(attempt, deadline_s=PROBE_DEADLINE_S)


class _NoPrice(Exception):  # noqa: N818 - named after what is the matter
    """A model whose price nobody knows is not called: what it costs could not be held against a limit."""


_REFUSED_HERE: dict[type[Exception], str] = {SpendLimitReached: "spend_limit_reached", _NoPrice: "no_price"}


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
