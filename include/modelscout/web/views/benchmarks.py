"""Measurements, started and watched; one run with what it found."""

from __future__ import annotations

from uuid import UUID

from fastapi import HTTPException, Request, status
from fastapi.responses import HTMLResponse

from modelscout.core.clock import now
from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.cursors import RunKey
from modelscout.web.data import benchmarks as data
from modelscout.web.data.features import models_and_features
from modelscout.web.rendering import render
from modelscout.web.views.common import After, page_router

ROWS_PER_PAGE = 25
MOST_ORGANIZATIONS = 60
"""In the form's list; whoever may change more chooses one at the top."""

router = page_router()


@router.get("/benchmarks")
def benchmarks(
    request: Request, access: CurrentAccess, chosen: ChosenOrganization, after: After = None
) -> HTMLResponse:
    """Past and running benchmark runs, and the form that starts one."""
    key = cursors.decode(RunKey, after)
    found = data.listed_runs(access, chosen, after=key, limit=ROWS_PER_PAGE)
    mine = [o for o in access.organizations if o.may_change]
    offered = [chosen] if chosen and chosen.may_change else mine[:MOST_ORGANIZATIONS]
    models, features = models_and_features(access, offered, now()) if mine else ([], [])
    return render(
        request,
        "benchmarks.html",
        access,
        chosen,
        runs=found,
        is_first=after is None,
        offered=offered,
        may_start=bool(mine),
        models=models,
        features=features,
    )


@router.get("/benchmarks/{run_id}")
def benchmark(
    request: Request, access: CurrentAccess, chosen: ChosenOrganization, run_id: UUID
) -> HTMLResponse:
    """One run: progress while it goes on, then what it found."""
    found = data.run_report(access, data.benchmarks_of(request), run_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such run.")
    return render(request, "benchmark.html", access, chosen, here="benchmarks", r=found)
