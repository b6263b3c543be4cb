"""`modelscout recommendations`: the current verdicts."""

from __future__ import annotations

import argparse

from modelscout.commands.base import CommandTree, print_json
from modelscout.core.settings import Settings


def register(tree: CommandTree) -> None:
    """Add `recommendations`."""
    listing = tree.add(("recommendations",), _recommendations, "current recommendations")
    listing.add_argument("--organization")


def _recommendations(options: argparse.Namespace) -> int:
    from modelscout.recommender.read import list_alerts, list_recommendations
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        rows = list_recommendations(engine, organization=options.organization)
        if options.json:
            print_json(rows)
            return 0
        from rich.console import Console

        from modelscout.demo.report import print_report

        print_report(rows, list_alerts(engine, organization=options.organization), Console())
    return 0
