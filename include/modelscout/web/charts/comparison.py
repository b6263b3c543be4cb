"""Charts of models side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

MOST_MODELS = 6


def _colour() -> alt.Color:
    """By the model's place in the comparison, so that it has one colour in every chart; the page has the legend."""
    places = list(range(MOST_MODELS))
    return alt.Color("place:O", scale=alt.Scale(domain=places, range="category"), legend=None)


def scores() -> Any:
    """Suite scores with their 95 % intervals, grouped by feature."""
    base = alt.Chart(alt.NamedData("rows"))
    x = alt.X("feature:N", title=None, axis=alt.Axis(labelAngle=0))
    offset = alt.XOffset("place:O")
    bars = base.mark_bar().encode(
        x=x,
        xOffset=offset,
        y=alt.Y("score:Q", title="Score", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        color=_colour(),
        tooltip=[
            alt.Tooltip("feature:N", title="Suite"),
            alt.Tooltip("model:N", title="Model"),
            alt.Tooltip("shown:N", title="Score"),
        ],
    )
    intervals = base.mark_rule(strokeWidth=1.5).encode(x=x, xOffset=offset, y="low:Q", y2="high:Q")
    return alt.layer(bars, intervals)


def times() -> Any:
    """Response times, grouped by what was measured."""
    return (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            y=alt.Y("measure:N", title=None, sort=None, axis=alt.Axis(labelLimit=120)),
            yOffset=alt.YOffset("place:O"),
            x=alt.X("ms:Q", title="ms"),
            color=_colour(),
            tooltip=[
                alt.Tooltip("measure:N", title="Measured"),
                alt.Tooltip("model:N", title="Model"),
                alt.Tooltip("shown:N", title="Time"),
            ],
        )
    )


def suitability() -> Any:
    """Use-case scores, grouped by use case."""
    return (
        alt.Chart(alt.NamedData("rows"))
        .mark_bar()
        .encode(
            y=alt.Y("use_case:N", title=None, sort=None),
            yOffset=alt.YOffset("place:O"),
            x=alt.X("score:Q", title="0 to 100", scale=alt.Scale(domain=[0, 100])),
            color=_colour(),
            tooltip=[
                alt.Tooltip("use_case:N", title="Use case"),
                alt.Tooltip("model:N", title="Model"),
                alt.Tooltip("score:Q", title="Score"),
                alt.Tooltip("reason:N", title="Because"),
            ],
        )
    )


CHARTS: Mapping[str, Callable[[], Any]] = {
    "comparison-scores": scores,
    "comparison-times": times,
    "comparison-suitability": suitability,
}
