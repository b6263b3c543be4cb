"""Recommendations: why, how sure, and what a person says to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import HTTPException, Query, Request, status
from fastapi.responses import HTMLResponse

from modelscout.core.clock import now
from modelscout.core.types import Verdict
from modelscout.recommender.decisions_of_people import LONGEST_SNOOZE_DAYS, MOST_CHARACTERS
from modelscout.web import cursors
from modelscout.web.access import Access, ChosenOrganization, CurrentAccess
from modelscout.web.charts.series import PROMISED, REALISED
from modelscout.web.cursors import RecommendationKey
from modelscout.web.data import overview
from modelscout.web.data import recommendations as data
from modelscout.web.data.recommendations import Filter
from modelscout.web.interval_chart import draw
from modelscout.web.ranges import Drawn, side_by_side
from modelscout.web.rendering import render
from modelscout.web.schemas.common import interval
from modelscout.web.schemas.overview import Change
from modelscout.web.schemas.recommendations import Estimates, Evidence, Recommendation, Status
from modelscout.web.views.common import After, page_router

ROWS_PER_PAGE = 50
NIGHTS_SHOWN = 14
CHANGES_DRAWN = 12
Word = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]

router = page_router()


@router.get("/recommendations")
def recommendations(
    request: Request,
    access: CurrentAccess,
    chosen: ChosenOrganization,
    verdict: Word = None,
    decided: Annotated[str | None, Query(alias="status", max_length=200)] = None,
    feature: Word = None,
    night: Word = None,
    after: After = None,
) -> HTMLResponse:
    """Current recommendations, one per feature, or those of an earlier night."""
    wanted = Filter(
        verdict=Verdict(verdict) if verdict in set(Verdict) else None,
        status=Status(decided) if decided in set(Status) else None,
        feature_id=feature or None,
        night=_day(night),
    )
    key = cursors.decode(RecommendationKey, after)
    found = data.recommendations(access, chosen, wanted, after=key, limit=ROWS_PER_PAGE)
    return render(
        request,
        "recommendations.html",
        access,
        chosen,
        recommendations=found,
        wanted=wanted,
        is_filtered=wanted != Filter(),
        filters=asdict(wanted),
        features=data.features(access),
        verdicts=list(Verdict),
        statuses=list(Status),
        is_first=after is None,
        today=now().date(),
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


@router.get("/recommendations/track-record")
def track_record(request: Request, access: CurrentAccess, chosen: ChosenOrganization) -> HTMLResponse:
    """Promised against realised."""
    found = overview.track_record(access, chosen)
    rows = [row for change in found.changes[:CHANGES_DRAWN] for row in _promise(change)]
    return render(
        request, "track_record.html", access, chosen, here="recommendations", record=found, promise_rows=rows
    )


def _promise(change: Change) -> Iterator[dict[str, Any]]:
    if change.has_saving:
        name = f"{change.organization_name}, {change.feature}"
        for what, prefix in ((PROMISED, "promised"), (REALISED, "realised")):
            yield {
                "change": name,
                "what": what,
                "usd": getattr(change, f"{prefix}_saving_usd_per_month"),
                "low": getattr(change, f"{prefix}_saving_low_usd_per_month"),
                "high": getattr(change, f"{prefix}_saving_high_usd_per_month"),
            }


@router.get("/recommendations/{recommendation_id}")
def recommendation(
    request: Request, access: CurrentAccess, chosen: ChosenOrganization, recommendation_id: UUID
) -> HTMLResponse:
    """One recommendation with its reasons, trade-offs and evidence."""
    found = data.recommendation(access, recommendation_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such recommendation.")
    evidence = Evidence.model_validate(found.evidence)
    tried = [
        (candidate, draw(candidate.lower_bound, candidate.effect, candidate.upper_bound, evidence.margin))
        for candidate in evidence.tried
    ]
    ratings = data.ratings(access, recommendation_id)
    today = now().date()
    return render(
        request,
        "recommendation.html",
        access,
        chosen,
        here="recommendations",
        r=found,
        evidence=evidence,
        estimates=Estimates.of(found, evidence),
        expected=_expected(found),
        tried=tried,
        may_change=_may_change(access, found),
        own_rating=next((rating for rating in ratings if rating.is_own), None),
        ratings=ratings,
        nights=data.history(access, recommendation_id, after=None, limit=NIGHTS_SHOWN),
        longest_reason=MOST_CHARACTERS,
        tomorrow=today + timedelta(days=1),
        next_week=today + timedelta(days=7),
        latest_day=today + timedelta(days=LONGEST_SNOOZE_DAYS),
    )


def _may_change(access: Access, found: Recommendation) -> bool:
    return access.organization(str(found.organization_id)).may_change


def _expected(found: Recommendation) -> Sequence[tuple[str, str, list[Drawn]]]:
    """Rows of estimates that were written with intervals: name, format, and one or two drawings on one scale."""
    cost, performance = found.cost_estimate, found.performance_estimate
    rows = [
        ("Saving a month", "money", [found.saving_interval_usd_per_month], True),
        ("Change of quality", "points", [interval(performance.get("quality_change"))], True),
        ("Quality", "percent", _pair(performance.get("expected_quality")), False),
        ("Response time", "milliseconds", _pair(performance.get("expected_latency_ms")), False),
        ("Cost of a request", "money", _pair(cost.get("expected_usd_per_request")), False),
    ]
    return [
        (name, form, side_by_side(values, around_zero=around_zero))
        for name, form, values, around_zero in rows
        if any(value is not None for value in values)
    ]


def _pair(estimates: dict[str, Any] | None) -> list[Any]:
    return [interval((estimates or {}).get(which)) for which in ("current", "chosen")]
