"""`modelscout quality`: what the suites found, as a table and as a page."""

from __future__ import annotations

import argparse

from modelscout.commands.base import CommandTree, print_json
from modelscout.commands.tables import UNKNOWN, count, print_table
from modelscout.core.settings import Settings, data_folder


def register(tree: CommandTree) -> None:
    """Add `quality show` and `quality report`."""
    show = tree.add(("quality", "show"), _show, "the latest results of the quality suites")
    show.add_argument("--failed", action="store_true", help="only what failed")
    report = tree.add(("quality", "report"), _report, "write the results as one HTML page and print its path")
    report.add_argument(
        "--open-path", action="store_true", help="print the path as a file:// address for a browser"
    )
    for parser in (show, report):
        parser.add_argument(
            "--run", metavar="RUN", help="one run's results; default: the latest of each suite"
        )


def _show(options: argparse.Namespace) -> int:
    from modelscout.analytics.gate import read_results
    from modelscout.quality.report import state
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        rows = [r for r in read_results(engine, options.run) if not (options.failed and r["success"])]
    if options.json:
        print_json(rows)
    elif not rows:
        print("No results." if not options.failed else "Nothing failed.")
    else:
        columns = ("state", "suite", "expectation", "organization", "broken rows", "of", "example")
        cells = [
            (
                state(row),
                row["suite"],
                row["expectation"],
                row["organization"] or "all",
                count(row["observed"].get("row_count", 0)),
                count(row["observed"].get("checked", 0)),
                row["observed"].get("example") or UNKNOWN,
            )
            for row in rows
        ]
        left = ("suite", "expectation", "organization", "example")
        print_table("Data quality", columns, cells, left=left)
        for run, at in sorted({(row["run_key"], row["checked_at"]) for row in rows}):
            print(f"Run {run}, checked at {at:%Y-%m-%d %H:%M} UTC.")
    return 0


def _report(options: argparse.Namespace) -> int:
    from modelscout.analytics.gate import read_results, write_report
    from modelscout.core.errors import ConfigurationError
    from modelscout.warehouse.engine import warehouse

    folder = data_folder() / "quality"
    with warehouse(Settings.from_environment().database_url) as engine:
        path = write_report(engine, folder, run_key=options.run)
        rows = read_results(engine, options.run)
    if path is None:
        raise ConfigurationError(f"{folder} cannot be written: set MODELSCOUT_DATA_DIR to a folder that can")
    if options.json:
        print_json({"path": str(path), "results": rows})
    else:
        print(path.as_uri() if options.open_path else path)
    return 0
