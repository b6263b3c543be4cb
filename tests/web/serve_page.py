"""Serves the page alone on a warehouse, for looking at it while it is built: no Airflow, and no login.

    MODELSCOUT_DATABASE_URL=… python tests/web/serve_page.py [PORT] [USER]

USER is an administrator where it is `root` (the default), else whoever `organization_members` knows. It listens on
the loopback address only, under /modelscout as in Airflow, and starts no DAG.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from modelscout.core.settings import Settings
from modelscout.orchestration.page_benchmarks import PageBenchmarks
from modelscout.web.app import create_app
from modelscout.web.ports import Caller, StartedRun


def start_run(request: Request, dag_id: str, params: Mapping[str, Any]) -> StartedRun:
    """Says what would start."""
    print(f"would start {dag_id} with {dict(params)}")
    return StartedRun(dag_id=dag_id, run_id="manual__none")


def serve(port: int, user: str) -> None:
    """Serve until stopped."""
    page = create_app(
        database_url=os.environ["MODELSCOUT_DATABASE_URL"],
        current_caller=lambda: Caller(user, is_administrator=user == "root"),
        start_run=start_run,
        benchmarks=PageBenchmarks(Settings.from_environment()),
    )
    outer = FastAPI(lifespan=lambda _: page.router.lifespan_context(page), openapi_url=None)
    outer.mount("/modelscout", page)
    uvicorn.run(outer, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 8090, sys.argv[2] if len(sys.argv) > 2 else "root")
