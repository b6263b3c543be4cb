"""`modelscout analytics …`: performance, comparison, patterns, prediction and opportunities of one organization."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from modelscout.commands.analytics_print import (
    print_comparison,
    print_opportunities,
    print_patterns,
    print_performance,
    print_prediction,
)
from modelscout.commands.base import CommandTree, Handler, as_plain, print_json
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from modelscout.analytics.scope import Scope

DEFAULT_DAYS = 30
GRAINS = ("range", "day", "week", "feature")


def register(tree: CommandTree) -> None:
    """Add the commands of `analytics`."""
    parser = _add(
        tree, "performance", _performance, "how models did: success, latency, errors, cost, quality"
    )
    parser.add_argument("--by", choices=GRAINS, default="range", help="one line for each; default: range")
    parser = _add(tree, "compare", _compare, "models side by side by chosen metrics")
    parser.add_argument("--metrics", metavar="NAMES", help="such as p95_ms,quality; default: all")
    parser = _add(tree, "patterns", _patterns, "hours of the week, trend, and where the money goes")
    parser.add_argument("--top", default="10", metavar="N", help="dearest features and models; default: 10")
    parser = _add(tree, "predict", _predict, "what coming days cost, with a 90 %% interval")
    parser.add_argument(
        "--usage-factor", default="1", metavar="X", help="planned volume against the trend's; default: 1"
    )
    parser = tree.add(
        ("analytics", "opportunities"), _opportunities, "where the same work could cost less, and by how much"
    )
    _narrow(parser)


def _add(tree: CommandTree, name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
    parser = tree.add(("analytics", name), handler, text)
    _narrow(parser)
    parser.add_argument(
        "--from", dest="since", metavar="DAY", help="first day (UTC); default: 30 days in all"
    )
    parser.add_argument("--to", dest="until", metavar="DAY", help="last day (UTC), included")
    return parser


def _narrow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--organization", required=True, metavar="SLUG")
    parser.add_argument("--feature", help="one feature; default: all")
    parser.add_argument("--model", metavar="NAMES", help="models separated by commas; default: all")


def _performance(options: argparse.Namespace) -> int:
    from modelscout.analytics.performance import Grain, performance

    found = _answer(options, lambda c, scope: performance(c, scope, grain=Grain(options.by)))
    return _show(options, found, print_performance)


def _compare(options: argparse.Namespace) -> int:
    from modelscout.analytics.performance import Metric, compare_performance

    names = arguments.names(options.metrics, "--metrics") or tuple(Metric)
    unknown = [name for name in names if name not in set(Metric)]
    if unknown:
        raise ConfigurationError(f"--metrics={unknown[0]!r} is unknown: give some of {', '.join(Metric)}")
    metrics = tuple(Metric(name) for name in names)
    found = _answer(options, lambda c, scope: compare_performance(c, scope, metrics=metrics))
    return _show(options, found, print_comparison)


def _patterns(options: argparse.Namespace) -> int:
    from modelscout.analytics.patterns import usage_patterns

    most = arguments.whole(options.top, "--top")
    found = _answer(options, lambda c, scope: usage_patterns(c, scope, most=most))
    return _show(options, found, print_patterns)


def _predict(options: argparse.Namespace) -> int:
    from modelscout.analytics.prediction import predict_cost

    factor = arguments.amount(options.usage_factor, "--usage-factor")
    found = _answer(
        options,
        lambda c, scope: predict_cost(c, scope, now=now(), usage_factor=factor),
        ahead=True,
    )
    return _show(options, found, print_prediction)


def _opportunities(options: argparse.Namespace) -> int:
    from modelscout.analytics.calculator_models import organization_id_of
    from modelscout.analytics.opportunities import opportunities
    from modelscout.warehouse.engine import one_snapshot, warehouse

    models = arguments.names(options.model, "--model")
    with warehouse(Settings.from_environment().database_url) as engine, one_snapshot(engine) as connection:
        found = opportunities(connection, organization_id_of(connection, options.organization), now=now())
    kept = tuple(
        o
        for o in found
        if options.feature in (None, o.feature)
        and (not models or o.model in models or o.model.partition("/")[2] in models)
    )
    return _show(options, kept, print_opportunities)


def _answer(
    options: argparse.Namespace, ask: Callable[[Connection, Scope], Any], *, ahead: bool = False
) -> Any:
    from modelscout.analytics.calculator_models import organization_id_of
    from modelscout.analytics.scope import Scope, model_ids_of
    from modelscout.warehouse.engine import one_snapshot, warehouse

    since, until = _range(options, ahead=ahead)
    models = arguments.names(options.model, "--model")
    with warehouse(Settings.from_environment().database_url) as engine, one_snapshot(engine) as connection:
        organization = organization_id_of(connection, options.organization)
        return ask(
            connection, Scope(organization, since, until, options.feature, model_ids_of(connection, models))
        )


def _range(options: argparse.Namespace, *, ahead: bool) -> tuple[date, date]:
    """30 days up to today, or from today on where days to come are asked for; one given end moves the other."""
    length = timedelta(days=DEFAULT_DAYS - 1)
    since = arguments.day(options.since, "--from") if options.since else None
    until = arguments.day(options.until, "--to") if options.until else None
    if ahead:
        since = since or now().date()
        return since, until or since + length
    until = until or (since + length if since else now().date())
    return since or until - length, until


def _show(options: argparse.Namespace, found: Any, printer: Callable[[Any], None]) -> int:
    if options.json:
        print_json(as_plain(found))
    else:
        printer(found)
    return 0
