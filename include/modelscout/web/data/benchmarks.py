"""Benchmark runs that the caller may see, and starting one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import HTTPException, Request, status

from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import Row, run_sql
from modelscout.web import cursors
from modelscout.web.access import Access, Organization, changeable
from modelscout.web.cursors import RunKey
from modelscout.web.data.lists import collection, run_scoped
from modelscout.web.ports import AskedRun, Benchmarks, StartRun
from modelscout.web.schemas.benchmarks import (
    ModelReport,
    Run,
    RunAsked,
    RunEstimate,
    RunReport,
    RunStarted,
)
from modelscout.web.schemas.common import Collection

DAG_ID = "benchmark_models"
CANCELLABLE = ("queued", "running", "waiting_for_approval")


def benchmarks_of(request: Request) -> Benchmarks:
    """The injected port. Raises HTTPException 503 where the page has none."""
    found: Benchmarks | None = request.app.state.benchmarks
    if found is None:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE, "This page was started without the benchmark runner."
        )
    return found


def listed_runs(
    access: Access, chosen: Organization | None, *, after: RunKey | None, limit: int
) -> Collection[Run]:
    """Runs by hand and of the night, the newest first."""
    place = cursors.parameters(RunKey, after)
    with access.reading.connect() as connection:
        rows = run_scoped(
            connection, access, chosen, "web_benchmark_runs", run_id=None, max_rows=limit + 1, **place
        )
    return collection(rows, limit, lambda row: Run(**_run(access, row)), _key)


def run_report(access: Access, benchmarks: Benchmarks, run_id: UUID) -> RunReport | None:
    """One run with its results; None where there is none that the caller sees."""
    place = cursors.parameters(RunKey, None)
    with access.reading.connect() as connection:
        rows = run_scoped(
            connection, access, None, "web_benchmark_runs", run_id=str(run_id), max_rows=1, **place
        )
        waiting = (
            [] if rows else run_sql(connection, "queries/web_benchmark_started", {"run_id": str(run_id)})
        )
    if waiting:
        return _queued(access, waiting)
    if not rows:
        return None
    report = benchmarks.report(access.reading, str(run_id))
    models = [ModelReport.model_validate(m) for m in getattr(report, "models", ())]
    return RunReport(**_run(access, rows[0]), models=models)


def asked_run(access: Access, asked: RunAsked) -> AskedRun:
    """What may be asked: organizations that the caller may change. Raises HTTPException 403, 404, 422."""
    chosen = [changeable(access.organization(name)) for name in dict.fromkeys(asked.organizations)]
    if not chosen and not access.caller.is_administrator:
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT,
            "organizations is empty: only an administrator runs all of them; name those that you may change.",
        )
    return AskedRun(
        organizations=[o.id for o in chosen] or None,
        models=asked.models or None,
        features=asked.features or None,
        about=asked.about,
        suites=asked.suites,
        replay=asked.replay,
        trials=asked.trials,
        spend_limit_usd=asked.spend_limit_usd,
    )


def estimate(access: Access, benchmarks: Benchmarks, asked: AskedRun, now: datetime) -> RunEstimate:
    """What a run may come to; nothing is stored and nothing sent."""
    cost = benchmarks.cost_of_run(access.reading, asked, now=now)
    return RunEstimate(**{name: getattr(cost, name) for name in RunEstimate.model_fields})


def start(
    request: Request,
    access: Access,
    benchmarks: Benchmarks,
    start_run: StartRun,
    asked: AskedRun,
    now: datetime,
) -> RunStarted:
    """Start the DAG as the caller, and log it with every organization that it is about."""
    params = {
        "organizations": None if asked.organizations is None else list(asked.organizations),
        "models": None if asked.models is None else list(asked.models),
        "features": None if asked.features is None else list(asked.features),
        "about": asked.about,
        "suites": asked.suites,
        "replay": asked.replay,
        "trials": asked.trials,
        "spend_limit_usd": None if asked.spend_limit_usd is None else float(asked.spend_limit_usd),
    }
    started = start_run(request, DAG_ID, params)
    run_id = benchmarks.run_id_of(started)
    entry = {name: value for name, value in params.items() if name != "organizations"}
    log(access, asked.organizations, "start_benchmark", run_id, entry | {"dag_run_id": started.run_id}, now)
    return RunStarted(run_id=UUID(run_id), dag_run_id=started.run_id)


def cancel(access: Access, benchmarks: Benchmarks, run_id: UUID, now: datetime) -> RunReport:
    """Stop a run. Raises HTTPException 403, 404, 409."""
    found = run_report(access, benchmarks, run_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such run.")
    if found.status == "queued" or found.status not in CANCELLABLE:
        raise HTTPException(
            status.HTTP_409_CONFLICT,
            f"The run is {found.status.replace('_', ' ')}: only one that has begun and still runs can be cancelled.",
        )
    if not found.may_cancel:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            "You may look at this run but not cancel it: it takes the role editor in each of its organizations.",
        )
    try:
        state = benchmarks.cancel(access.changing, str(run_id), by=access.caller.user_name, now=now)
    except ConfigurationError as error:
        raise HTTPException(status.HTTP_409_CONFLICT, str(error)) from None
    ids = None if found.organizations is None else [access.organization(o).id for o in found.organizations]
    log(access, ids, "cancel_benchmark", str(run_id), {"status": state}, now, before={"status": found.status})
    after = run_report(access, benchmarks, run_id)
    if after is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such run.")
    return after


def log(
    access: Access,
    organization_ids: Any,
    action: str,
    subject: str,
    after: Mapping[str, Any],
    now: datetime,
    before: Mapping[str, Any] | None = None,
) -> None:
    """One entry of the audit log for each organization; one without an organization where it is about all."""
    with access.changing.begin() as connection:
        run_sql(
            connection,
            "queries/web_audit",
            {
                "organization_ids": list(organization_ids) if organization_ids else [None],
                "actor": access.caller.user_name,
                "action": action,
                "subject": subject,
                "before": None if before is None else json.dumps(before),
                "after": json.dumps(after, default=str),
                "now": now,
            },
        )


def _run(access: Access, row: Row) -> dict[str, Any]:
    asked = row["asked"] or {}
    about = {name: asked.get(name) for name in ("about", "models", "features", "suites", "replay", "trials")}
    return {
        **{name: row[name] for name in Run.model_fields if name in row},
        "organizations": None if row["organization_ids"] is None else _slugs(access, row["organization_ids"]),
        "asked": about,
        "dag_run_id": row["run_key"],
        "may_cancel": row["status"] in CANCELLABLE and _may_cancel(access, row["organization_ids"]),
    }


def _queued(access: Access, rows: list[Row]) -> RunReport:
    entry = rows[0]["after"] or {}
    ids = [row["organization_id"] for row in rows if row["organization_id"] is not None]
    return RunReport(
        id=rows[0]["run_id"],
        kind="manual",
        status="queued",
        organizations=_slugs(access, ids) if ids else None,
        asked={
            name: entry.get(name) for name in ("about", "models", "features", "suites", "replay", "trials")
        },  # type: ignore[arg-type]  # Validated by the model.
        started_by=rows[0]["actor"],
        dag_run_id=entry.get("dag_run_id"),
        started_at=rows[0]["occurred_at"],
        finished_at=None,
        decided_by=None,
        spend_limit_usd=entry.get("spend_limit_usd"),
        spent_usd=0,  # type: ignore[arg-type]  # Nothing is.
        planned=None,
        done=0,
        failed=0,
        may_cancel=False,
        models=[],
    )


def _slugs(access: Access, ids: list[Any]) -> list[str]:
    by_id = {o.id: o.slug for o in access.organizations}
    return sorted(by_id[str(i)] for i in ids if str(i) in by_id)


def _may_cancel(access: Access, ids: list[Any] | None) -> bool:
    if access.caller.is_administrator:
        return True
    mine = {o.id for o in access.organizations if o.may_change}
    return bool(ids) and all(str(i) in mine for i in ids or ())


def _key(row: Row) -> RunKey:
    return RunKey(started_at=row["started_at"], id=row["id"])
