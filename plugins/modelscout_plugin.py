"""Registers the page with Airflow. Every Airflow process loads this file, so it imports nothing of its own."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)


class ModelscoutPlugin(AirflowPlugin):
    """The page at /modelscout/, shown in the Airflow UI at /plugin/modelscout."""

    name = "modelscout"
    # No leading slash: Airflow's UI resolves it against its base path.
    external_views: ClassVar[list[Any]] = [  # type: ignore[misc]
        {
            "name": "Modelscout",
            "href": "modelscout/",
            "destination": "nav",
            "url_route": "modelscout",
            "nav_top_level": True,
        }
    ]

    # Airflow asks a plugin for its apps only where it serves them (`init_plugins` in the API server) or lists
    # them (`airflow plugins`): scheduler, DAG processor, triggerer and tasks never evaluate this.
    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The app under its prefix; none where it cannot be loaded, because the API server must start anyway."""
        try:
            from modelscout.orchestration.page import build_page
        except ImportError:
            log.exception("Modelscout's page cannot be loaded: install modelscout[web] for this Airflow")
            return []
        return [{"app": build_page(), "url_prefix": "/modelscout", "name": "Modelscout"}]
