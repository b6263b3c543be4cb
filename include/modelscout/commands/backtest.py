"""`modelscout backtest`: the recommender tried on a file of outcomes, beside simple rules."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import UNKNOWN, count, print_table
from modelscout.core import arguments
from modelscout.core.errors import ConfigurationError

if TYPE_CHECKING:
    from modelscout.recommender.backtest_report import Report, Totals


def register(tree: CommandTree) -> None:
    """Add `backtest`."""
    parser = tree.add(
        ("backtest",), _backtest, "try the recommender on outcomes of several models on the same items"
    )
    parser.add_argument(
        "outcomes", metavar="OUTCOMES.csv", help="columns task, query_id, model, success or score, cost_usd"
    )
    parser.add_argument("--incumbent", default="all", metavar="NAME|all", help="model in use; default: all")
    parser.add_argument("--margin", default="0.03", help="quality loss that is tolerated; default: 0.03")
    parser.add_argument("--seeds", default="10", metavar="N", help="random splits; default: 10")
    parser.add_argument(
        "--holdout", default="0.5", metavar="FRACTION", help="share of items to score on; default: 0.5"
    )
    parser.add_argument("--nights", default="30", metavar="N", help="nightly batches; default: 30")
    parser.add_argument(
        "--cost", action="append", metavar="MODEL=USD", help="cost of a call, where the file has none"
    )


def _backtest(options: argparse.Namespace) -> int:
    from modelscout.recommender.backtest import Plan
    from modelscout.recommender.backtest_report import backtest
    from modelscout.recommender.outcomes import read_outcomes

    margin, holdout = _share(options.margin, "--margin"), _share(options.holdout, "--holdout")
    seeds, nights = _at_least_one(options.seeds, "--seeds"), _at_least_one(options.nights, "--nights")
    tasks = read_outcomes(Path(options.outcomes), arguments.amounts(options.cost, "--cost"))
    objective = "cost" if any(task.priced for task in tasks) else "quality"
    plan = Plan(margin, range(seeds), holdout, nights, objective)
    report = backtest(tasks, plan, incumbent=options.incumbent)
    if options.json:
        print_json(as_plain(report))
    else:
        _print(report, options.outcomes)
    return 0


def _share(text: str, option: str) -> float:
    value = float(arguments.amount(text, option))
    if not 0.0 < value < 1.0:
        raise ConfigurationError(f"{option}={text!r} is out of range: give a share between 0 and 1")
    return value


def _at_least_one(text: str, option: str) -> int:
    value = arguments.whole(text, option)
    if value < 1:
        raise ConfigurationError(f"{option}={text!r} is out of range: give at least 1")
    return value


def _print(report: Report, name: str) -> None:
    summary: Mapping[str, Any] = report.summary
    rows = [("recommender", summary["recommender"]), *summary["baselines"].items()]
    print_table(
        f"{name}: {summary['tasks']} tasks, {count(summary['items'])} items, {summary['models']} models, "
        f"{summary['incumbents']} in use, {summary['seeds']} seeds, margin {100 * summary['margin']:g} points",
        ("rule", "saving", "quality change", "switches", "beyond the margin", "surely beyond"),
        [_line(rule, totals) for rule, totals in rows],
    )
    verdicts = ", ".join(f"{count(n)} {verdict}" for verdict, n in summary["verdicts"].items())
    print(f"Verdicts: {verdicts}.")
    power = summary["power"]
    if power["possible"]:
        print(
            f"Of {count(power['possible'])} tasks with something to gain {power['share']:.0%} were switched."
        )
    if summary["objective"] == "quality":
        print("No costs are known: it looks for better quality. Give --cost MODEL=USD to look for savings.")
    promise = summary["promised_quality_change"]
    if promise is not None:
        print(
            f"Promised quality change {100 * promise.mean_promised:+.1f} points, "
            f"realised {100 * promise.mean_realised:+.1f}; {promise.coverage:.0%} within the 90 % interval."
        )


def _line(rule: str, totals: Totals) -> tuple[str, ...]:
    return (
        rule.replace("_", " "),
        _percent(totals.saving_fraction),
        f"{100 * totals.quality_change:+.2f} points",
        count(totals.switches),
        _percent(totals.exceeding_share),
        _percent(totals.violation_share),
    )


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.1f} %"
