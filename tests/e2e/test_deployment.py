"""The compose file's topology on this machine: the night, who sees what, the health, the loss.

CeleryExecutor, FAB, two workers, a read-only root: as docker-compose.yaml has them.
One stack for all tests, which follow each other as a deployment's life does.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from e2e.conftest import FIXED_NOW
from modelscout.demo.airflow_api import AirflowApi
from modelscout.demo.expectations import check_recommendations
from modelscout.demo.launcher import BASE_PATHS, CHAIN, OTHERS, follow_chain
from modelscout.demo.night import emulator
from modelscout.demo.scenario import demo_keys
from modelscout.warehouse.engine import open_engine
from topology import container
from topology.stack import Stack

pytestmark = [pytest.mark.end_to_end, pytest.mark.verify, pytest.mark.timeout(1800)]
NOW = datetime.fromisoformat(FIXED_NOW)
EVERYTHING = (*CHAIN, *OTHERS)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A deployment with the demo's organizations, healthy, before its first night."""
    installed = subprocess.run(["sh", Path(__file__).parents[1] / "install_redis.sh"], check=True)
    if installed.returncode or shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed and could not be")
    if not container.is_possible():
        pytest.skip("this machine gives processes no mounts of their own (unshare)")
    with ExitStack() as cleanup:
        # Asked to end, the tests end what they started.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        cleanup.callback(signal.signal, signal.SIGTERM, before)
        stack = Stack({"MODELSCOUT_NOW": FIXED_NOW})
        cleanup.callback(stack.destroy)
        cleanup.callback(lambda: print(*(f"== {n}\n{stack.log(n, 15)}" for n in stack.processes), sep="\n"))
        stack.start_data()
        began = time.monotonic()
        done = stack.prepare()
        assert done.returncode == 0, done.stderr[-3000:]
        print(f"prepared in {time.monotonic() - began:.0f} s")
        _seed(stack, cleanup.enter_context(emulator(stack.airflow / "data", NOW)))
        print(f"healthy after {stack.start_airflow():.0f} s")
        yield stack


def _seed(stack: Stack, emulator_url: str) -> None:
    seeded = stack.run("scheduler", ["modelscout", "demo", "seed"])
    assert seeded.returncode == 0, seeded.stderr[-3000:]
    connections = {
        name: {"password": key, "host": emulator_url + BASE_PATHS[name.rpartition("__")[2]]}
        for name, key in demo_keys(stack.airflow / "data").items()
    }
    words = ["python", "-m", "modelscout.orchestration.bootstrap"]
    made = stack.run("scheduler", words, text=json.dumps(connections))
    assert made.returncode == 0, made.stderr[-3000:]


@pytest.fixture(scope="module")
def api(stack: Stack) -> Iterator[AirflowApi]:
    """The administrator's client."""
    api = AirflowApi(stack.url)
    api.log_in("admin", stack.variables["AIRFLOW_ADMIN_PASSWORD"])
    yield api
    api.close()


