"""Holds the printed recommendations against what the demo planted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from modelscout.core.types import Verdict
from modelscout.demo.profile import retires_on
from modelscout.demo.scenario import ASSIGNMENTS, Assignment

FIRST_NIGHT_ITEMS = 160
"""Up to so many items `trial` is the right answer; later nights may settle it as `switch`."""
HORIZON_DAYS = 30
"""The pipeline's default: a model in use that goes within so many days gets a `migrate`."""


def check_recommendations(rows: Sequence[Mapping[str, Any]], *, now: datetime | None = None) -> list[str]:
    """What is wrong, one sentence each; empty where all is as planted.

    `rows` are those of `modelscout recommendations --json`. With `now` the dates of retirements are held
    exactly, without it they only have to be dates. Other organizations' rows are ignored.
    """
    by_feature: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_feature.setdefault((str(row.get("organization")), str(row.get("feature_id"))), []).append(row)
    wrong: list[str] = []
    for assignment in ASSIGNMENTS:
        found = by_feature.get((assignment.organization, assignment.feature), [])
        name = f"{assignment.organization}/{assignment.feature}"
        if len(found) != 1:
            wrong.append(f"{name}: {len(found)} recommendations instead of one")
            continue
        wrong += [f"{name}: {problem}" for problem in _problems(assignment, found[0], now)]
    return wrong


def _problems(assignment: Assignment, row: Mapping[str, Any], now: datetime | None) -> Iterator[str]:
    verdict = row.get("verdict")
    if verdict not in _right_verdicts(assignment, row, now):
        yield f"verdict {verdict} instead of {assignment.expected} (recommended {row.get('recommended_model')})"
        return
    current = row.get("current_model")
    if current != assignment.incumbent.model:
        yield f"model in use {current} instead of {assignment.incumbent.model}"
    recommended = row.get("recommended_model")
    if assignment.expected_models and recommended not in assignment.expected_models:
        yield f"recommended {recommended} instead of {' or '.join(assignment.expected_models)}"
    if verdict == Verdict.KEEP and recommended not in (None, assignment.incumbent.model):
        yield f"keeps {current}, but recommends {recommended}"
    if verdict == Verdict.MIGRATE:
        yield from _date_problems(assignment, row, now)


def _right_verdicts(assignment: Assignment, row: Mapping[str, Any], now: datetime | None) -> set[str]:
    right = {str(assignment.expected)}
    if assignment.expected is Verdict.TRIAL and _whole(row.get("n")) > FIRST_NIGHT_ITEMS:
        right.add(str(Verdict.SWITCH))
    if assignment.expected is Verdict.SWITCH and _retires_soon(row, now):
        # The catalog knows real dates: gpt-4o goes on 2027-01-14, and a switch then becomes urgent.
        right.add(str(Verdict.MIGRATE))
    return right


def _retires_soon(row: Mapping[str, Any], now: datetime | None) -> bool:
    end = _retirement(row)
    if end is None or now is None:
        return False
    return end <= now.astimezone(UTC).date() + timedelta(days=HORIZON_DAYS)


def _date_problems(assignment: Assignment, row: Mapping[str, Any], now: datetime | None) -> Iterator[str]:
    found = _retirement(row)
    if found is None:
        yield "migrate without a date in evidence.retires_on"
    elif now is not None and assignment.retires_in_days is not None:
        wanted = retires_on(assignment.incumbent.key, now.astimezone(UTC))
        if found != wanted:
            yield f"retires on {found} instead of {wanted}"


def _retirement(row: Mapping[str, Any]) -> date | None:
    evidence = row.get("evidence")
    text = evidence.get("retires_on") if isinstance(evidence, Mapping) else None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
