"""A comparison as lines: what is compared in which unit, one value a model, and which of them is the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from modelscout.analytics.comparison import ComparedModel, Comparison
from modelscout.catalog.models import PerformanceClass
from modelscout.core.types import Capability, UseCase

Value = float | Decimal | int | str | bool | None
PartT = TypeVar("PartT")
ValueT = TypeVar("ValueT")
CLASSES = tuple(PerformanceClass)
"""The lowest first."""


class Category(StrEnum):
    """What a line is about."""

    PERFORMANCE = "performance"
    CAPABILITIES = "capabilities"
    COSTS = "costs"
    LIMITS = "limits"


class Unit(StrEnum):
    """What a line's values are."""

    MS = "ms"
    TOKENS_PER_SECOND = "tokens_per_second"
    SHARE = "share"
    """Of 1."""
    CLASS = "class"
    """`low` to `very_high`."""
    CAPABILITY = "capability"
    """`verified`, `documented`, `contradicted`, `absent` or `unknown`."""
    USD = "usd"
    TOKENS = "tokens"
    COUNT = "count"
    SCORE = "score"
    """0 to 100."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a comparison."""

    category: Category
    key: str
    label: str
    unit: Unit
    more_is_better: bool | None
    """None where neither is."""
    values: tuple[Value, ...]
    """In the order of the models; None is unknown."""
    intervals: tuple[tuple[float, float] | None, ...]
    """95 %, where the line is measured so; else all None."""
    best: tuple[int, ...]
    """Positions of the best values: several where they are equal, or where their intervals do not tell them apart
    from the best; none where fewer than two are known or all are alike."""


@dataclass(frozen=True, slots=True)
class Suitability:
    """How well one model suits one use case, 0 to 100; None is unknown."""

    use_case: UseCase
    model: str
    score: int | None
    reason: str | None


def lines_of(comparison: Comparison) -> tuple[Line, ...]:
    """Every line on which at least one model has a value; of capabilities all, of limits and costs the basic ones."""
    models = comparison.models
    found = (
        *_performance(models),
        *_capabilities(models),
        *_costs(models, f"{comparison.resolution.width_px} x {comparison.resolution.height_px}"),
        *_limits(models),
    )
    return tuple(line for line in found if line is not None)


def suitability_of(comparison: Comparison) -> tuple[Suitability, ...]:
    """Every use case of every model."""
    return tuple(
        Suitability(
            use_case,
            model.model,
            *((known.score, known.reason) if (known := model.use_cases.get(use_case)) else (None, None)),
        )
        for use_case in UseCase
        for model in comparison.models
    )


def best_of(values: Sequence[Value], *, more_is_better: bool | None) -> tuple[int, ...]:
    """Positions of the best of the known values; none where fewer than two are known or all are alike."""
    if more_is_better is None:
        return ()
    ranks = {n: _rank(value) for n, value in enumerate(values) if value is not None}
    if len(ranks) < 2 or len(set(ranks.values())) == 1:
        return ()
    best = max(ranks.values()) if more_is_better else min(ranks.values())
    return tuple(n for n, rank in ranks.items() if rank == best)


def best_within_intervals(
    values: Sequence[Value], intervals: Sequence[tuple[float, float] | None], *, more_is_better: bool
) -> tuple[int, ...]:
    """Positions of the best and of those whose interval reaches the best one's; none where that is everybody."""
    best = best_of(values, more_is_better=more_is_better)
    leading = [interval for n in best if (interval := intervals[n]) is not None]
    if not leading:
        return best
    low, high = min(interval[0] for interval in leading), max(interval[1] for interval in leading)
    near = {
        n for n, interval in enumerate(intervals)
        if values[n] is not None and interval is not None and interval[1] >= low and interval[0] <= high
    }  # fmt: skip
    together = tuple(sorted(near | set(best)))
    known = sum(value is not None for value in values)
    return together if len(together) < known else ()


def _rank(value: Value) -> Decimal:
    if isinstance(value, str):
        return Decimal(CLASSES.index(PerformanceClass(value)))
    return Decimal(str(value))


def _line(
    category: Category,
    key: str,
    label: str,
    unit: Unit,
    values: Sequence[Value],
    *,
    better: bool | None,
    intervals: Sequence[tuple[float, float] | None] | None = None,
    always: bool = False,
) -> Line | None:
    """One line; None where no model has a value and it need not be shown nevertheless."""
    if not always and all(value is None for value in values):
        return None
    spread = tuple(intervals or [None] * len(values))
    if better is not None and any(spread):
        best = best_within_intervals(values, spread, more_is_better=better)
    else:
        best = best_of(values, more_is_better=better)
    return Line(category, key, label, unit, better, tuple(values), spread, best)


def _each(parts: Sequence[PartT | None], get: Callable[[PartT], ValueT]) -> list[ValueT | None]:
    return [None if part is None else get(part) for part in parts]


