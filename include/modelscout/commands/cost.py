"""`modelscout cost`: what a month of photos costs on each model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import UNKNOWN, count, print_table, text, usd
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.settings import Settings
from modelscout.core.types import Processing

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from modelscout.analytics.calculator import CostQuestion, CostReport
    from modelscout.costs.calculator import ModelCost
    from modelscout.costs.projection import Projection
    from modelscout.costs.projection_returns import SwitchReturn

SHOWN_MODELS = 15
SHOWN_COLUMNS = 5
MARKS = {"retired": "retired", "unpriced": UNKNOWN}


def register(tree: CommandTree) -> None:
    """Add `cost`."""
    parser = tree.add(("cost",), _cost, "monthly cost, break-even, projection and return per model")
    add = parser.add_argument
    add("--photos", required=True, metavar="N", help="photos per month")
    add(
        "--resolution", default="medium", metavar="SIZE", help="low, medium, high or pixels such as 1920x1080"
    )
    add("--detail", help="detail setting of the images: low, medium, high, ultra_high or original")
    add("--features", required=True, metavar="NAMES", help="such as photo_tagging,descriptions=0.5")
    add("--batch", action="store_true", help="batch processing")
    add("--prompt-tokens", action="append", metavar="[FEATURE=]N", help="text of a request, without images")
    add("--output-tokens", action="append", metavar="[FEATURE=]N", help="answer of a request")
    add("--images", action="append", metavar="[FEATURE=]N", help="photos in a request")
    add("--organization", help="its models, negotiated prices and request lengths")
    add("--models", metavar="NAMES", help="provider/model, separated by commas; default: all usable")
    add("--current", metavar="MODEL", help="the model in use; default: most used, else the first")
    add("--months", default="12", metavar="N", help="length of the projection")
    add("--start", metavar="DAY", help="its first day; default: today (UTC)")
    add("--fixed-cost", action="append", metavar="MODEL=USD", help="plan or subscription per month")
    add("--switching-cost", default="0", metavar="USD", help="spent once by a switch")


def _cost(options: argparse.Namespace) -> int:
    from modelscout.analytics.calculator import calculate

    question = _question(options)
    with _engine(question) as engine:
        report = calculate(question, now=now(), engine=engine)
    if options.json:
        print_json(as_plain(report))
    else:
        _print(report)
    return 0


def _question(options: argparse.Namespace) -> CostQuestion:
    from modelscout.analytics.calculator import CostQuestion
    from modelscout.costs.calculator import parse_size

    return CostQuestion(
        photos_per_month=arguments.whole(options.photos, "--photos"),
        size=parse_size(options.resolution),
        features=arguments.weights(options.features, "--features"),
        detail=options.detail,
        processing=Processing.BATCH if options.batch else Processing.STANDARD,
        prompt_tokens=arguments.counts(options.prompt_tokens, "--prompt-tokens"),
        output_tokens=arguments.counts(options.output_tokens, "--output-tokens"),
        images=arguments.counts(options.images, "--images"),
        models=arguments.names(options.models, "--models"),
        current=options.current,
        months=arguments.whole(options.months, "--months"),
        starts_on=arguments.day(options.start, "--start") if options.start else None,
        fixed_usd_per_month=arguments.amounts(options.fixed_cost, "--fixed-cost"),
        switching_cost_usd=arguments.amount(options.switching_cost, "--switching-cost"),
        organization=options.organization,
    )


@contextmanager
def _engine(question: CostQuestion) -> Iterator[Engine | None]:
    if question.organization is None:
        yield None
        return
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        yield engine


def _print(report: CostReport) -> None:
    _print_models(report)
    _print_break_even(report)
    _print_months(report)
    _print_switches(report)
    _print_images(report)
    for note in report.notes:
        print(f"Note: {note}.")
    if report.simulated:
        print("Simulated: the lengths come from the demo's traffic.")


def _print_models(report: CostReport) -> None:
    work = report.workload
    title = (
        f"{work.photos_per_month:,} photos a month, {work.size.width_px} x {work.size.height_px} px, "
        f"{work.processing.value}, prices of {report.at:%Y-%m-%d %H:%M} UTC"
    )
    rows = [
        (
            cost.model + (" (in use)" if cost.model == report.current else ""),
            usd(cost.monthly_usd),
            usd(cost.usd_per_photo),
            usd(cost.usd_per_1k_tokens),
            text(cost.retires_on),
            "; ".join((*(["estimated price"] if cost.estimated else []), *cost.reasons)),
        )
        for cost in _shown(report)
    ]
    columns = ("model", "a month", "a photo", "1K tokens", "retires", "remark")
    print_table(title, columns, rows, left=("retires", "remark"))
    hidden = len(report.models) - len(rows)
    if hidden > 0:
        print(f"{hidden} more models: --models names those to show, --json gives all.")
    if report.unpriced_models:
        print(f"{report.unpriced_models} of {len(report.models)} models cannot be priced for this work.")


def _shown(report: CostReport) -> list[ModelCost]:
    return [c for i, c in enumerate(report.models) if i < SHOWN_MODELS or c.model == report.current]


def _print_break_even(report: CostReport) -> None:
    names = {cost.model for cost in _shown(report)}
    rows = [
        (b.cheaper, b.other, count(b.from_photos), usd(b.at.cheaper_usd), usd(b.at.other_usd))
        for b in report.break_even
        if b.from_photos > 1 and {b.cheaper, b.other} <= names
    ]
    if rows:
        columns = ("model", "is cheaper than", "from photos a month", "then costs", "instead of")
        print_table("Break-even", columns, rows, left=("is cheaper than",))


def _print_months(report: CostReport) -> None:
    shown = report.projections[:SHOWN_COLUMNS]
    rows = [
        (
            f"{months[0].starts_on}",
            *(MARKS.get(m.status.value) or f"{usd(m.cost_usd)}{'*' if m.note else ''}" for m in months),
        )
        for months in zip(*(p.months for p in shown), strict=True)
    ]
    rows.append(("total of the priced", *(usd(p.total_usd) if _is_priced(p) else UNKNOWN for p in shown)))
    print_table("A month from", ("month from", *(p.model.partition("/")[2] for p in shown)), rows)
    for projection in shown:
        notes = dict.fromkeys(m.note for m in projection.months if m.note)
        for note in notes:
            print(f"* {projection.model}: {note}")


def _is_priced(projection: Projection) -> bool:
    return any(month.cost_usd is not None for month in projection.months)


def _print_switches(report: CostReport) -> None:
    names = {cost.model for cost in _shown(report)}
    rows = [
        (
            s.candidate,
            usd(s.net_saving_usd),
            UNKNOWN if s.return_on_investment is None else f"{100 * s.return_on_investment:.0f} %",
            "never" if s.payback_month is None else f"month {s.payback_month}",
            str(s.months_compared),
            _worth(s),
        )
        for s in report.switches
        if s.candidate in names and s.months_compared
    ]
    if rows:
        cost = report.switches[0].switching_cost_usd
        print_table(
            f"Switch from {report.current}, which costs {usd(cost)} once",
            ("to", "net saving", "return", "pays back", "months compared", "worth it"),
            rows,
            left=("pays back", "worth it"),
        )


def _worth(returned: SwitchReturn) -> str:
    """The volumes at which the switch saves money over the months."""
    point = returned.break_even
    if point is None:
        return "never: both cost the same"
    if point.cheaper == returned.candidate:
        return f"from {point.from_photos:,} photos a month" if point.from_photos > 1 else "always"
    return f"below {point.from_photos:,} photos a month" if point.from_photos > 1 else "never"


def _print_images(report: CostReport) -> None:
    names = {cost.model for cost in _shown(report)}
    rows = [
        (
            advice.model,
            advice.best.resolution,
            text(advice.best.detail or "unset"),
            count(advice.best.image_tokens),
            usd(advice.best.monthly_usd),
            usd(advice.best.saving_usd_per_month),
        )
        for advice in report.images
        if advice.best is not None and advice.model in names
    ]
    if rows:
        columns = ("model", "resolution", "detail", "image tokens", "a month", "saves a month")
        print_table(
            "The way to send photos that saves most (quality: test it first)",
            columns,
            rows,
            left=("resolution", "detail"),
        )
