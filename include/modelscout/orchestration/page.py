"""Builds the page for the plugin, in Airflow's API server."""

from __future__ import annotations

import logging

from fastapi import FastAPI

from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings
from modelscout.orchestration.authentication import current_caller
from modelscout.orchestration.page_benchmarks import PageBenchmarks
from modelscout.orchestration.started_runs import start_run
from modelscout.web.app import create_app, create_notice_app

log = logging.getLogger(__name__)


def build_page() -> FastAPI:
    """The page on the warehouse of `MODELSCOUT_DATABASE_URL`.

    Where a setting is missing or wrong, a page that says so: the API server serves Airflow too and must start.
    """
    try:
        settings = Settings.from_environment()
        return create_app(
            database_url=settings.database_url,
            current_caller=current_caller,
            start_run=start_run,
            benchmarks=PageBenchmarks(settings),
        )
    except ConfigurationError as error:
        log.error("Modelscout's page is not available: %s", error)  # noqa: TRY400  # The message says it all.
        return create_notice_app(notice=str(error), current_caller=current_caller)
