"""`modelscout compare`: models side by side."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import UNKNOWN, count, print_table, text, usd
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from modelscout.analytics.comparison import ComparedModel, Comparison

Line = tuple[str, Callable[["ComparedModel"], str]]


def register(tree: CommandTree) -> None:
    """Add `compare`."""
    parser = tree.add(
        ("compare",), _compare, "models side by side: performance, capabilities, costs, limits, life"
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="provider/model or model")
    parser.add_argument("--organization", help="its own traffic, prices and monthly cost; needs a warehouse")
    parser.add_argument("--features", metavar="NAMES", help="monthly cost of these features; default: all")
    parser.add_argument(
        "--resolution", default="medium", metavar="SIZE", help="low, medium, high or 1920x1080"
    )


def _compare(options: argparse.Namespace) -> int:
    from modelscout.analytics.comparison import compare
    from modelscout.costs.calculator import parse_size
    from modelscout.warehouse.engine import warehouse

    size = parse_size(options.resolution)
    features = arguments.names(options.features, "--features")
    if options.organization is None and not os.environ.get("MODELSCOUT_DATABASE_URL", "").strip():
        comparison = compare(options.models, now=now(), size=size)
    else:
        with warehouse(Settings.from_environment().database_url) as engine:
            comparison = compare(
                options.models,
                now=now(),
                size=size,
                engine=engine,
                organization=options.organization,
                features=features,
            )
    if options.json:
        print_json(as_plain(comparison))
    else:
        _print(comparison)
    return 0


def _print(comparison: Comparison) -> None:
    models = comparison.models
    for title, lines in (
        ("Performance", _performance(models)),
        ("Capabilities: documented, tested", _capabilities(models)),
        ("Costs", _costs(comparison)),
        ("Limits", _limits()),
        ("Use cases, 0 to 100", _use_cases(models)),
        ("Lifecycle", LIFECYCLE),
    ):
        rows = [(name, *(show(model) for model in models)) for name, show in lines]
        names = tuple(model.model for model in models)
        print_table(title, ("", *names), rows, left=names)
    for note in comparison.notes:
        print(f"Note: {note}.")
    for model in models:
        if comparison.organization and model.costs.reason:
            print(f"{model.model}: the monthly cost is unknown: {model.costs.reason}.")
    if comparison.simulated:
        print("Simulated: measured figures come from the demo's traffic and the emulator.")


def _line(name: str, show: Callable[..., str], *arguments: object) -> Line:
    return name, lambda model: show(model, *arguments)


def _performance(models: Sequence[ComparedModel]) -> list[Line]:
    lines: list[Line] = [_line(f"{name}, documented", _documented, name) for name in ("speed", "accuracy")]
    lines += [
        ("duration, suites", lambda m: _platform(m, "duration_ms", " ms")),
        ("first token, suites", lambda m: _platform(m, "time_to_first_token_ms", " ms")),
        ("output tokens/s, suites", lambda m: _platform(m, "output_tokens_per_second", "")),
        ("errors, suites", lambda m: _share(m.performance.platform, "error_rate")),
    ]
    features = sorted(
        {s.feature for m in models if m.performance.platform for s in m.performance.platform.scores}
    )
    lines += [_line(f"score {f}, suites", _score, f) for f in features]
    return [
        *lines,
        ("median, own traffic", lambda m: _own(m, "p50_ms", " ms")),
        ("95th percentile, own traffic", lambda m: _own(m, "p95_ms", " ms")),
        ("answered, own traffic", lambda m: _share(m.performance.own, "success_rate")),
        ("quality, own judged answers", lambda m: _share(m.performance.own, "quality")),
        (
            "requests, own traffic",
            lambda m: count(m.performance.own.requests) if m.performance.own else UNKNOWN,
        ),
    ]


def _documented(model: ComparedModel, name: str) -> str:
    documented = model.performance.documented
    return str(getattr(documented, name).value).replace("_", " ") if documented else UNKNOWN


def _platform(model: ComparedModel, name: str, unit: str) -> str:
    value = getattr(model.performance.platform, name, None)
    return UNKNOWN if value is None else f"{value:,.0f}{unit}"


def _own(model: ComparedModel, name: str, unit: str) -> str:
    value = getattr(model.performance.own, name, None)
    return UNKNOWN if value is None else f"{value:,.0f}{unit}"


def _share(measured: object, name: str) -> str:
    value = getattr(measured, name, None)
    return UNKNOWN if value is None else f"{100 * value:.1f} %"


def _score(model: ComparedModel, feature: str) -> str:
    platform = model.performance.platform
    for score in platform.scores if platform else ():
        if score.feature == feature:
            low, high = score.interval
            return f"{score.score:.2f} ({low:.2f} to {high:.2f}, n = {score.n})"
    return UNKNOWN


def _capabilities(models: Sequence[ComparedModel]) -> list[Line]:
    return [
        _line(view.capability.value.replace("_", " "), _capability, index)
        for index, view in enumerate(models[0].capabilities)
    ]


def _capability(model: ComparedModel, index: int) -> str:
    view = model.capabilities[index]
    documented = UNKNOWN if view.documented is None else ("yes" if view.documented else "no")
    return f"{documented}, {view.tested}"


def _costs(comparison: Comparison) -> list[Line]:
    size = comparison.resolution
    lines: list[Line] = [
        ("1K input tokens", lambda m: usd(m.costs.input_usd_per_1k_tokens)),
        ("1K output tokens", lambda m: usd(m.costs.output_usd_per_1k_tokens)),
        ("1K cached input tokens", lambda m: usd(m.costs.cache_read_usd_per_1k_tokens)),
        ("1K input tokens, batch", lambda m: usd(m.costs.batch_input_usd_per_1k_tokens)),
        ("1K output tokens, batch", lambda m: usd(m.costs.batch_output_usd_per_1k_tokens)),
        ("operation", lambda m: usd(m.costs.operation_usd)),
        (f"photo of {size.width_px} x {size.height_px}", lambda m: usd(m.costs.image_usd)),
        ("tokens of that photo", lambda m: count(m.costs.image_tokens)),
        ("price changes on", _day),
        ("estimated price", lambda m: "yes" if m.costs.estimated else "no"),
    ]
    if comparison.organization:
        names = sorted({f.feature for m in comparison.models for f in m.costs.features})
        lines += [_line(f"{name}, a month", _month, name) for name in names]
        lines.append(("all of these, a month", lambda m: usd(m.costs.monthly_usd)))
    return lines


def _day(model: ComparedModel) -> str:
    at = model.costs.next_change_at
    return UNKNOWN if at is None else f"{at:%Y-%m-%d}"


def _month(model: ComparedModel, feature: str) -> str:
    found: list[Decimal | None] = [f.monthly_usd for f in model.costs.features if f.feature == feature]
    return usd(found[0]) if found else UNKNOWN


def _limits() -> list[Line]:
    names = ("context_window_tokens", "max_input_tokens", "max_output_tokens", "max_images")
    return [
        _line(name.replace("_", " "), _limit, name)
        for name in (*names, "requests_per_minute", "tokens_per_minute")
    ]


def _limit(model: ComparedModel, name: str) -> str:
    return count(getattr(model.limits, name))


def _use_cases(models: Sequence[ComparedModel]) -> list[Line]:
    known = list(dict.fromkeys(use for m in models for use in m.use_cases))
    return [_line(use.value.replace("_", " "), _suitability, use.value) for use in known]


def _suitability(model: ComparedModel, use_case: str) -> str:
    for use, score in model.use_cases.items():
        if use.value == use_case:
            return f"{score.score}: {score.reason}"
    return UNKNOWN


LIFECYCLE: list[Line] = [
    ("released", lambda m: text(m.lifecycle.released_on)),
    ("deprecated", lambda m: text(m.lifecycle.deprecated_on)),
    ("retires", lambda m: text(m.lifecycle.retires_on)),
    ("days left", lambda m: text(m.lifecycle.days_left)),
    ("successor", lambda m: text(m.lifecycle.successor)),
    ("status for this organization", lambda m: text(m.lifecycle.status)),
]
