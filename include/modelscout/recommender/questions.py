"""What the three questions share: one model for one feature, what is asked of it, and what it fails. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability


class Source(StrEnum):
    """Where a figure comes from; the first two are the organization's own work."""

    REPLAY = "replay"
    OWN_TRAFFIC = "own_traffic"
    SUITES = "suites"
    PRICE_LIST = "price_list"
    GIVEN = "given"


OWN_WORK = frozenset({Source.REPLAY, Source.OWN_TRAFFIC})


class Ability(StrEnum):
    """What is known about one capability of one model."""

    VERIFIED = "verified"
    DOCUMENTED = "documented"
    ABSENT = "absent"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"


class Measure(NamedTuple):
    """A measured figure with its 90 % interval; None where the interval is unknown."""

    value: float
    low: float | None
    high: float | None
    n: int
    source: Source


@dataclass(frozen=True, slots=True)
class Option:
    """One model for one feature. None is unknown and never taken for zero."""

    model: str
    """Such as `openai/gpt-6-luna`."""
    provider: str
    usd_per_request: Decimal | None
    quality: Measure | None = None
    """Mean score of an answer, 0 to 1."""
    latency_ms: Measure | None = None
    """95th percentile of the response time."""
    abilities: Mapping[Capability, Ability] = field(default_factory=dict)
    """A capability that is not named is unknown."""
    unusable: str | None = None
    """Why the organization cannot use it at all, such as a retirement; None where it can."""
    cost_source: Source = Source.GIVEN
    cost_reason: str | None = None
    """Why the cost is unknown."""


class Kind(StrEnum):
    """Constraints of a question that can be relaxed. The first four are of the mix, the others of one feature."""

    BUDGET = "budget"
    MAXIMUM_PROVIDERS = "maximum_providers"
    PROVIDER_SHARE = "provider_share"
    FALLBACK = "fallback"
    MINIMUM_QUALITY = "minimum_quality"
    MAXIMUM_LATENCY = "maximum_latency"
    MAXIMUM_COST = "maximum_cost"
    CAPABILITIES = "capabilities"
    PROVIDERS = "providers"


class Failure(NamedTuple):
    """One requirement that a model fails. `kind` None: nothing that is asked for, the model cannot be used."""

    kind: Kind | None
    reason: str


@dataclass(frozen=True, slots=True)
class Requirements:
    """What one feature asks of its model. None asks for nothing."""

    minimum_quality: float | None = None
    maximum_latency_ms: float | None = None
    maximum_usd_per_request: Decimal | None = None
    capabilities: frozenset[Capability] = frozenset()
    providers: frozenset[str] | None = None
    cautious: bool = False
    """Judge quality and latency by the bad end of their intervals."""

    def __post_init__(self) -> None:
        """Refuse limits without a meaning."""
        if self.minimum_quality is not None and not 0 <= self.minimum_quality <= 1:
            raise ConfigurationError(f"minimum_quality={self.minimum_quality:g} is out of range: give 0 to 1")
        for name in ("maximum_latency_ms", "maximum_usd_per_request"):
            limit = getattr(self, name)
            if limit is not None and not limit >= 0:
                raise ConfigurationError(f"{name}={limit} is out of range: give at least 0")
        if self.providers is not None and not self.providers:
            raise ConfigurationError("providers is empty: name at least one, or leave it out")

    def judged_quality(self, option: Option) -> float | None:
        """The figure that is held against `minimum_quality`; None where it is unknown."""
        if option.quality is None:
            return None
        return option.quality.low if self.cautious else option.quality.value

    def judged_latency_ms(self, option: Option) -> float | None:
        """The figure that is held against `maximum_latency_ms`; None where it is unknown."""
        if option.latency_ms is None:
            return None
        return option.latency_ms.high if self.cautious else option.latency_ms.value


Limit = Decimal | float | int | None


