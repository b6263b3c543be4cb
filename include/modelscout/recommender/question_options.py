"""Every model for a feature, with its cost and what is measured of it, from what was read.

Quality and latency come from replay of the organization's own items, else from its own traffic, else from the
platform's suites; an own quality is shrunk towards the suites' as if they were `PRIOR_WEIGHT` items. Cost is what the
replayed items really cost where there are enough of them, else the organization's own request lengths at the model's
prices of the moment.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from modelscout.analytics.calculator_models import KnownModel
from modelscout.analytics.calculator_usage import Lengths, proven_capabilities
from modelscout.analytics.comparison_measured import platform_results, quantile_ms
from modelscout.core.types import Capability, CapabilityResult, Processing
from modelscout.costs.calculator import (
    RESOLUTIONS,
    FeatureCost,
    FeatureWork,
    Workload,
    cost_of,
    required_capabilities,
    to_usd,
)
from modelscout.recommender.question_inputs import Knowledge
from modelscout.recommender.questions import Ability, Measure, Option, Source
from modelscout.warehouse.engine import Row

NORMAL_90 = 1.645
TAIL = 0.95
"""The quantile of the response time that a latency limit is held against."""
PRIOR_WEIGHT = 20.0
"""Items that the suites count for beside the organization's own."""
MINIMUM_ITEMS = 30
"""Fewer replayed items say nothing about cost or latency."""


@dataclass(frozen=True, slots=True)
class FeatureModels:
    """One feature with every model that may answer it."""

    work: FeatureWork
    required: frozenset[Capability]
    options: tuple[Option, ...]


def models_for(
    known: Knowledge,
    features: Sequence[str],
    *,
    horizon_days: int,
    processing: Processing = Processing.STANDARD,
    prompt_tokens: Mapping[str, int] | None = None,
    output_tokens: Mapping[str, int] | None = None,
) -> dict[str, FeatureModels]:
    """Every model for each of these features.

    The token counts map a feature, or the empty name for every other, to those of one request. Raises
    ConfigurationError for a feature of which nobody knows how long its requests are.
    """
    lengths = Lengths(
        prompt_tokens=prompt_tokens or {}, output_tokens=output_tokens or {}, images={}, usage=known.usage
    )
    works = {feature: lengths.of(feature, Decimal(1)) for feature in features}
    options: dict[str, list[Option]] = {feature: [] for feature in features}
    for model in known.shelf.models:
        verified = _verified(known, model)
        able = model.proving(verified)
        shared = _Shared(dict(_abilities(able, verified)), _unusable(known, able, horizon_days), processing)
        for feature, cost in _costs(able, works, processing, known.at).items():
            options[feature].append(_option(known, able, feature, cost, shared))
    return {
        feature: FeatureModels(work, _required(known, feature, work), tuple(options[feature]))
        for feature, work in works.items()
    }


def _required(known: Knowledge, feature: str, work: FeatureWork) -> frozenset[Capability]:
    facts = known.features.get(feature)
    return required_capabilities(work) | (facts.required if facts else frozenset())


def _costs(
    model: KnownModel, works: Mapping[str, FeatureWork], processing: Processing, at: datetime
) -> dict[str, FeatureCost]:
    """Of one request. What the feature asks for is another matter than what its tokens cost."""
    features = tuple(replace(work, required=frozenset()) for work in works.values())
    workload = Workload(1, RESOLUTIONS["medium"], features, processing=processing)
    return dict(zip(works, cost_of(model.offer(), workload, at=at).features, strict=True))


class _Shared(NamedTuple):
    """What is the same for one model on every feature."""

    abilities: dict[Capability, Ability]
    unusable: str | None
    processing: Processing


def _option(known: Knowledge, model: KnownModel, feature: str, cost: FeatureCost, shared: _Shared) -> Option:
    key = (feature, str(model.warehouse["id"])) if model.warehouse else (feature, "")
    replay = known.replays.get(key)
    usd, source = cost.usd_per_photo, Source.PRICE_LIST
    if replay is not None and replay["priced"] >= MINIMUM_ITEMS and shared.processing is Processing.STANDARD:
        usd, source = to_usd(Fraction(replay["cost_usd"]) / replay["priced"]), Source.REPLAY
    return Option(
        model=model.key,
        provider=model.provider,
        usd_per_request=usd,
        quality=_quality(model, feature, replay, known.traffic.get(key)),
        latency_ms=_latency(model, replay, known.traffic.get(key)),
        abilities=shared.abilities,
        unusable=shared.unusable,
        cost_source=source,
        cost_reason=None if usd is not None else cost.reason,
    )


