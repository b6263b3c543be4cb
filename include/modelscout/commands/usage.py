"""`modelscout usage`: take files of usage in, see what could not be read, and try that again."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import count, print_table, text
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from modelscout.usage.importing import ImportReport
    from modelscout.usage.quarantine import ReplayReport

SECONDS_BETWEEN_LINES = 2.0


def register(tree: CommandTree) -> None:
    """Add `usage import`, `usage quarantine` and `usage replay-quarantine`."""
    parser = tree.add(
        ("usage", "import"), _import, "take a file of usage in; goes on where it was interrupted"
    )
    parser.add_argument("file")
    parser.add_argument("--organization", required=True, help="slug or id")
    parser.add_argument("--format", required=True, help="otel, litellm, csv, jsonl or parquet")
    parser.add_argument(
        "--mapping", metavar="YAML", help="which field is which column; default: our own names"
    )
    parser.add_argument("--feature", help="feature of records that name none")
    parser.add_argument("--dry-run", action="store_true", help="read and check, write nothing")
    parser.add_argument("--again", action="store_true", help="read a file anew that was taken in already")
    parser = tree.add(("usage", "quarantine"), _quarantine, "what could not be taken in, the newest first")
    parser.add_argument("--organization", help="default: all")
    parser.add_argument("--source", metavar="FILE", help="only of this file")
    parser.add_argument("--most", default="50", metavar="N", help="rows to print; default: 50")
    parser = tree.add(
        ("usage", "replay-quarantine"), _replay, "try what could not be taken in again, once it is mended"
    )
    parser.add_argument("--organization", help="default: all")
    parser.add_argument("--source", metavar="FILE", help="only of this file")
    parser.add_argument("--mapping", metavar="YAML", help="the corrected mapping of an import")
    parser.add_argument("--feature", help="feature of records that name none")


def _import(options: argparse.Namespace) -> int:
    from modelscout.usage.importing import ImportRequest, check_file, import_file
    from modelscout.usage.mapping import load_mapping
    from modelscout.warehouse.engine import warehouse

    mapping = load_mapping(_path(options.mapping), feature=options.feature)
    request = ImportRequest(
        Path(options.file), options.organization, options.format, mapping, again=options.again
    )
    if options.dry_run:
        report = check_file(request, now=now())
    else:
        with warehouse(Settings.from_environment().database_url) as engine:
            report = import_file(engine, request, now=now(), progress=_Progress())
    if options.json:
        print_json(as_plain(report))
    else:
        _print_import(report)
    return 0


class _Progress:
    """A line on standard error every two seconds."""

    def __init__(self) -> None:
        self._printed_at = time.monotonic()

    def __call__(self, rows: int, percent: int | None) -> None:
        if time.monotonic() - self._printed_at >= SECONDS_BETWEEN_LINES:
            self._printed_at = time.monotonic()
            share = "" if percent is None else f" ({percent} %)"
            print(f"{rows:,} rows{share}", file=sys.stderr, flush=True)


def _print_import(report: ImportReport) -> None:
    if report.already_finished:
        print(f"{report.source} is taken in already; --again reads it anew")
    if report.resumed_at:
        print(f"went on after line or row {report.resumed_at:,}")
    written = "would be written" if report.dry_run else "written"
    print(
        f"{report.rows_read:,} rows: {report.rows_written:,} {written}, {report.rows_duplicate:,} known already, "
        f"{report.rows_quarantined:,} in quarantine, {report.rows_ignored:,} no call of a model"
    )
    _print_problems(report.problems)


def _print_problems(problems: dict[str, int]) -> None:
    for remedy, times in problems.items():
        print(f"  {times:,} x {remedy}")


def _quarantine(options: argparse.Namespace) -> int:
    from modelscout.usage.quarantine import list_quarantine
    from modelscout.warehouse.engine import warehouse

    most = arguments.whole(options.most, "--most")
    with warehouse(Settings.from_environment().database_url) as engine:
        organization = _organization_id(engine, options.organization)
        rows = list_quarantine(engine, organization_id=organization, source=options.source, most=most)
    if options.json:
        print_json(rows)
        return 0
    total = rows[0]["total"] if rows else 0
    print_table(
        f"{total:,} records in quarantine",
        ("organization", "source", "line or row", "reason", "remedy"),
        [
            (
                text(r["organization"]),
                text(r["source"] or r["format"]),
                count(r["position"]),
                r["reason"],
                r["remedy"],
            )
            for r in rows
        ],
        left=("source", "reason", "remedy"),
    )
    return 0


def _replay(options: argparse.Namespace) -> int:
    from modelscout.usage.mapping import load_mapping
    from modelscout.usage.quarantine import replay_quarantine
    from modelscout.warehouse.engine import warehouse

    mapping = load_mapping(_path(options.mapping), feature=options.feature)
    with warehouse(Settings.from_environment().database_url) as engine:
        report = replay_quarantine(
            engine,
            now=now(),
            mapping=mapping,
            organization_id=_organization_id(engine, options.organization),
            source=options.source,
        )
    if options.json:
        print_json(as_plain(report))
    else:
        _print_replay(report)
    return 0


def _print_replay(report: ReplayReport) -> None:
    print(
        f"{report.tried:,} tried: {report.taken_in:,} taken in, {report.duplicates:,} known already, "
        f"{report.ignored:,} no call of a model, {report.still_wrong:,} still in quarantine"
    )
    _print_problems(report.problems)


def _organization_id(engine: Engine, name: str | None) -> str | None:
    from modelscout.usage.importing import organization_id

    if name is None:
        return None
    with engine.connect() as connection:
        return organization_id(connection, name)


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)
