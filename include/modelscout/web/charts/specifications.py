"""Every chart by its name. A specification holds no data: a page gives the rows, the browser draws them.

Colours come from the style sheet, so that a chart follows light and dark (static/charts.js).
"""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=64)
def specification(name: str) -> str | None:
    """One chart as Vega-Lite JSON, its rows named `rows`; None where there is none of that name."""
    from modelscout.web.charts import analytics, calculator, comparison, models, overview

    for part in (overview, models, comparison, calculator, analytics):
        if name in part.CHARTS:
            return str(part.CHARTS[name]().to_json(indent=None))
    return None
