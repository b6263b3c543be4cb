"""Charts of analytics. Their rows come from data/analytics_rows.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

ROWS = alt.NamedData("rows")
LEGEND = alt.Legend(orient="bottom", columns=3, title=None, symbolOpacity=1)
AMOUNT = alt.Axis(format="~s", tickCount=4)
TIMES = alt.Axis(tickCount=6, labelFlush=True)
MINUTES = alt.Axis(tickCount=6, labelFlush=True, format="%H:%M")
DOLLARS = alt.Axis(format="$~s", tickCount=4)


def _time(field: str = "at", title: str | None = None) -> Any:
    return alt.X(f"{field}:T", title=title, scale=alt.Scale(type="utc"), axis=TIMES)


def _part() -> Any:
    # In the order of the rows, so that "all others" comes last.
    return alt.Color("part:N", sort=None, legend=LEGEND)


def _stacked(
    field: str, name: str, axis: alt.Axis, number_format: str, times: alt.Axis = TIMES
) -> Callable[[], Any]:
    """Bars as wide as their span of time, one part on the other."""

    def chart() -> Any:
        return (
            alt.Chart(ROWS)
            .transform_stack(
                stack=field,
                groupby=["at"],
                sort=[alt.SortField("rank"), alt.SortField("part")],
                as_=["from", "to"],
            )
            .mark_rect()
            .encode(
                x=alt.X("at:T", title=None, scale=alt.Scale(type="utc"), axis=times),
                x2="until:T",
                y=alt.Y("from:Q", title=None, axis=axis, scale=alt.Scale(zero=True)),
                y2="to:Q",
                color=_part(),
                tooltip=[
                    alt.Tooltip("when:N", title="When"),
                    alt.Tooltip("part:N", title="Of"),
                    alt.Tooltip(f"{field}:Q", title=name, format=number_format),
                ],
            )
        )

    return chart


SHARES = alt.Axis(format=".0%", tickCount=4)
NEAR_ONE = alt.Scale(zero=False, domainMax=1, nice=True)


def success_parts_chart() -> Any:
    """Share of answered calls by part. Several intervals would hide each other: they stand in the tooltip."""
    return (
        alt.Chart(ROWS)
        .mark_line(point=True)
        .encode(
            x=_time("middle"),
            y=alt.Y("rate:Q", title=None, scale=NEAR_ONE, axis=SHARES),
            color=_part(),
            tooltip=[
                alt.Tooltip("when:N", title="When"),
                alt.Tooltip("part:N", title="Of"),
                alt.Tooltip("rate:Q", title="Answered", format=".2%"),
                alt.Tooltip("low:Q", title="At least", format=".2%"),
                alt.Tooltip("high:Q", title="At most", format=".2%"),
            ],
        )
    )


def success_chart() -> Any:
    """Share of answered calls with its interval."""
    band = (
        alt.Chart(ROWS)
        .mark_area(opacity=0.18)
        .encode(
            x=_time("middle"),
            y=alt.Y("low:Q", title=None, scale=NEAR_ONE, axis=SHARES),
            y2="high:Q",
            color=_part(),
        )
    )
    return alt.layer(band, success_parts_chart())


def times_chart() -> Any:
    """Response times: the percentiles, or one of them by part."""
    return (
        alt.Chart(ROWS)
        .mark_line(point=True)
        .encode(
            x=_time("middle"),
            y=alt.Y("ms:Q", title="ms", axis=AMOUNT),
            color=_part(),
            tooltip=[
                alt.Tooltip("when:N", title="When"),
                alt.Tooltip("part:N", title="Of"),
                alt.Tooltip("ms:Q", title="ms", format=",.0f"),
            ],
        )
    )


def errors_chart() -> Any:
    """Failed requests by type."""
    return (
        alt.Chart(ROWS)
        .mark_bar()
        .encode(
            x=alt.X("requests:Q", title="Failed requests", axis=AMOUNT),
            y=alt.Y("type:N", title=None, sort=None, axis=alt.Axis(labelLimit=150, labelOverlap=False)),
            tooltip=[
                alt.Tooltip("type:N", title="Error"),
                alt.Tooltip("requests:Q", title="Requests", format=","),
                alt.Tooltip("rate:Q", title="Of all", format=".2%"),
            ],
        )
    )


def heat_chart() -> Any:
    """The hours of the week."""
    return (
        alt.Chart(ROWS)
        .mark_rect(cornerRadius=2)
        .encode(
            x=alt.X(
                "hour:O",
                title="Hour (UTC)",
                scale=alt.Scale(domain=list(range(24)), paddingInner=0.06),
                axis=alt.Axis(labelAngle=0, labelOverlap="parity", domain=False, ticks=False),
            ),
            y=alt.Y(
                "weekday:O",
                title=None,
                sort=None,
                scale=alt.Scale(domain=["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], paddingInner=0.06),
                axis=alt.Axis(domain=False, ticks=False),
            ),
            color=alt.Color(
                "requests:Q",
                title="Requests an hour",
                legend=alt.Legend(orient="bottom", format="~s", gradientLength=160),
                scale=alt.Scale(zero=True),
            ),
            tooltip=[
                alt.Tooltip("weekday:N", title="Day"),
                alt.Tooltip("hour:O", title="Hour (UTC)"),
                alt.Tooltip("requests:Q", title="Requests an hour", format=",.1f"),
                alt.Tooltip("errors:Q", title="Failed", format=".1%"),
            ],
        )
    )


def prediction_chart() -> Any:
    """The days before, and the coming ones with their interval."""
    base = alt.Chart(ROWS).encode(x=_time())
    axis = alt.Y("usd:Q", title="USD a day", axis=DOLLARS)
    band = (
        base.transform_filter("datum.kind === 'predicted'")
        .mark_area(opacity=0.2)
        .encode(y=alt.Y("low:Q", title="USD a day"), y2="high:Q", color=_kind())
    )
    line = base.mark_line(point=True).encode(
        y=axis,
        color=_kind(),
        tooltip=[
            alt.Tooltip("when:N", title="Day"),
            alt.Tooltip("kind:N", title="Is"),
            alt.Tooltip("usd:Q", title="Cost", format="$,.2f"),
            alt.Tooltip("low:Q", title="At least", format="$,.2f"),
            alt.Tooltip("high:Q", title="At most", format="$,.2f"),
        ],
    )
    return alt.layer(band, line)


def _kind() -> Any:
    return alt.Color("kind:N", scale=alt.Scale(domain=["spent", "predicted"]), legend=LEGEND)


CHARTS: Mapping[str, Callable[[], Any]] = {
    "analytics_requests": _stacked("requests", "Requests", AMOUNT, ","),
    "analytics_cost": _stacked("usd", "Cost", DOLLARS, "$,.2f"),
    "analytics_success": success_chart,
    "analytics_success_parts": success_parts_chart,
    "analytics_times": times_chart,
    "analytics_errors": errors_chart,
    "analytics_heat": heat_chart,
    "analytics_prediction": prediction_chart,
    "analytics_live": _stacked("requests", "Requests", AMOUNT, ",", MINUTES),
}
