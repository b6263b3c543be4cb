"""Starts a DAG for the page through Airflow's own API, as the person who asked: Airflow checks the person's rights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import anyio.from_thread
import httpx
from airflow.api_fastapi.app import cached_app
from fastapi import HTTPException, Request, status

from modelscout.web.ports import StartedRun

CREDENTIALS = ("cookie", "authorization")
"""Headers that say who is asking; nothing else of the request is passed on."""
TIMEOUT_S = 10.0


def start_run(request: Request, dag_id: str, params: Mapping[str, Any]) -> StartedRun:
    """Start one run of `dag_id`. Called from a worker thread of the API server.

    Raises HTTPException 403 where the person may not, 404 where there is no such DAG, 422 with Airflow's words where
    `params` do not fit, 503 where Airflow cannot now.
    """
    headers = {name: request.headers[name] for name in CREDENTIALS if name in request.headers}
    answer = anyio.from_thread.run(_post, f"/api/v2/dags/{dag_id}/dagRuns", headers, dict(params))
    if answer.status_code in (status.HTTP_401_UNAUTHORIZED, status.HTTP_403_FORBIDDEN):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            f"You may not start {dag_id}: ask an administrator for Airflow's right to run this DAG.",
        )
    if answer.status_code == status.HTTP_404_NOT_FOUND:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"Airflow knows no DAG {dag_id}.")
    if answer.status_code in (status.HTTP_400_BAD_REQUEST, status.HTTP_422_UNPROCESSABLE_CONTENT):
        raise HTTPException(
            status.HTTP_422_UNPROCESSABLE_CONTENT, str(answer.json().get("detail", "refused"))[:1000]
        )
    if answer.status_code != status.HTTP_200_OK:
        raise HTTPException(
            status.HTTP_503_SERVICE_UNAVAILABLE, "Airflow could not start the run: try again."
        )
    return StartedRun(dag_id=dag_id, run_id=str(answer.json()["dag_run_id"]))


async def _post(path: str, headers: Mapping[str, str], params: Mapping[str, Any]) -> httpx.Response:
    """Within this process: the app that serves Airflow's API is the one that serves the page."""
    app = cached_app(
        apps=os.environ.get("AIRFLOW_API_APPS", "all")
    )  # As airflow.api_fastapi.main asks for it.
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow", timeout=TIMEOUT_S) as client:
        return await client.post(path, headers=headers, json={"conf": dict(params), "logical_date": None})