def _performance(models: Sequence[ComparedModel]) -> Iterator[Line | None]:
    documented = [m.performance.documented for m in models]
    platform = [m.performance.platform for m in models]
    own = [m.performance.own for m in models]

    def of(
        key: str,
        label: str,
        unit: Unit,
        values: Sequence[Value],
        better: bool | None,
        intervals: Sequence[tuple[float, float] | None] | None = None,
    ) -> Line | None:
        return _line(
            Category.PERFORMANCE, key, label, unit, values, better=better, intervals=intervals,
            always=unit is Unit.CLASS,
        )  # fmt: skip

    yield of("speed", "Speed, documented", Unit.CLASS, _each(documented, lambda d: d.speed.value), True)
    yield of("duration_ms", "Response time, suites", Unit.MS, _each(platform, lambda p: p.duration_ms), False)
    yield of("time_to_first_token_ms", "First token, suites", Unit.MS,
             _each(platform, lambda p: p.time_to_first_token_ms), False)  # fmt: skip
    yield of("output_tokens_per_second", "Output speed, suites", Unit.TOKENS_PER_SECOND,
             _each(platform, lambda p: p.output_tokens_per_second), True)  # fmt: skip
    yield of("own_p50_ms", "Response time, own traffic", Unit.MS, _each(own, lambda o: o.p50_ms), False)
    yield of("own_p95_ms", "95th percentile, own traffic", Unit.MS, _each(own, lambda o: o.p95_ms), False)
    yield of("accuracy", "Accuracy, documented", Unit.CLASS,
             _each(documented, lambda d: d.accuracy.value), True)  # fmt: skip
    for feature in sorted({s.feature for p in platform if p for s in p.scores}):
        scores = [next((s for s in (p.scores if p else ()) if s.feature == feature), None) for p in platform]
        yield of(f"score.{feature}", f"Accuracy, {feature.replace('_', ' ')} suite", Unit.SHARE,
                 _each(scores, lambda s: s.score), True, _each(scores, lambda s: s.interval))  # fmt: skip
    yield of("own_quality", "Quality, own judged answers", Unit.SHARE, _each(own, lambda o: o.quality), True)
    yield of("error_rate", "Errors, suites", Unit.SHARE, _each(platform, lambda p: p.error_rate), False,
             _each(platform, lambda p: p.error_rate_interval))  # fmt: skip
    yield of("own_success_rate", "Answered, own traffic", Unit.SHARE,
             _each(own, lambda o: o.success_rate), True)  # fmt: skip
    yield of("own_requests", "Requests, own traffic", Unit.COUNT, _each(own, lambda o: o.requests), None)


def _capabilities(models: Sequence[ComparedModel]) -> Iterator[Line | None]:
    for capability in Capability:
        views = [next(c for c in m.capabilities if c.capability is capability) for m in models]
        values: list[Value] = [
            view.tested
            if view.tested in ("verified", "contradicted")
            else {True: "documented", False: "absent", None: None}[view.documented]
            for view in views
        ]
        yield _line(
            Category.CAPABILITIES, capability.value, capability.value.replace("_", " ").capitalize(),
            Unit.CAPABILITY, values, better=None, always=True,
        )  # fmt: skip


def _costs(models: Sequence[ComparedModel], photo: str) -> Iterator[Line | None]:
    costs = [m.costs for m in models]

    def of(key: str, label: str, values: Sequence[Value], *, always: bool = False) -> Line | None:
        return _line(Category.COSTS, key, label, Unit.USD, values, better=False, always=always)

    yield of("image_usd", f"A photo of {photo}", [c.image_usd for c in costs], always=True)
    yield of(
        "input_usd_per_1k_tokens", "1K input tokens", [c.input_usd_per_1k_tokens for c in costs], always=True
    )
    yield of("output_usd_per_1k_tokens", "1K output tokens", [c.output_usd_per_1k_tokens for c in costs],
             always=True)  # fmt: skip
    yield of("cache_read_usd_per_1k_tokens", "1K cached input tokens",
             [c.cache_read_usd_per_1k_tokens for c in costs])  # fmt: skip
    yield of("batch_input_usd_per_1k_tokens", "1K input tokens, batch",
             [c.batch_input_usd_per_1k_tokens for c in costs])  # fmt: skip
    yield of("batch_output_usd_per_1k_tokens", "1K output tokens, batch",
             [c.batch_output_usd_per_1k_tokens for c in costs])  # fmt: skip
    yield of("operation_usd", "An operation", [c.operation_usd for c in costs])
    features = sorted({f.feature for c in costs for f in c.features})
    for name in features:
        months = [next((f.monthly_usd for f in c.features if f.feature == name), None) for c in costs]
        yield of(f"monthly_usd.{name}", f"A month of {name.replace('_', ' ')}", months)
    yield of("monthly_usd", "A month of everything", [c.monthly_usd for c in costs], always=True)


def _limits(models: Sequence[ComparedModel]) -> Iterator[Line | None]:
    limits = [m.limits for m in models]
    rows: Sequence[tuple[str, str, Unit, bool, Callable[[int], int | None]]] = (
        ("context_window_tokens", "Context window", Unit.TOKENS, True,
         lambda n: limits[n].context_window_tokens),
        ("max_input_tokens", "Input, at most", Unit.TOKENS, False, lambda n: limits[n].max_input_tokens),
        ("max_output_tokens", "Output, at most", Unit.TOKENS, True, lambda n: limits[n].max_output_tokens),
        ("max_images", "Images in one call", Unit.COUNT, False, lambda n: limits[n].max_images),
        ("requests_per_minute", "Requests a minute", Unit.COUNT, True, lambda n: limits[n].requests_per_minute),
        ("tokens_per_minute", "Tokens a minute", Unit.TOKENS, True, lambda n: limits[n].tokens_per_minute),
    )  # fmt: skip
    for key, label, unit, always, value in rows:
        values = [value(n) for n in range(len(models))]
        yield _line(Category.LIMITS, key, label, unit, values, better=True, always=always)
