"""What people decide about recommendations: the domain's decisions, within what the caller may change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import HTTPException, status

from modelscout.core.clock import now
from modelscout.recommender import decisions_of_people as decisions
from modelscout.recommender.decisions_of_people import DecisionRefused
from modelscout.web.access import Access, Organization
from modelscout.web.data.recommendations import recommendation
from modelscout.web.schemas.recommendations import Recommendation


def accept(access: Access, organization: Organization, recommendation_id: UUID) -> Recommendation:
    """Use the recommended model from now on."""
    return _decide(access, organization, recommendation_id, decisions.accept)


def reject(
    access: Access, organization: Organization, recommendation_id: UUID, reason: str
) -> Recommendation:
    """Say no."""
    return _decide(access, organization, recommendation_id, decisions.reject, reason=reason)


def snooze(
    access: Access, organization: Organization, recommendation_id: UUID, until: date, reason: str | None
) -> Recommendation:
    """Say not now."""
    return _decide(access, organization, recommendation_id, decisions.snooze, until=until, reason=reason)


def reopen(access: Access, organization: Organization, recommendation_id: UUID) -> Recommendation:
    """Make it open again."""
    return _decide(access, organization, recommendation_id, decisions.reopen)


def undo(access: Access, organization: Organization, recommendation_id: UUID) -> Recommendation:
    """Use again what was used before."""
    return _decide(access, organization, recommendation_id, decisions.undo)


def rate(
    access: Access, organization: Organization, recommendation_id: UUID, rating: int, comment: str | None
) -> Recommendation:
    """Say what the caller thinks of it."""
    return _decide(access, organization, recommendation_id, decisions.rate, rating=rating, comment=comment)


def _decide(
    access: Access,
    organization: Organization,
    recommendation_id: UUID,
    decision: Callable[..., Any],
    **said: Any,
) -> Recommendation:
    """Raises HTTPException 404 where it is not the organization's, 409 where it is not any more what was seen."""
    _require(access, organization, recommendation_id)
    try:
        decision(access.changing, recommendation_id, actor=access.caller.user_name, now=now(), **said)
    except DecisionRefused as refusal:
        raise HTTPException(status.HTTP_409_CONFLICT, str(refusal)) from None
    return _require(access, organization, recommendation_id)


def _require(access: Access, organization: Organization, recommendation_id: UUID) -> Recommendation:
    found = recommendation(access, recommendation_id)
    if found is None or str(found.organization_id) != organization.id:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such recommendation.")
    return found
