"""What an analytics view shows, as CSV. Texts of others never become formulas of a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from modelscout.analytics.performance import Performance
from modelscout.analytics.trend import MAX_PARTS
from modelscout.web.access import Access, Organization
from modelscout.web.data import analytics
from modelscout.web.data.analytics_question import AnalyticsQuestion

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")
PREDICTED_DAYS = 30


class Part(StrEnum):
    """What is exported: one of the views."""

    TREND = "trend"
    COSTS = "costs"
    MODELS = "models"
    HOURS = "hours"
    PREDICTION = "prediction"
    OPPORTUNITIES = "opportunities"


def export_rows(
    part: Part, access: Access, organization: Organization, question: AnalyticsQuestion
) -> Iterator[Mapping[str, Any]]:
    """The rows of one view. What is wrong with the question is raised here, before anything is sent."""
    return iter(EXPORTS[part](access, organization, question))


def csv_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line after the other, the names first; nothing but a byte order mark without rows."""
    buffer = io.StringIO()
    writer: Any = None
    # Spreadsheets take a file without this mark as of another encoding.
    yield "\ufeff"
    for row in rows:
        if writer is None:
            writer = csv.writer(buffer)
            writer.writerow(row)
        writer.writerow([cell(value) for value in row.values()])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def cell(value: Any) -> str:
    """One value as text; unknown is empty, never zero. Text that a spreadsheet would run is marked as text."""
    match value:
        case None:
            return ""
        case Decimal():
            return format(value, "f")
        case datetime() | date():
            return value.isoformat()
        case StrEnum():
            return value.value
        case str():
            return f"'{value}" if value.lstrip(" ").startswith(FORMULA_BEGINS) else value
        case _:
            return str(value)


def _trend(
    access: Access, organization: Organization, question: AnalyticsQuestion
) -> Iterable[Mapping[str, Any]]:
    found = analytics.trend_of(access, organization, question, most=MAX_PARTS)
    for point in found.points:
        row = _plain(point, without=("success_interval", "is_rest"))
        low, high = point.success_interval or (None, None)
        part = "all others" if point.is_rest else point.part
        yield row | {"part": part, "success_low": low, "success_high": high, "simulated": found.simulated}


def _models(
    access: Access, organization: Organization, question: AnalyticsQuestion
) -> Iterable[Mapping[str, Any]]:
    for model in analytics.models_of(access, organization, question).models:
        low, high = model.success_interval or (None, None)
        row = _plain(model, without=("success_interval", "errors", "starts_on", "feature"))
        yield row | {"success_low": low, "success_high": high, "most_frequent_error": _error(model)}


def _error(model: Performance) -> str | None:
    return model.errors[0].error_type if model.errors else None


def _prediction(
    access: Access, organization: Organization, question: AnalyticsQuestion
) -> Iterable[Mapping[str, Any]]:
    found = analytics.prediction_of(access, organization, question, days=PREDICTED_DAYS)
    for day in found.days:
        yield {
            "day": day.day,
            **_plain(day.cost),
            "price_level": day.price_level,
            "simulated": found.simulated,
        }


def _plain(value: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in fields(value) if f.name not in without}


EXPORTS: Mapping[Part, Callable[[Access, Organization, AnalyticsQuestion], Iterable[Mapping[str, Any]]]] = {
    Part.TREND: _trend,
    Part.COSTS: lambda a, o, q: map(_plain, analytics.costs_of(a, o, q)),
    Part.MODELS: _models,
    Part.HOURS: lambda a, o, q: map(_plain, analytics.patterns_of(a, o, q).hours),
    Part.PREDICTION: _prediction,
    Part.OPPORTUNITIES: lambda a, o, q: map(_plain, analytics.opportunities_of(a, o, q)),
}