def findings(stack: Stack, **more: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit code of `deployment check`, and state and detail by part."""
    done = stack.run("scheduler", ["modelscout", "deployment", "check", "--json"], **more)
    assert done.stdout, done.stderr[-3000:]
    return done.returncode, {
        f["part"]: (f["state"], f["detail"]) for f in json.loads(done.stdout)["findings"]
    }


def recommendations(stack: Stack) -> list[dict[str, Any]]:
    done = stack.run("scheduler", ["modelscout", "recommendations", "--json"])
    assert done.returncode == 0, done.stderr[-3000:]
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_before_the_first_night_the_check_says_what_to_do(stack: Stack, api: AirflowApi) -> None:
    code, found = findings(stack)
    assert code == 1
    sick = {part for part, (state, _) in found.items() if state != "well"}
    assert sick == {"DAGs", "stage discovery", "stage rollup", "stage training", "stage publishing"}
    assert "discover_models" in found["DAGs"][1]


def test_every_dag_of_the_night_succeeds(stack: Stack, api: AirflowApi) -> None:
    words = ["airflow", "dags", "unpause", "--yes", "--treat-dag-id-as-regex", ".*"]
    unpaused = stack.run("scheduler", words)
    assert unpaused.returncode == 0, unpaused.stderr[-3000:]
    began, clock = datetime.now(UTC), time.monotonic()
    first = api.trigger("discover_models")
    with stack.watching_memory() as peak:
        runs = follow_chain(
            api, began, first, lambda line: print(f"{time.monotonic() - clock:6.1f} s {line}")
        )
    assert [api.failed_task_logs(run) for run in runs if run.state != "success"] == []
    print(f"the chain took {time.monotonic() - clock:.0f} s; most memory in MB: {peak}")
    for dag_id in OTHERS:
        api.trigger(dag_id)
    deadline = time.monotonic() + 240
    while {r.dag_id for r in api.runs_since(began) if r.state == "success"} < set(EVERYTHING):
        assert time.monotonic() < deadline, api.runs_since(began)
        time.sleep(1)
    assert check_recommendations(recommendations(stack), now=NOW) == []


def test_both_workers_worked(stack: Stack, api: AirflowApi) -> None:
    engine = open_engine(_superuser(stack, "airflow"))
    with engine.connect() as connection:
        hosts = set(connection.execute(text("SELECT DISTINCT hostname FROM task_instance")).scalars())
    engine.dispose()
    assert {"worker-1", "worker-2"} <= hosts


def test_the_check_names_the_refused_key_and_nothing_else(stack: Stack) -> None:
    code, found = findings(stack)
    assert code == 1
    assert {part for part, (state, _) in found.items() if state != "well"} == {"keys", "stage discovery"}
    assert "civic openai" in found["keys"][1]


def test_a_viewer_sees_the_page_and_the_menu_but_no_organization_of_others(stack: Stack) -> None:
    words = (
        "airflow users create --role Viewer --username anna --firstname A --lastname B --email a@example.com"
    )
    password = "a password for anna"
    made = stack.run("api-server", [*words.split(), "--password", password])
    assert made.returncode == 0, made.stderr[-3000:]
    with httpx2.Client(base_url=stack.url, trust_env=False, timeout=30) as client:
        assert client.get("/modelscout/").status_code == 401
        token = client.post("/auth/token", json={"username": "anna", "password": password})
        client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        assert client.get("/modelscout/").status_code == 200
        assert client.get("/modelscout/api/v1/recommendations").json()["items"] == []
        plugins = client.get("/api/v2/plugins")
        assert [p["name"] for p in plugins.json()["plugins"]] == ["modelscout"]
        assert (
            client.post("/api/v2/dags/discover_models/dagRuns", json={"logical_date": None}).status_code
            == 403
        )


def test_the_administrator_sees_every_organization(stack: Stack) -> None:
    body = {"username": "admin", "password": stack.variables["AIRFLOW_ADMIN_PASSWORD"]}
    with httpx2.Client(base_url=stack.url, trust_env=False, timeout=30) as client:
        client.headers["Authorization"] = (
            f"Bearer {client.post('/auth/token', json=body).json()['access_token']}"
        )
        rows = client.get("/modelscout/api/v1/recommendations").json()["items"]
    assert len(rows) == len(recommendations(stack))


def test_no_secret_stands_in_a_log_or_a_process_list(stack: Stack) -> None:
    secrets = {v for n, v in stack.variables.items() if "PASSWORD" in n or "SECRET" in n or "KEY" in n}
    secrets |= set(demo_keys(stack.airflow / "data").values())
    assert len(secrets) > 15
    logs = [
        *stack.folder.glob("*.log"),
        *(stack.airflow / "logs").rglob("*.log"),
        stack.folder / "postgres" / "log",
    ]
    assert len(logs) > 20
    for path in logs:
        written = path.read_text(encoding="utf-8", errors="replace")
        assert [path for secret in secrets if secret in written] == []
    ours = [
        p
        for q in stack.processes.values()
        for p in (psutil.Process(q.pid), *psutil.Process(q.pid).children(True))
    ]
    shown = "\n".join(" ".join(process.cmdline()) for process in ours)
    assert [secret for secret in secrets if secret in shown] == []


def test_preparing_a_running_deployment_again_changes_nothing_but_a_new_password(stack: Stack) -> None:
    before = _rows(stack)
    assert stack.prepare().returncode == 0
    assert _rows(stack) == before
    changed = stack.run("prepare", stack.services["prepare"].entrypoint, AIRFLOW_ADMIN_PASSWORD="another-one")
    assert "password set" in changed.stderr
    assert "another-one" not in changed.stderr + changed.stdout
    with httpx2.Client(base_url=stack.url, trust_env=False, timeout=30) as client:
        body = {"username": "admin", "password": "another-one"}
        assert client.post("/auth/token", json=body).status_code == 201
    assert stack.prepare().returncode == 0


def test_a_new_fernet_key_takes_over_from_the_old_one(stack: Stack) -> None:
    variable, old = "AIRFLOW__CORE__FERNET_KEY", stack.variables["AIRFLOW_FERNET_KEY"]
    new = Fernet.generate_key().decode()
    for keys, other in ((f"{new},{old}", new), (f"{old},{new}", old)):
        done = stack.run("scheduler", ["airflow", "rotate-fernet-key"], **{variable: keys})
        assert done.returncode == 0, done.stderr[-3000:]
        assert findings(stack, **{variable: other})[1]["connections"][0] == "well"
    assert findings(stack, **{variable: new})[1]["connections"][0] == "sick"


def test_old_metadata_can_be_cleaned_away(stack: Stack) -> None:
    words = "airflow db clean --yes --skip-archive --clean-before-timestamp 2026-01-01"
    done = stack.run("scheduler", words.split())
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_check_names_what_is_stopped(stack: Stack) -> None:
    stack.stop("worker-1", "worker-2")
    code, found = findings(stack)
    assert (code, found["workers"][0], found["scheduler"][0]) == (1, "sick", "well")
    stack.stop("redis")
    assert "broker does not answer" in findings(stack)[1]["workers"][1]
    stack.server.stop()
    code, found = findings(stack)
    assert (code, found["database"][0], found["stages"][0]) == (1, "sick", "unknown")
    assert found["airflow"][0] == "sick"
    stack.server.start()
    stack.start_redis()


def test_after_a_loss_a_backup_brings_back_the_same_recommendations(stack: Stack) -> None:
    backups = stack.folder / "backups"
    backups.mkdir()
    before, tables = recommendations(stack), _rows(stack)
    name = _script(stack, "backup.sh", str(backups)).strip()
    assert (backups / name).stat().st_mode & 0o77 == 0
    stack.stop()
    stack.server.destroy()
    stack.server.create()
    assert _script(stack, "restore.sh", str(backups), name).strip().endswith(f"restored {name}")
    assert recommendations(stack) == before
    assert _rows(stack) == tables
    done = stack.prepare()
    assert done.returncode == 0, done.stderr[-3000:]
    assert "0 migrations applied" in done.stderr
    assert "as it was" in done.stderr
    stack.start_redis()
    print(f"after the loss healthy again after {stack.start_airflow():.0f} s")
    found = findings(stack)[1]
    assert {part for part, (state, _) in found.items() if state != "well"} == {"keys", "stage discovery"}
    assert found["connections"][0] == "well"


def _script(stack: Stack, script: str, *arguments: str) -> str:
    path = Path(__file__).parents[2] / "deploy" / script
    done = subprocess.run(
        ["sh", path, *arguments],
        env=stack.server.client_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _superuser(stack: Stack, database: str) -> str:
    return (
        f"postgresql+psycopg://postgres@/{database}?host={stack.server.folder}&port={stack.ports['postgres']}"
    )


def _rows(stack: Stack) -> dict[str, str]:
    """A digest of tables that neither a second preparation nor a restore may change."""
    asked = {
        "airflow": ("ab_user", "ab_role", "ab_permission_view_role", "slot_pool", "connection"),
        "modelscout": (
            "ai_model_recommendations",
            "ai_model_analytics",
            "evidence_streams",
            "ai_usage_outcomes",
        ),
    }
    found = {}
    for database, tables in asked.items():
        engine = open_engine(_superuser(stack, database))
        with engine.connect() as connection:
            for table in tables:
                # Who logged in when is not of interest.
                statement = (
                    "SELECT count(*) || md5(string_agg(line, '' ORDER BY line)) FROM (SELECT (to_jsonb(t) "
                    f"- 'last_login' - 'login_count' - 'changed_on')::text AS line FROM {table} AS t) AS lines"
                )
                found[table] = str(connection.execute(text(statement)).scalar_one())
        engine.dispose()
    return found
