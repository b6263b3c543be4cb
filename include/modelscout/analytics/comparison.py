"""Models side by side: documented and measured, capabilities, costs, limits, suitability, lifecycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from modelscout.analytics.calculator_models import (
    KnownModel,
    Shelf,
    organization_id_of,
    shelf_from_warehouse,
    shelf_without_warehouse,
)
from modelscout.analytics.calculator_usage import FeatureUsage, proven_capabilities, read_usage
from modelscout.analytics.comparison_costs import CostView, cost_view
from modelscout.analytics.comparison_measured import (
    OwnTraffic,
    PlatformResults,
    own_traffic,
    platform_results,
)
from modelscout.catalog.models import PerformanceClasses, UseCaseScore
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, UseCase
from modelscout.costs.calculator_images import ImageSize

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Performance:
    """Speed, accuracy and reliability. `documented` are coarse classes, the others are measured; None is unknown.

    Reliability has no documented class: nobody publishes one.
    """

    documented: PerformanceClasses | None
    platform: PlatformResults | None
    """From this project's own suites, the same for everybody."""
    own: OwnTraffic | None
    """From the organization's own traffic."""


@dataclass(frozen=True, slots=True)
class CapabilityView:
    """One capability: what the vendor says and what a probe found."""

    capability: Capability
    documented: bool | None
    tested: str
    """`verified`, `contradicted`, `untested`, or `unknown` without a warehouse."""


@dataclass(frozen=True, slots=True)
class LimitView:
    """The vendor's limits; None where no source gives one."""

    context_window_tokens: int | None
    max_input_tokens: int | None
    max_output_tokens: int | None
    max_images: int | None
    requests_per_minute: int | None
    tokens_per_minute: int | None


@dataclass(frozen=True, slots=True)
class LifecycleView:
    """Dates in UTC."""

    released_on: date | None
    deprecated_on: date | None
    retires_on: date | None
    days_left: int | None
    """Until it retires; negative once it has."""
    successor: str | None
    """Such as `openai/gpt-6-luna`."""
    status: str | None
    """For the organization's key; None without one."""


