"""What each feature uses, and how it does; one feature with its configuration, test bench and history."""

from __future__ import annotations

from fastapi import HTTPException, Request, status
from fastapi.responses import HTMLResponse

from modelscout.core.clock import now
from modelscout.core.types import WORKLOAD_LEVELS
from modelscout.web import cursors
from modelscout.web.access import CurrentAccess, OneOrganization
from modelscout.web.api.features import FeatureId
from modelscout.web.cursors import ChangeKey, FeatureKey
from modelscout.web.data import features as data
from modelscout.web.data.prompt_tests import prompt_tests
from modelscout.web.rendering import render
from modelscout.web.views.common import After, page_router

CARDS_PER_PAGE = 24
CHANGES_SHOWN = 10
TESTS_SHOWN = 5

router = page_router()


@router.get("/features")
def features(
    request: Request, access: CurrentAccess, organization: OneOrganization, after: After = None
) -> HTMLResponse:
    """One organization's features as cards."""
    key = cursors.decode(FeatureKey, after)
    found = data.listed_features(access, organization, now(), after=key, limit=CARDS_PER_PAGE)
    return render(request, "features.html", access, organization, features=found, is_first=after is None)


@router.get("/features/{feature_id}")
def feature(
    request: Request,
    access: CurrentAccess,
    organization: OneOrganization,
    feature_id: FeatureId,
    after: After = None,
) -> HTMLResponse:
    """One feature."""
    found = data.feature_or_none(access, organization, feature_id, now())
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such feature.")
    key = cursors.decode(ChangeKey, after)
    return render(
        request,
        "feature.html",
        access,
        organization,
        here="features",
        f=found,
        choices=data.choices_for(access, organization, found.required_capabilities, now()),
        changes=data.changes(access, organization, feature_id, after=key, limit=CHANGES_SHOWN),
        tests=prompt_tests(access, organization, feature_id, now(), limit=TESTS_SHOWN),
        levels=WORKLOAD_LEVELS,
        is_first=after is None,
    )
