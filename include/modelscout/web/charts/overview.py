"""Charts of the overview and the track record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

from modelscout.web.charts.series import FORMER, LAST, PROMISED, REALISED


def spend() -> Any:
    """Spend a day as columns. Rows: day, period, usd, date."""
    return _spend().mark_bar()


def spend_compared() -> Any:
    """Spend a day: the last 30 days as columns, the 30 before as a line. Rows: day, period, usd, date."""
    base = _spend()
    columns = base.transform_filter(alt.FieldEqualPredicate(equal=LAST, field="period")).mark_bar()
    line = base.transform_filter(alt.FieldEqualPredicate(equal=FORMER, field="period")).mark_line()
    return columns + line


def _spend() -> Any:
    return alt.Chart(alt.NamedData("rows")).encode(
        x=alt.X("day:T", timeUnit="utcyearmonthdate", title=None, axis=alt.Axis(format="%-d %b", grid=False)),
        y=alt.Y("usd:Q", title="USD a day", axis=alt.Axis(format="$~s", tickCount=5)),
        color=alt.Color("period:N", title=None, sort=[LAST, FORMER], legend=alt.Legend(orient="top")),
        tooltip=[
            alt.Tooltip("period:N", title="Period"),
            alt.Tooltip("date:N", title="Day"),
            alt.Tooltip("usd:Q", title="Spend", format="$,.2f"),
        ],
    )


def promised() -> Any:
    """Promised and realised saving of each change with their intervals. Rows: change, what, usd, low, high."""
    places: dict[str, Any] = {
        "y": alt.Y("change:N", title=None, sort=None, axis=alt.Axis(labelLimit=180)),
        "yOffset": alt.YOffset("what:N", sort=[PROMISED, REALISED]),
        "tooltip": [
            alt.Tooltip("change:N", title="Change"),
            alt.Tooltip("what:N", title="Saving"),
            alt.Tooltip("usd:Q", title="USD a month", format="$,.2f"),
            alt.Tooltip("low:Q", title="At least", format="$,.2f"),
            alt.Tooltip("high:Q", title="At most", format="$,.2f"),
        ],
    }
    base = alt.Chart(alt.NamedData("rows"))
    bars = base.mark_bar().encode(
        x=alt.X("usd:Q", title="USD a month", axis=alt.Axis(format="$~s")),
        color=alt.Color("what:N", title=None, sort=[PROMISED, REALISED], legend=alt.Legend(orient="top")),
        **places,
    )
    intervals = base.mark_rule().encode(x="low:Q", x2="high:Q", **places)
    return bars + intervals


CHARTS: Mapping[str, Callable[[], Any]] = {
    "spend": spend,
    "spend_compared": spend_compared,
    "promised": promised,
}