def _unusable(known: Knowledge, model: KnownModel, horizon_days: int) -> str | None:
    if model.retires_on is not None and model.retires_on <= known.at.date():
        return f"retired on {model.retires_on}"
    if model.retires_on is not None and model.retires_on <= known.at.date() + timedelta(days=horizon_days):
        return f"retires on {model.retires_on}"
    if known.unusable is None or model.warehouse is None:
        return None
    return known.unusable.get(model.warehouse["id"], "no key of the organization lists it")


def _quality(model: KnownModel, feature: str, replay: Row | None, traffic: Row | None) -> Measure | None:
    results = platform_results(model.warehouse)
    suite = next((s for s in results.scores if s.feature == feature), None) if results else None
    for row, source in ((replay, Source.REPLAY), (traffic, Source.OWN_TRAFFIC)):
        if row is not None and row["n"]:
            n, total = int(row["n"]), float(row["score_sum"])
            weight = PRIOR_WEIGHT if suite else 0.0
            prior = suite.score if suite else 0.0
            return share_measure((prior * weight + total) / (weight + n), n, source)
    return share_measure(suite.score, suite.n, Source.SUITES) if suite else None


def share_measure(share: float, n: int, source: Source) -> Measure:
    """A mean of scores 0 to 1 with Wilson's 90 % interval (exact scores vary less than right or wrong do)."""
    z2 = NORMAL_90**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_90 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Measure(share, max(0.0, centre - half), min(1.0, centre + half), n, source)


def _latency(model: KnownModel, replay: Row | None, traffic: Row | None) -> Measure | None:
    if replay is not None and replay["timed"] >= MINIMUM_ITEMS:
        ends = (float(replay["p95_low_ms"]), float(replay["p95_high_ms"]))
        return Measure(float(replay["p95_ms"]), *ends, int(replay["timed"]), Source.REPLAY)
    if traffic is not None and traffic["histogram"]:
        return _traffic_latency(traffic["histogram"])
    speed: Mapping[str, Any] = (model.warehouse or {}).get("performance_metrics") or {}
    if (tail := speed.get("duration_p95_ms")) is not None:
        return Measure(float(tail), None, None, int(speed.get("n", 0)), Source.SUITES)
    return None


def _traffic_latency(histogram: Mapping[str, int]) -> Measure | None:
    """The interval is that of the ranks, as in question_replays.sql."""
    buckets = [(int(bucket), int(count)) for bucket, count in histogram.items()]
    n = sum(count for _, count in buckets)
    half = NORMAL_90 * math.sqrt(TAIL * (1 - TAIL) / n) if n else 0.0
    value = quantile_ms(buckets, TAIL)
    if value is None:
        return None
    return Measure(
        value,
        quantile_ms(buckets, max(TAIL - half, 0.0)),
        quantile_ms(buckets, min(TAIL + half, 1.0)),
        n,
        Source.OWN_TRAFFIC,
    )


def _tested(model: KnownModel) -> Mapping[str, Mapping[str, Any]]:
    return model.warehouse["tested"] if model.warehouse else {}


def _verified(known: Knowledge, model: KnownModel) -> frozenset[Capability]:
    """By a probe, or because it answers features that ask for it."""
    probed = {c for c in Capability if _tested(model).get(c, {}).get("result") == CapabilityResult.VERIFIED}
    return proven_capabilities(known.usage, model.provider, model.model_id) | probed


def _abilities(model: KnownModel, verified: frozenset[Capability]) -> Iterator[tuple[Capability, Ability]]:
    for capability in Capability:
        if _tested(model).get(capability, {}).get("result") == CapabilityResult.CONTRADICTED:
            yield capability, Ability.CONTRADICTED
        elif capability in verified:
            yield capability, Ability.VERIFIED
        elif model.capabilities is not None:
            documented = capability in model.capabilities
            yield capability, Ability.DOCUMENTED if documented else Ability.ABSENT
