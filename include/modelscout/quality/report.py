"""The quality report: one static HTML page without scripts, made from rows of `data_quality_results`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; font-weight: 600; padding: 1rem 0 .5rem }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #d5dae0 }
td.figure { text-align: right; font-variant-numeric: tabular-nums }
.passed { color: #0a6b2d } .warn { color: #8a5a00 } .block { color: #b3121d; font-weight: 600 }
code { overflow-wrap: anywhere }
"""
_COLUMNS = ("state", "suite", "expectation", "organization", "broken rows", "of", "example", "remedy")


def report_name(run_key: str | None) -> str:
    """File name of a run's report; `latest.html` where no run is named."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', run_key)}.html" if run_key else "latest.html"


def state(row: Mapping[str, Any]) -> str:
    """`passed`, `warn`, `block` (one organization or several) or `stops the run`."""
    if row["success"]:
        return "passed"
    return "stops the run" if row["observed"].get("stops_the_run") else str(row["severity"])


def report_page(rows: Sequence[Mapping[str, Any]]) -> str:
    """The page: a summary, then every result, failures first. Rows as `quality_results.sql` gives them."""
    failed = [row for row in rows if not row["success"]]
    blocked = sorted(
        {str(r["organization"]) for r in failed if r["severity"] == "block" and r["organization"]}
    )
    runs = sorted({(row["checked_at"], row["run_key"]) for row in rows})
    summary = [
        f"{len([r for r in rows if r['organization'] is None and r['success']])} expectations passed, "
        f"{len([r for r in failed if r['organization'] is None])} failed.",
        f"Nothing is published for: {', '.join(blocked)}." if blocked else "No organization is blocked.",
        *(f"Run {key}, checked at {at:%Y-%m-%d %H:%M} UTC." for at, key in runs),
    ]
    head = "".join(f"<th scope=col>{name}</th>" for name in _COLUMNS)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Data quality</title>'
        f"<style>{_STYLE}</style></head><body><h1>Data quality</h1>\n"
        + "".join(f"<p>{escape(line)}</p>\n" for line in summary)
        + f"<table><caption>Expectations</caption><thead><tr>{head}</tr></thead><tbody>\n"
        + "\n".join(_table_row(row) for row in rows)
        + "\n</tbody></table></body></html>\n"
    )


def _table_row(row: Mapping[str, Any]) -> str:
    observed, shown = row["observed"], state(row)
    css = "block" if shown == "stops the run" else shown
    expectation = f"{escape(row['expectation'])}<br><small>{escape(observed.get('expects', ''))}</small>"
    cells = (
        f"<td class={css}>{shown}</td>",
        f"<td>{escape(row['suite'])}</td>",
        f"<td>{expectation}</td>",
        f"<td>{escape(row['organization'] or 'all')}</td>",
        f"<td class=figure>{observed.get('row_count', 0):,}</td>",
        f"<td class=figure>{observed.get('checked', 0):,}</td>",
        f"<td><code>{escape(observed.get('example') or '')}</code></td>",
        f"<td>{'' if row['success'] else escape(observed.get('remedy', ''))}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"
