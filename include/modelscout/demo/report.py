"""Prints recommendations and alerts for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

VERDICT_STYLES = {
    "switch": "bold green",
    "migrate": "bold red",
    "keep": "cyan",
    "trial": "yellow",
    "insufficient_evidence": "dim",
}


def print_report(
    recommendations: Sequence[Mapping[str, Any]], alerts: Sequence[Mapping[str, Any]], console: Console
) -> None:
    """A table per organization and feature, then the open alerts."""
    table = Table(title="Recommendations", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("organization", "feature", "in use", "recommended", "verdict"):
        table.add_column(name, overflow="fold", no_wrap=name == "verdict")
    for name in ("score", "saving/month", "90 % interval", "quality", "bound", "n"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("evidence", overflow="fold")
    for row in recommendations:
        table.add_row(*_cells(row))
    console.print(table)
    for row in recommendations:
        for line in retirement_lines(row):
            console.print(line, markup=False, highlight=False)
    if any(row["simulated"] for row in recommendations):
        console.print(
            "Simulated: these figures come from the demo's traffic and the emulator, not from real providers."
        )
    for alert in alerts:
        mark = " (simulated)" if alert["simulated"] else ""
        console.print(
            f"[bold]{alert['severity'].upper()}[/bold] {alert['organization']}: {alert['message']}{mark}"
        )


def retirement_lines(row: Mapping[str, Any]) -> list[str]:
    """Of a model that goes away: deadline, exposure, successor, cost difference, and what to do first."""
    plan = (row["evidence"] or {}).get("retirement")
    if plan is None:
        return []
    deadline = f"by {plan['deadline']}" if plan["deadline"] else "now"
    parts = [f"exposure {_per_day(plan['exposure_usd_per_day'])}"]
    if plan["source"]:
        kind = "proven" if plan["source"] == "proven" else "the provider's successor, not proven"
        parts.append(f"to {plan['successor']} ({kind})")
        difference = plan["difference_usd_per_day"]
        basis = f" ({plan['difference_basis']})" if difference is not None else ""
        parts.append(f"difference {_per_day(difference)}{basis}")
    else:
        parts.append("nothing usable follows it")
    head = f"{row['organization']} {row['feature_id']}: leave {row['current_model']} {deadline}; {', '.join(parts)}"
    return [head, *(f"  test first: {s}" for s in plan["to_test"]), *(f"  {s}" for s in plan["would_help"])]


def _per_day(value: float | None) -> str:
    return "unknown" if value is None else f"{money(value)} a day"


def _cells(row: Mapping[str, Any]) -> list[str]:
    style = VERDICT_STYLES.get(row["verdict"], "")
    interval = (row["cost_estimate"] or {}).get("saving_usd_per_month")
    return [
        row["organization"],
        row["feature_id"],
        row["current_model"] or "-",
        row["recommended_model"] or "-",
        f"[{style}]{row['verdict']}[/{style}]" if style else row["verdict"],
        str(row["recommendation_score"]),
        money(row["saving_usd_per_month"]),
        f"{money(interval['low'])} to {money(interval['high'])}" if interval else "-",
        _quality(row),
        "-" if row["quality_bound"] is None else f"{100 * row['quality_bound']:+.1f} pt",
        str(row["n"]),
        _evidence(row),
    ]


def _quality(row: Mapping[str, Any]) -> str:
    """90 % interval of the recommended model's expected mean score."""
    expected = (row["performance_estimate"] or {}).get("expected_quality") or {}
    interval = expected.get("current" if row["verdict"] == "keep" else "chosen")
    return f"{100 * interval['low']:.0f} to {100 * interval['high']:.0f} %" if interval else "-"


def _evidence(row: Mapping[str, Any]) -> str:
    kind = "none" if not row["n"] else "own items"
    return f"{kind}{', simulated' if row['simulated'] else ''}"


def money(value: float | None) -> str:
    """Dollars for people; a dash where unknown."""
    if value is None:
        return "-"
    return f"-${-value:,.2f}" if value < 0 else f"${value:,.2f}"
