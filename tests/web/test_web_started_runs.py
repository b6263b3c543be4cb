"""A run that somebody starts on the page is started in a real Airflow, as that person and with that person's rights."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from test_web_plugin import ROOT, run
from web_rows import ACME, GOOD_MODEL

from modelscout.warehouse.engine import open_engine

# In every run of the tests a person starts one on a real installation: tests/e2e/test_page_errands.py.
pytestmark = pytest.mark.verify

START = """
import json, os, shutil
from airflow.utils.db import initdb
initdb()
from airflow.api_fastapi.app import create_app
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from sqlalchemy import select

DagBundlesManager().sync_bundles_to_db()
sync_bag_to_db(DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]), "dags-folder", None)
RUNS = "/modelscout/api/v1/benchmarks/runs"
TESTS = "/modelscout/api/v1/organizations/acme/features/chat/prompt-tests"
result = {}
with TestClient(create_app()) as client:
    def ask(user, path, body):
        token = client.post("/auth/token", json={"username": user, "password": user + "-password"}).json()
        client.cookies.set("_token", token["access_token"])
        answer = client.post(path, json=body)
        client.cookies.clear()
        return [answer.status_code, answer.json()]
    asked = {"organizations": ["acme"], "models": ["openai/gpt-6-luna"], "trials": 2, "spend_limit_usd": "1.5"}
    result["admin"] = ask("admin", RUNS, asked)
    result["op"] = ask("op", RUNS, asked)
    result["anna"] = ask("anna", RUNS, asked)
    prompt = {"prompt": "a secret of the organization", "model_ids": ["MODEL"]}
    result["prompt"] = ask("op", TESTS, prompt)
with create_session() as session:
    runs = session.scalars(select(DagRun).order_by(DagRun.id))
    result["runs"] = [[r.run_id, r.run_type, r.triggering_user_name, r.conf] for r in runs]
print("RESULT" + json.dumps(result))
""".replace("MODEL", GOOD_MODEL)


@pytest.fixture(scope="module")
def started(filled_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    engine = open_engine(filled_url)
    with engine.begin() as connection:
        # In Airflow `op` may start DAGs, `anna` may only look; here both may change Acme.
        connection.execute(
            text(
                "INSERT INTO organization_members VALUES ('op', :acme, 'editor'), ('anna', :acme, 'editor') "
                "ON CONFLICT (user_name, organization_id) DO UPDATE SET role = 'editor'"
            ),
            {"acme": ACME},
        )
        for statement in (
            "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
            "VALUES (:acme, 'openai', 'llm__acme__openai', 'ok')",
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) VALUES (:acme, :model, 'available', now(), now(), now())",
            "UPDATE ai_models SET retires_on = NULL WHERE id = :model",
        ):
            connection.execute(text(statement), {"acme": ACME, "model": GOOD_MODEL})
    engine.dispose()
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "benchmark_models.py").write_text((ROOT / "dags" / "benchmark_models.py").read_text())
    return run(START, home, filled_url)


def test_the_run_is_the_persons_own(started: dict[str, Any]) -> None:
    status, body = started["admin"]
    assert status == 202, body
    [admins, ops] = [r for r in started["runs"] if not r[3].get("prompt_test")]
    assert admins[:3] == [body["dag_run_id"], "manual", "admin"]
    assert admins[3]["organizations"] == [ACME]
    assert (admins[3]["trials"], admins[3]["spend_limit_usd"]) == (2, 1.5)
    assert started["op"][0] == 202
    assert ops[2] == "op"


def test_who_may_start_no_dag_in_airflow_starts_none_here(started: dict[str, Any]) -> None:
    status, body = started["anna"]
    assert status == 403
    assert "Airflow's right to run this DAG" in body["detail"]
    assert "anna" not in {r[2] for r in started["runs"]}


def test_airflow_sees_the_id_of_a_prompt_and_nothing_of_it(started: dict[str, Any]) -> None:
    status, body = started["prompt"]
    assert status == 202, body
    assert body["status"] == "queued"
    [asked] = [r for r in started["runs"] if r[3].get("prompt_test")]
    assert asked[3] == {"prompt_test": body["id"], "organizations": [ACME]}
    assert asked[2] == "op"
