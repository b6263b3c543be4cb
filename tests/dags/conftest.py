"""An Airflow of its own for these tests: the environment stands before anything imports airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
DAGS = REPOSITORY / "dags"
HOME = Path(tempfile.mkdtemp(prefix="msairflow"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
ENVIRONMENT = {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(HOME / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}

# Collected with other tests in one process, something may have been first; then these settings would come too late.
if "airflow" not in sys.modules:
    (HOME / "plugins").mkdir()
    os.environ.update(ENVIRONMENT)


@pytest.fixture(scope="session")
def metadata() -> None:
    """An initialised metadata database, once per session."""
    from airflow.utils.db import initdb

    assert os.environ.get("AIRFLOW_HOME") == str(HOME), "airflow was imported before tests/dags/conftest.py"
    initdb()


@pytest.fixture(scope="session")
def bag(metadata: None) -> Any:
    """All DAGs of the project, parsed as the DAG processor does."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))
