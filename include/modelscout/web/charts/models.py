"""Charts of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt


def price_history() -> Any:
    """Prices over time as steps; what is scheduled lies right of the line of today."""
    base = alt.Chart(alt.NamedData("rows"))
    steps = base.mark_line(interpolate="step-after", point=False).encode(
        x=alt.X("at:T", title=None),
        y=alt.Y("usd:Q", title="USD", scale=alt.Scale(zero=True)),
        color=alt.Color("kind:N", title=None, legend=alt.Legend(orient="top")),
    )
    points = base.mark_point(size=60, opacity=0.01).encode(
        x="at:T",
        y="usd:Q",
        tooltip=[
            alt.Tooltip("kind:N", title="Price"),
            alt.Tooltip("shown:N", title="USD"),
            alt.Tooltip("day:N", title="From"),
        ],
    )
    today = base.transform_filter("datum.today != null").mark_rule(strokeDash=[4, 4]).encode(x="today:T")
    return alt.layer(steps, points, today)


def benchmark_results() -> Any:
    """Scores by the day of the run, in their order, a line for each feature."""
    return (
        alt.Chart(alt.NamedData("rows"))
        .mark_line(point=True)
        .encode(
            x=alt.X("day:O", title=None, sort=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("score:Q", title="Score", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "series:N", title=None, legend=alt.Legend(orient="top", columns=2, labelLimit=115)
            ),
            tooltip=[
                alt.Tooltip("series:N", title="Feature"),
                alt.Tooltip("shown:N", title="Score"),
                alt.Tooltip("cases:Q", title="Cases"),
                alt.Tooltip("day:N", title="Finished"),
            ],
        )
    )


CHARTS: Mapping[str, Callable[[], Any]] = {
    "model-prices": price_history,
    "model-results": benchmark_results,
}
