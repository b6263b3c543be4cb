"""`modelscout lifecycle`: what retires, who uses it, what depends on it and what follows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import UNKNOWN, count, print_table, usd
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from modelscout.analytics.lifecycle import LifecycleReport


def register(tree: CommandTree) -> None:
    """Add `lifecycle`."""
    parser = tree.add(
        ("lifecycle",), _lifecycle, "what retires, who uses it, the spend exposed and the successor"
    )
    parser.add_argument("--within", default="90", metavar="DAYS", help="horizon; default: 90")
    parser.add_argument("--organization")


def _lifecycle(options: argparse.Namespace) -> int:
    from modelscout.analytics.lifecycle import lifecycle_report
    from modelscout.warehouse.engine import warehouse

    within = arguments.whole(options.within, "--within")
    with warehouse(Settings.from_environment().database_url) as engine:
        report = lifecycle_report(
            engine,
            now=now(),
            within_days=within,
            organization=options.organization,
        )
    if options.json:
        print_json(as_plain(report))
    else:
        _print(report)
    return 0


def _print(report: LifecycleReport) -> None:
    rows = [
        (
            f"{model.retires_on} ({model.days_left:+} d)",
            model.model,
            user.organization if user else UNKNOWN,
            user.feature if user else UNKNOWN,
            usd(user.spend_usd_per_day) if user else UNKNOWN,
            count(user.requests_per_day.quantize(1)) if user else UNKNOWN,
            model.successor.model if model.successor else UNKNOWN,
            usd(user.difference_usd_per_day) if user else UNKNOWN,
            (user.reason or "") if user else "nobody uses it",
        )
        for model in report.models
        for user in model.users or (None,)
    ]
    if not rows:
        print(f"Nothing retires within {report.within_days} days.")
        return
    columns = ("retires", "model", "organization", "feature", "spend/day", "requests/day", "successor")
    print_table(
        f"Retiring within {report.within_days} days of {report.at:%Y-%m-%d}",
        (*columns, "difference/day", "remark"),
        rows,
        left=("model", "organization", "feature", "successor", "remark"),
    )
    print(f"{usd(report.spend_usd_per_day)} a day depend on them.")
    if report.unpriced_users:
        print(f"{report.unpriced_users} users have calls without a known price, which are not in this sum.")
    if report.simulated:
        print("Simulated: these figures come from the demo's traffic.")
