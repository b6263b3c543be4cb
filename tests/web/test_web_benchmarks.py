"""Benchmark runs on the page and in the API: who sees which, who starts and cancels, what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from feature_rows import ACME_RUN, BETA_RUN, EDITH, NIGHT_RUN, add
from sqlalchemy import Engine, text
from web_rows import ACME, ADMINISTRATOR, ANNA, HOSTILE, STARTED, STRANGER, ClientFor

from modelscout.warehouse.engine import open_engine

RUNS = "/api/v1/benchmarks/runs"
ASKED = {"organizations": ["acme"], "models": ["openai/gpt-6-luna"], "spend_limit_usd": "1.25"}


@pytest.fixture(scope="module", autouse=True)
def rows(filled_url: str) -> Iterator[Engine]:
    engine = open_engine(filled_url)
    with engine.begin() as connection:
        add(connection)
    yield engine
    engine.dispose()


def test_runs_of_other_organizations_do_not_exist(client_for: ClientFor) -> None:
    assert [r["id"] for r in client_for(EDITH).get(RUNS).json()["items"]] == [ACME_RUN, NIGHT_RUN]
    assert {r["id"] for r in client_for(ADMINISTRATOR).get(RUNS).json()["items"]} >= {ACME_RUN, BETA_RUN}
    assert [r["id"] for r in client_for(STRANGER).get(RUNS).json()["items"]] == [NIGHT_RUN]
    for path in (f"{RUNS}/{BETA_RUN}", f"/benchmarks/{BETA_RUN}"):
        assert client_for(EDITH).get(path).status_code == 404
    assert client_for(EDITH).post(f"{RUNS}/{BETA_RUN}/cancel", json={}).status_code == 404


def test_the_night_shows_each_his_own_and_the_suites(client_for: ClientFor) -> None:
    report = client_for(EDITH).get(f"{RUNS}/{NIGHT_RUN}").json()
    assert {m["feature"] for m in report["models"]} == {HOSTILE, "chat"}
    assert (report["done"], report["planned"]) == (2, None)
    [suite] = [m for m in report["models"] if m["source"] == "platform"]
    assert (suite["score"], suite["n"]) == (1.0, 1)
    assert suite["score_low"] < 0.5
    page = client_for(EDITH).get(f"/benchmarks/{NIGHT_RUN}").text
    assert "beta-only" not in page
    assert "7.77" not in page
    everything = client_for(ADMINISTRATOR).get(f"{RUNS}/{NIGHT_RUN}").json()
    assert "beta-only" in {m["feature"] for m in everything["models"]}


@pytest.mark.parametrize("path", ["/benchmarks", f"/benchmarks/{ACME_RUN}", f"/benchmarks/{NIGHT_RUN}"])
def test_hostile_texts_are_inert(client_for: ClientFor, path: str) -> None:
    page = client_for(EDITH).get(path).text
    assert HOSTILE not in page
    assert "<img src=x" not in page
    assert " style=" not in page


def test_a_run_starts_for_organizations_that_one_may_change(client_for: ClientFor, rows: Engine) -> None:
    client = client_for(EDITH)
    cost = client.post("/api/v1/benchmarks/estimate", json=ASKED).json()
    assert cost["spend_limit_usd"] == "1.25"
    assert cost["calls"] > 0
    answer = client.post(RUNS, json=ASKED)
    assert answer.status_code == 202
    dag_id, params = STARTED[-1]
    assert dag_id == "benchmark_models"
    assert (params["organizations"], params["spend_limit_usd"]) == ([ACME], 1.25)
    run_id = answer.json()["run_id"]
    report = client.get(f"{RUNS}/{run_id}").json()
    assert (report["status"], report["started_by"], report["organizations"]) == ("queued", "edith", ["acme"])
    assert client.get(f"/benchmarks/{run_id}").status_code == 200
    assert client_for(STRANGER).get(f"{RUNS}/{run_id}").status_code == 404
    with rows.connect() as connection:
        logged = connection.execute(
            text(
                "SELECT actor, subject FROM audit_log WHERE action = 'start_benchmark' AND organization_id = :o"
            ),
            {"o": ACME},
        ).all()
    assert (("edith", run_id)) in [tuple(row) for row in logged]


@pytest.mark.parametrize("path", [RUNS, "/api/v1/benchmarks/estimate"])
def test_who_may_not_start(client_for: ClientFor, path: str) -> None:
    before = len(STARTED)
    assert client_for(ANNA).post(path, json=ASKED).status_code == 403
    assert client_for(EDITH).post(path, json=ASKED | {"organizations": ["beta"]}).status_code == 404
    assert client_for(EDITH).post(path, json=ASKED | {"organizations": ["acme", "beta"]}).status_code == 404
    nobody = client_for(EDITH).post(path, json=ASKED | {"organizations": []})
    assert (nobody.status_code, "only an administrator" in nobody.json()["detail"]) == (422, True)
    text_body = client_for(EDITH).post(path, content="{}", headers={"content-type": "text/plain"})
    assert text_body.status_code == 415
    assert len(STARTED) == before


def test_a_run_is_cancelled_once_and_by_whom_is_kept(client_for: ClientFor, rows: Engine) -> None:
    assert client_for(ANNA).post(f"{RUNS}/{ACME_RUN}/cancel", json={}).status_code == 403
    assert client_for(EDITH).post(f"{RUNS}/{NIGHT_RUN}/cancel", json={}).status_code == 409
    done = client_for(EDITH).post(f"{RUNS}/{ACME_RUN}/cancel", json={}).json()
    assert (done["status"], done["decided_by"], done["may_cancel"]) == ("cancelled", "edith", False)
    assert client_for(EDITH).post(f"{RUNS}/{ACME_RUN}/cancel", json={}).status_code == 409
    with rows.connect() as connection:
        entry = connection.execute(
            text(
                "SELECT actor, before ->> 'status', after ->> 'status' FROM audit_log WHERE action = 'cancel_benchmark'"
            )
        ).one()
    assert tuple(entry) == ("edith", "running", "cancelled")