def judged_limit(kind: Kind, asked: Requirements, option: Option) -> Limit:
    """The limit of `kind` that just admits `option`; None where the requirement has to go."""
    if kind is Kind.MINIMUM_QUALITY:
        return asked.judged_quality(option)
    if kind is Kind.MAXIMUM_LATENCY:
        return asked.judged_latency_ms(option)
    if kind is Kind.MAXIMUM_COST:
        return option.usd_per_request
    return None


LIMITS = {
    Kind.MINIMUM_QUALITY: "minimum_quality",
    Kind.MAXIMUM_LATENCY: "maximum_latency_ms",
    Kind.MAXIMUM_COST: "maximum_usd_per_request",
    Kind.CAPABILITIES: "capabilities",
    Kind.PROVIDERS: "providers",
}
"""The field of `Requirements` that each kind stands in."""


def relax_requirement(asked: Requirements, kind: Kind, to: Limit) -> Requirements:
    """The same requirements with one moved `to` another limit; None: dropped."""
    moved: dict[str, Any] = {LIMITS[kind]: frozenset() if kind is Kind.CAPABILITIES else to}
    return replace(asked, **moved)


def failures(option: Option, asked: Requirements) -> tuple[Failure, ...]:
    """Everything that `option` fails, in words with figures; nothing where it will do."""
    found = [Failure(None, option.unusable)] if option.unusable else []
    tests = (_fails_quality, _fails_latency, _fails_cost, _fails_capabilities, _fails_providers)
    return (*found, *(failure for test in tests if (failure := test(option, asked)) is not None))


def _fails_quality(option: Option, asked: Requirements) -> Failure | None:
    wanted, found = asked.minimum_quality, asked.judged_quality(option)
    if wanted is None or (found is not None and found >= wanted):
        return None
    if found is None:
        what = "quality is unknown" if option.quality is None else "the quality's interval is unknown"
        return Failure(Kind.MINIMUM_QUALITY, f"{what}, at least {wanted:.3f} is asked for")
    end = " at the low end" if asked.cautious else ""
    return Failure(Kind.MINIMUM_QUALITY, f"quality {found:.3f}{end} is below {wanted:.3f}")


def _fails_latency(option: Option, asked: Requirements) -> Failure | None:
    wanted, found = asked.maximum_latency_ms, asked.judged_latency_ms(option)
    if wanted is None or (found is not None and found <= wanted):
        return None
    if found is None:
        what = "latency is unknown" if option.latency_ms is None else "the latency's interval is unknown"
        return Failure(Kind.MAXIMUM_LATENCY, f"{what}, at most {wanted:,.0f} ms is asked for")
    end = " at the high end" if asked.cautious else ""
    return Failure(Kind.MAXIMUM_LATENCY, f"latency {found:,.0f} ms{end} is above {wanted:,.0f} ms")


def _fails_cost(option: Option, asked: Requirements) -> Failure | None:
    wanted, found = asked.maximum_usd_per_request, option.usd_per_request
    if wanted is None or (found is not None and found <= wanted):
        return None
    if found is None:
        return Failure(Kind.MAXIMUM_COST, f"cost is unknown ({option.cost_reason or 'no price'})")
    return Failure(Kind.MAXIMUM_COST, f"cost of {found:f} USD a request is above {wanted:f}")


def _fails_capabilities(option: Option, asked: Requirements) -> Failure | None:
    held = (Ability.VERIFIED, Ability.DOCUMENTED)
    states = {c: option.abilities.get(c, Ability.UNKNOWN) for c in sorted(asked.capabilities)}
    lacking = [f"{capability} is {state}" for capability, state in states.items() if state not in held]
    return Failure(Kind.CAPABILITIES, ", ".join(lacking)) if lacking else None


def _fails_providers(option: Option, asked: Requirements) -> Failure | None:
    if asked.providers is None or option.provider in asked.providers:
        return None
    return Failure(
        Kind.PROVIDERS, f"provider {option.provider} is not among {', '.join(sorted(asked.providers))}"
    )
