"""`modelscout benchmark run|cancel|show|compare`: start or stop a run, see what it found, put models side by side."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import UNKNOWN, print_table, usd
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from modelscout.benchmarks.reports import ModelReport, RunReport
    from modelscout.benchmarks.stored_runs import BenchmarkPlan

NO_MORE_THAN = "the calls cost at most"


def register(tree: CommandTree) -> None:
    """Add the four commands."""
    parser = tree.add(
        ("benchmark", "run"), _run, "measure models now, within a spend limit; resumes by its name"
    )
    parser.add_argument("--name", required=True, help="names the run: the same name goes on where it stopped")
    parser.add_argument("--organization", help="short names, separated by commas; default: all")
    parser.add_argument("--model", help="as provider/model, separated by commas; default: what is due")
    parser.add_argument("--feature", help="separated by commas; default: all")
    parser.add_argument("--no-suites", action="store_true", help="leave out our own suites")
    parser.add_argument("--no-replay", action="store_true", help="leave out the organizations' own samples")
    parser.add_argument(
        "--type", default="all", help="what is measured: all, accuracy, speed or cost; default: all"
    )
    parser.add_argument("--trials", default="1", help="how often each case is asked; default: 1")
    parser.add_argument("--limit", metavar="USD", help="spend limit; default: MODELSCOUT_SPEND_LIMIT_USD")
    parser.add_argument(
        "--estimate", action="store_true", help="say what the suites would cost, and send nothing"
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        help="start also a run whose limit is above MODELSCOUT_APPROVAL_ABOVE_USD",
    )
    parser = tree.add(
        ("benchmark", "cancel"), _cancel, "stop a run: calls under way end, no further one is sent"
    )
    parser.add_argument("run", help="id of the run, or `last`")
    parser = tree.add(("benchmark", "show"), _show, "what a run did and found")
    parser.add_argument("run", help="id of the run, or `last`")
    parser = tree.add(("benchmark", "compare"), _compare, "results of models side by side")
    parser.add_argument("models", nargs="+", help="as provider/model")
    parser.add_argument("--feature", help="only this feature")


def _run(options: argparse.Namespace) -> int:
    from modelscout.benchmarks.plan import create_run
    from modelscout.warehouse.engine import warehouse

    settings = Settings.from_environment()
    limit = None if options.limit is None else arguments.amount(options.limit, "--limit")
    # An estimate is a plan of its own, which goes again: what was asked for may still change.
    run_key = f"estimate:{options.name}" if options.estimate else f"command:{options.name}"
    with warehouse(settings.database_url) as engine:
        plan = create_run(
            engine,
            settings,
            run_key=run_key,
            now=now(),
            kind="manual",
            organizations=arguments.names(options.organization, "--organization") or None,
            models=arguments.names(options.model, "--model") or None,
            features=arguments.names(options.feature, "--feature") or None,
            about=options.type,
            suites=not options.no_suites,
            replay=not options.no_replay,
            trials=arguments.whole(options.trials, "--trials"),
            spend_limit_usd=limit,
        )
        if options.estimate:
            return _estimate(engine, settings, plan.run_id, plan.shards, as_json=options.json)
        _approve(engine, settings, plan, yes=options.yes)
        with _told():
            _work(engine, settings, plan.run_id, plan.shards)
        return _report(engine, plan.run_id, as_json=options.json)


def _estimate(
    engine: Engine, settings: Settings, run_id: str, shards: list[list[str]], *, as_json: bool
) -> int:
    from modelscout.benchmarks.runner import estimate_suites
    from modelscout.benchmarks.stored_runs import delete_run

    try:
        found = estimate_suites(engine, run_id, shards, settings, now=now())
    finally:
        delete_run(engine, run_id)
    if as_json:
        print_json(as_plain(found))
    else:
        refused = f"; {found.unpriced} calls of models without a price are refused" if found.unpriced else ""
        print(f"{found.calls:,} calls of our own suites, {NO_MORE_THAN} {usd(found.worst_usd)}{refused}")
    return 0


def _approve(engine: Engine, settings: Settings, plan: BenchmarkPlan, *, yes: bool) -> None:
    """Raises ConfigurationError where the limit is above the threshold and nobody said yes."""
    from modelscout.benchmarks.approval import question
    from modelscout.benchmarks.control import decide_run

    asked = question(engine, plan.run_id, plan.shards, settings, now=now())
    if asked is None:
        return
    if not yes:
        raise ConfigurationError(
            f"{asked['subject']}: {asked['body']} Start it with --yes, or lower --limit."
        )
    decide_run(engine, plan.run_id, approved=True, by=getpass.getuser(), now=now())


@contextmanager
def _told() -> Iterator[None]:
    """Progress of the run on the terminal's error stream, where it disturbs no output."""
    progress = logging.getLogger("modelscout.benchmarks.progress")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    progress.addHandler(handler)
    progress.setLevel(logging.INFO)
    try:
        yield
    finally:
        progress.removeHandler(handler)