@dataclass(frozen=True, slots=True)
class ComparedModel:
    """Everything about one model."""

    model: str
    name: str
    in_catalog: bool
    performance: Performance
    capabilities: tuple[CapabilityView, ...]
    costs: CostView
    limits: LimitView
    use_cases: Mapping[UseCase, UseCaseScore]
    lifecycle: LifecycleView


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models in the order they were asked for."""

    at: datetime
    organization: str | None
    resolution: ImageSize
    """Of the photo that image costs are for."""
    models: tuple[ComparedModel, ...]
    notes: tuple[str, ...]
    simulated: bool
    """A measured figure comes from simulated traffic or the emulator."""


def compare(
    names: Sequence[str],
    *,
    now: datetime,
    size: ImageSize,
    engine: Engine | None = None,
    organization: str | None = None,
    features: Sequence[str] = (),
) -> Comparison:
    """Compare models by `provider/model` or `model`; without an engine from the catalog and the price book alone.

    `features` narrows the monthly cost to some of the organization's. Raises ConfigurationError for a model,
    organization or feature that nobody knows.
    """
    if not names:
        raise ConfigurationError("no model to compare: name at least one, such as openai/gpt-6-luna")
    if engine is None:
        if organization is not None:
            raise ConfigurationError("organization needs a warehouse: set MODELSCOUT_DATABASE_URL")
        models = _find(shelf_without_warehouse(), names)
        compared = tuple(_compare(m, None, size, {}, now) for m in models)
        return Comparison(
            now, None, size, compared, ("measured figures are unknown: no warehouse",), simulated=False
        )
    with engine.connect() as connection:
        organization_id = organization_id_of(connection, organization) if organization else None
        models = _find_in_warehouse(connection, organization_id, names)
        usage = read_usage(connection, organization_id, now=now) if organization_id else {}
        own = own_traffic(connection, organization_id, _ids(models), now=now) if organization_id else {}
    usage = _narrow(usage, features)
    proven = {m.key: proven_capabilities(usage, m.provider, m.model_id) for m in models}
    compared = tuple(
        _compare(m, own.get(str(_id(m))), size, usage, now, proven=proven[m.key]) for m in models
    )
    return Comparison(now, organization, size, compared, _notes(usage), _is_simulated(compared, usage))


def _find_in_warehouse(
    connection: Connection, organization_id: str | None, names: Sequence[str]
) -> list[KnownModel]:
    """Reads only these models, all of them where one goes by another name than its own."""
    few = shelf_from_warehouse(connection, organization_id, only=names)
    if set(names) <= {model.key for model in few.models}:
        return _find(few, names)
    return _find(shelf_from_warehouse(connection, organization_id), names)


def _find(shelf: Shelf, names: Sequence[str]) -> list[KnownModel]:
    return list({model.key: model for model in map(shelf.find, names)}.values())


def _id(model: KnownModel) -> object:
    return model.warehouse["id"] if model.warehouse else None


def _ids(models: Sequence[KnownModel]) -> list[str]:
    return [str(_id(model)) for model in models]


def _narrow(usage: Mapping[str, FeatureUsage], features: Sequence[str]) -> dict[str, FeatureUsage]:
    for name in features:
        if name not in usage:
            known = ", ".join(sorted(usage)) or "none"
            raise ConfigurationError(
                f"feature {name!r} has no recorded usage: the organization's are {known}"
            )
    return {name: usage[name] for name in features} if features else dict(usage)


def _compare(
    model: KnownModel,
    own: OwnTraffic | None,
    size: ImageSize,
    usage: Mapping[str, FeatureUsage],
    now: datetime,
    proven: frozenset[Capability] = frozenset(),
) -> ComparedModel:
    documented = model.catalog.performance if model.catalog else None
    return ComparedModel(
        model=model.key,
        name=model.name,
        in_catalog=model.catalog is not None,
        performance=Performance(documented, platform_results(model.warehouse), own),
        capabilities=tuple(_capability(model, capability) for capability in Capability),
        costs=cost_view(model.proving(proven), size=size, usage=usage, now=now),
        limits=_limits(model),
        use_cases=dict(model.catalog.use_case_scores) if model.catalog else {},
        lifecycle=_lifecycle(model, now.date()),
    )


def _capability(model: KnownModel, capability: Capability) -> CapabilityView:
    documented = None if model.capabilities is None else capability in model.capabilities
    if model.warehouse is None:
        return CapabilityView(capability, documented, UNKNOWN)
    tested = model.warehouse["tested"].get(capability.value, {}).get("result", "untested")
    return CapabilityView(capability, documented, "untested" if tested == "documented" else tested)


def _limits(model: KnownModel) -> LimitView:
    known = model.catalog.limits if model.catalog else None
    return LimitView(
        context_window_tokens=model.context_window_tokens,
        max_input_tokens=known.max_input_tokens if known else None,
        max_output_tokens=model.max_output_tokens,
        max_images=known.max_images if known else None,
        requests_per_minute=known.requests_per_minute if known else None,
        tokens_per_minute=known.tokens_per_minute if known else None,
    )


def _lifecycle(model: KnownModel, today: date) -> LifecycleView:
    return LifecycleView(
        released_on=model.released_on,
        deprecated_on=model.deprecated_on,
        retires_on=model.retires_on,
        days_left=(model.retires_on - today).days if model.retires_on else None,
        successor=f"{model.provider}/{model.successor}" if model.successor else None,
        status=model.warehouse["status"] if model.warehouse else None,
    )


def _notes(usage: Mapping[str, FeatureUsage]) -> tuple[str, ...]:
    if not usage:
        return ("monthly costs are unknown: no usage of an organization is known",)
    return (
        "monthly costs: the tokens of the organization's own requests, text as recorded and images by each model's "
        "own rule at the resolution given, standard processing",
    )


def _is_simulated(models: Sequence[ComparedModel], usage: Mapping[str, FeatureUsage]) -> bool:
    measured = [
        part for m in models for part in (m.performance.platform, m.performance.own) if part is not None
    ]
    return any(part.simulated for part in measured) or any(u.simulated for u in usage.values())
