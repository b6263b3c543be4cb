"""Single prompts on a few models, for programs."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request, status

from modelscout.core.clock import now
from modelscout.web.access import ChangeableOrganization, CurrentAccess, PathOrganization
from modelscout.web.api.common import CHANGE_RESPONSES, Limit, only_json
from modelscout.web.api.features import KnownFeature
from modelscout.web.data import prompt_tests as data
from modelscout.web.data.benchmarks import benchmarks_of
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.prompt_tests import PromptTest, PromptTestAsked, PromptTestEstimate

router = APIRouter(
    prefix="/organizations/{organization}/features/{feature_id}/prompt-tests", tags=["features"]
)


@router.get("")
def list_prompt_tests(
    access: CurrentAccess, organization: PathOrganization, feature_id: KnownFeature, limit: Limit = 10
) -> Collection[PromptTest]:
    """Tests of the last day, the newest first."""
    return Collection(
        items=data.prompt_tests(access, organization, feature_id, now(), limit=limit), next=None
    )


@router.post("/estimate", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def estimate_prompt_test(
    request: Request,
    access: CurrentAccess,
    organization: ChangeableOrganization,
    feature_id: KnownFeature,
    asked: PromptTestAsked,
) -> PromptTestEstimate:
    """What a test may come to. Starts and stores nothing."""
    prompt = data.prompt_of(organization, feature_id, asked)
    return data.estimate(access, benchmarks_of(request), prompt, asked.spend_limit_usd, now())


@router.post(
    "",
    dependencies=[Depends(only_json)],
    responses=CHANGE_RESPONSES,
    status_code=status.HTTP_202_ACCEPTED,
)
def start_prompt_test(
    request: Request,
    access: CurrentAccess,
    organization: ChangeableOrganization,
    feature_id: KnownFeature,
    asked: PromptTestAsked,
) -> PromptTest:
    """Ask a prompt, with a photo or without, of up to five models: a run of `benchmark_models`, started as yourself."""
    prompt = data.prompt_of(organization, feature_id, asked)
    return data.start(
        request,
        access,
        benchmarks_of(request),
        request.app.state.start_run,
        organization,
        prompt,
        asked.spend_limit_usd,
        now(),
    )


@router.get("/{test_id}")
def get_prompt_test(
    access: CurrentAccess, organization: PathOrganization, feature_id: KnownFeature, test_id: UUID
) -> PromptTest:
    """One test: answers, times and costs as they come in."""
    found = data.prompt_tests(access, organization, feature_id, now(), test_id=str(test_id), limit=1)
    if not found:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND, "There is no such test, or it was asked more than a day ago."
        )
    return found[0]