def _cancel(options: argparse.Namespace) -> int:
    from modelscout.benchmarks.control import cancel_run
    from modelscout.benchmarks.reports import last_run_id
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        run_id = last_run_id(engine) if options.run == "last" else options.run
        status = cancel_run(engine, run_id, by=getpass.getuser(), now=now())
    print_json({"run_id": run_id, "status": status}) if options.json else print(f"run {run_id}: {status}")
    return 0


def _work(engine: Engine, settings: Settings, run_id: str, shards: list[list[str]]) -> None:
    from modelscout.benchmarks.runner import PHASES, finish_run, run_shard
    from modelscout.orchestration.credentials import KeyReference, resolve_outside_tasks
    from modelscout.warehouse.engine import run_sql

    with engine.connect() as connection:
        wanted = {"organization_ids": sorted({o for shard in shards for o in shard}), "provider": None}
        rows = run_sql(connection, "queries/discovery_targets", wanted)
    keys = resolve_outside_tasks(
        KeyReference(r["secret_reference"], r["provider"], r["region"]) for r in rows
    )
    for phase in PHASES:
        for number, shard in enumerate(shards, start=1):
            work = run_shard(engine, run_id, shard, keys, settings, now=now(), phases=[phase])
            counts = asyncio.run(work)
            print(f"{phase} {number}/{len(shards)}: {_counts(counts)}", flush=True)
    finish_run(engine, run_id, now())


def _counts(counts: dict[str, int]) -> str:
    return (
        ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)
        or "nothing"
    )


def _show(options: argparse.Namespace) -> int:
    from modelscout.benchmarks.reports import last_run_id
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        run_id = last_run_id(engine) if options.run == "last" else options.run
        return _report(engine, run_id, as_json=options.json)


def _report(engine: Engine, run_id: str, *, as_json: bool) -> int:
    from modelscout.benchmarks.reports import run_report

    report = run_report(engine, run_id)
    if as_json:
        print_json(as_plain(report))
    else:
        _print_run(report)
    return 0


def _print_run(report: RunReport) -> None:
    done = f", {report.done:,} of {report.planned:,} calls" if report.status == "running" else ""
    print(
        f"run {report.run_id}: {report.kind}, {report.status}{done}, "
        f"spent {usd(report.spent_usd)} of {usd(report.limit_usd)}"
    )
    columns = ("model", "feature", "source", "score", "n", "failed", "median ms", "first token ms", "cost")
    rows = [_line(model) for model in report.models]
    print_table("Results", columns, rows, left=("model", "feature", "source"))
    judged = [model for model in report.models if model.judge is not None or model.ungraded]
    if judged:
        names = ("model", "feature", "judge", "agreement", "length bias")
        counts = ("ungraded", "judge cost", "proof")
        title = "Graded by a judge, its figures with 95 % intervals"
        print_table(title, (*names, *counts), [_judged(model) for model in judged], left=names)


def _line(model: ModelReport) -> tuple[str, ...]:
    return (
        model.model,
        model.feature,
        model.source,
        UNKNOWN if model.score is None else f"{model.score:.3f}",
        f"{model.n:,}",
        f"{model.failed:,}",
        _ms(model.median_ms),
        _ms(model.first_token_ms),
        UNKNOWN if model.cost_usd is None else usd(Decimal(model.cost_usd)),
    )


def _judged(model: ModelReport) -> tuple[str, ...]:
    judge = model.judge
    return (
        model.model,
        model.feature,
        UNKNOWN if judge is None else judge.judge,
        UNKNOWN if judge is None else _interval(judge.agreement),
        UNKNOWN if judge is None else _interval(judge.length_bias),
        f"{model.ungraded:,}",
        UNKNOWN if model.judge_cost_usd is None else usd(Decimal(model.judge_cost_usd)),
        UNKNOWN if judge is None else "yes" if judge.is_proof else "no",
    )


def _interval(bounds: Sequence[float]) -> str:
    value, low, high = bounds
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _ms(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _compare(options: argparse.Namespace) -> int:
    from modelscout.benchmarks.reports import compare_models
    from modelscout.warehouse.engine import warehouse

    if len(set(options.models)) < 2:
        raise ConfigurationError("models: give at least two to compare, each as provider/model")
    with warehouse(Settings.from_environment().database_url) as engine:
        found = compare_models(engine, options.models, feature=options.feature)
    if options.json:
        print_json(as_plain(found))
        return 0
    columns = (
        "feature",
        "model",
        "score",
        "95 % interval",
        "n",
        "judge's agreement",
        "length bias",
        "simulated",
    )
    rows: list[tuple[Any, ...]] = [
        (
            r.feature,
            r.model,
            f"{r.score:.3f}",
            f"{r.low:.3f} to {r.high:.3f}",
            f"{r.n:,}",
            *(
                UNKNOWN if r.judge is None else _interval(r.judge[name])
                for name in ("agreement", "length_bias")
            ),
            "yes" if r.simulated else "no",
        )
        for r in found
    ]
    print_table("Suites, each model's latest results", columns, rows, left=("feature", "model"))
    return 0
