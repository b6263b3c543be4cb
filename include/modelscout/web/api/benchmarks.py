"""Benchmark runs, for programs."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Request, status

from modelscout.core.clock import now
from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.api.common import CHANGE_RESPONSES, After, Limit, only_json
from modelscout.web.cursors import RunKey
from modelscout.web.data import benchmarks as data
from modelscout.web.schemas.benchmarks import Run, RunAsked, RunEstimate, RunReport, RunStarted
from modelscout.web.schemas.common import Asked, Collection

router = APIRouter(prefix="/benchmarks", tags=["benchmarks"])


@router.get("/runs")
def list_runs(
    access: CurrentAccess, chosen: ChosenOrganization, after: After = None, limit: Limit = 100
) -> Collection[Run]:
    """Runs by hand and of the night, the newest first; runs about organizations that you do not see are left out."""
    return data.listed_runs(access, chosen, after=cursors.decode(RunKey, after), limit=limit)


@router.post("/estimate", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def estimate_run(request: Request, access: CurrentAccess, asked: RunAsked) -> RunEstimate:
    """What a run may come to. Starts and stores nothing."""
    return data.estimate(access, data.benchmarks_of(request), data.asked_run(access, asked), now())


@router.post(
    "/runs",
    dependencies=[Depends(only_json)],
    responses=CHANGE_RESPONSES,
    status_code=status.HTTP_202_ACCEPTED,
)
def start_run(request: Request, access: CurrentAccess, asked: RunAsked) -> RunStarted:
    """Start a run of the DAG `benchmark_models` as yourself, within a spend limit."""
    wanted = data.asked_run(access, asked)
    return data.start(
        request, access, data.benchmarks_of(request), request.app.state.start_run, wanted, now()
    )


@router.get("/runs/{run_id}")
def get_run(request: Request, access: CurrentAccess, run_id: UUID) -> RunReport:
    """One run: how far it is, and what it found."""
    found = data.run_report(access, data.benchmarks_of(request), run_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such run.")
    return found


class NothingMore(Asked):
    """An empty object."""


@router.post("/runs/{run_id}/cancel", dependencies=[Depends(only_json)], responses=CHANGE_RESPONSES)
def cancel_run(request: Request, access: CurrentAccess, run_id: UUID, asked: NothingMore) -> RunReport:
    """Stop a run: calls under way end and are kept, no further one is sent."""
    del asked
    return data.cancel(access, data.benchmarks_of(request), run_id, now())
