"""`modelscout track-record`: what became of our own promises."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import UNKNOWN, count, print_table, usd
from modelscout.core.settings import Settings

if TYPE_CHECKING:
    from decimal import Decimal

    from modelscout.recommender.track_record import Record, TrackRecord


def register(tree: CommandTree) -> None:
    """Add `track-record`."""
    parser = tree.add(
        ("track-record",), _track_record, "promised against realised savings, quality, roll-backs"
    )
    parser.add_argument("--organization", help="of this organization alone; default: all")


def _track_record(options: argparse.Namespace) -> int:
    from modelscout.recommender.track_record import track_record
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        record = track_record(engine, organization=options.organization)
    if options.json:
        print_json(
            {"total": _plain(record.total), "organizations": [_plain(r) for r in record.organizations]}
        )
    else:
        _print(record)
    return 0


def _plain(record: Record) -> dict[str, object]:
    shares = {"adoption_share": record.adoption_share, "share_inside_interval": record.share_inside_interval}
    return {**as_plain(record), **shares}


def _print(record: TrackRecord) -> None:
    if not record.total.advised:
        print("Nothing was recommended to be changed yet: there is no track record.")
        return
    columns = ("organization", "advised", "adopted", "reviewed", "promised/month", "realised/month")
    rows = [_cells(r) for r in record.organizations]
    if len(rows) > 1:
        rows.append(_cells(record.total))
    print_table(
        "Promised and realised", (*columns, "inside interval", "quality fell", "rolled back", "undone"), rows
    )
    print(
        "Savings count from seven compared days on. Inside interval: of the 90 % intervals that were promised."
    )
    if record.total.simulated:
        print(
            "Simulated: these figures come from the demo's traffic and the emulator, not from real providers."
        )


def _cells(record: Record) -> tuple[str, ...]:
    return (
        record.organization or "all",
        count(record.advised),
        f"{count(record.adopted)} ({_percent(record.adoption_share)})",
        count(record.reviewed),
        usd(record.promised_saving_usd_per_month),
        usd(record.realised_saving_usd_per_month),
        _of(record.savings_inside_interval, record.savings_with_interval),
        _of(record.quality_violations, record.quality_verified),
        count(record.rolled_back),
        count(record.taken_back_by_people),
    )


def _of(part: int, whole: int) -> str:
    return f"{count(part)} of {count(whole)}" if whole else UNKNOWN


def _percent(share: Decimal | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.0f} %"
