"""Charts of the cost calculator, and their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

from modelscout.analytics.calculator import CostReport

MONEY = "$,.2f"
LEGEND = alt.Legend(orient="bottom", columns=2, title=None)


def break_even_chart() -> Any:
    """A month's cost over the photos, one line a model, and the volume that was asked for."""
    base = alt.Chart(alt.NamedData("rows")).encode(
        x=alt.X("photos:Q", title="Photos a month", axis=alt.Axis(format="~s", tickCount=6))
    )
    lines = base.mark_line(point=True).encode(
        y=alt.Y("monthly_usd:Q", title="USD a month", axis=alt.Axis(format="$~s", tickCount=5)),
        color=alt.Color("model:N", legend=LEGEND),
        tooltip=[
            alt.Tooltip("model:N", title="Model"),
            alt.Tooltip("photos:Q", title="Photos", format=","),
            alt.Tooltip("monthly_usd:Q", title="A month", format=MONEY),
        ],
    )
    asked = base.transform_filter("datum.asked").mark_rule(strokeDash=[4, 4])
    return alt.layer(asked, lines)


def months_chart() -> Any:
    """The coming months, one line a model; a model that retires ends."""
    return (
        alt.Chart(alt.NamedData("rows"))
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "month:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%b %y", tickCount=6)
            ),
            y=alt.Y("cost_usd:Q", title="USD a month", axis=alt.Axis(format="$~s", tickCount=5)),
            color=alt.Color("model:N", legend=LEGEND),
            tooltip=[
                alt.Tooltip("model:N", title="Model"),
                alt.Tooltip("from:N", title="From"),
                alt.Tooltip("cost_usd:Q", title="Cost", format=MONEY),
                alt.Tooltip("note:N", title="Note"),
            ],
        )
    )


def curve_rows(report: CostReport) -> list[dict[str, Any]]:
    """Rows of `calculator_break_even`."""
    return [
        {
            "model": curve.model,
            "photos": point.photos,
            "monthly_usd": point.monthly_usd,
            "asked": point.photos == report.workload.photos_per_month,
        }
        for curve in report.curves
        for point in curve.points
    ]


def month_rows(report: CostReport) -> list[dict[str, Any]]:
    """Rows of `calculator_months`: the months that cost something known."""
    return [
        {
            "model": projection.model,
            "month": f"{month.starts_on}T00:00:00Z",
            "from": f"{month.starts_on}",
            "cost_usd": month.cost_usd,
            "note": month.note or "",
        }
        for projection in report.projections
        for month in projection.months
        if month.cost_usd is not None
    ]


CHARTS: Mapping[str, Callable[[], Any]] = {
    "calculator_break_even": break_even_chart,
    "calculator_months": months_chart,
}
