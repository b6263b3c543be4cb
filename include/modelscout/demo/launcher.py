"""Behind `make run`, `make up` and `make down`: the whole nightly flow on this machine, and nothing left after."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError, ModelscoutError
from modelscout.core.settings import data_folder
from modelscout.demo import processes
from modelscout.demo.airflow_api import AirflowApi, DagRunState
from modelscout.demo.dotenv import provider_keys, read_dotenv
from modelscout.demo.instance import PROJECT_ROOT, Instance, airflow_environment, open_instance
from modelscout.demo.postgres import Databases, make_nightly_role, start_postgres, stop_postgres
from modelscout.demo.profile import Swap, write_emulator_files
from modelscout.demo.report import print_report
from modelscout.demo.scenario import ORGANIZATIONS, demo_keys, secret_reference
from modelscout.demo.seed import seed
from modelscout.recommender.read import list_alerts, list_recommendations
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import upgrade

CHAIN = (
    "discover_models",
    "test_model_capabilities",
    "benchmark_models",
    "roll_up_model_analytics",
    "train_recommender",
    "publish_recommendations",
    "review_adoption",
)
OTHERS = ("maintain_warehouse", "roll_up_recent_usage")
BASE_PATHS = {"openai": "/openai/v1", "anthropic": "/anthropic", "google": "/gemini", "clarifai": "/clarifai"}
NEEDED_DISK_BYTES = 2 * 1024**3
HEALTH_TIMEOUT_S = 240.0
CHAIN_TIMEOUT_S = 1200.0


@dataclass
class Launch:
    """One launch: where it lives, what it says, when it began."""

    instance: Instance
    console: Console
    began: float
    stay: bool

    def say(self, line: str) -> None:
        """One line of progress with the seconds since the start."""
        self.console.print(f"[dim]{time.monotonic() - self.began:6.1f} s[/dim]  {line}", highlight=False)


def run(*, stay: bool) -> int:
    """Start everything, run the nightly flow, print the recommendations; stop all of it unless `stay`.

    Returns 0, 1 where a DAG failed, 2 where something is not as needed.
    """
    console = Console(soft_wrap=False, width=None if sys.stdout.isatty() else 190)
    folder = data_folder()
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        _check_machine(folder)
        left = processes.stop_all(folder)
        launch = Launch(open_instance(folder, os.environ), console, time.monotonic(), stay)
        if left:
            launch.say(f"stopped {left} processes that an earlier run left behind")
        code = _run(launch)
    except ModelscoutError as error:
        console.print(f"[red]modelscout: {error}[/red]")
        code = 2
    except KeyboardInterrupt:
        console.print("interrupted; stopping what was started")
        code = 130
    if not (stay and code == 0):
        _stop(folder)
    return code


def down() -> int:
    """Stop every process of this installation."""
    count = _stop(data_folder())
    print(
        f"stopped {count} processes and the database"
        if count
        else "stopped; nothing but the database was running"
    )
    return 0


def _run(launch: Launch) -> int:
    moment = now()
    instance = launch.instance
    databases = start_postgres(instance.folder / "postgres")
    launch.say("Postgres is up")
    environment = airflow_environment(instance, databases.metadata_url, databases.nightly_url)
    keys = demo_keys(instance.folder)
    real = provider_keys(read_dotenv(PROJECT_ROOT / ".env"))
    preparing = _start_bootstrap(environment, _connections(instance, keys, real))
    _start_emulator(launch, environment, keys, moment)
    _prepare_warehouse(launch, databases, moment)
    _finish_bootstrap(preparing)
    launch.say("warehouse, pools and connections are ready")
    api = _start_airflow(launch, environment)
    try:
        return _run_chain(launch, api, databases)
    finally:
        api.close()


def _connections(
    instance: Instance, keys: Mapping[str, str], real: Mapping[str, str]
) -> dict[str, dict[str, str | None]]:
    """Per organization and provider: the real key where `.env` has one, else the emulator's."""
    connections: dict[str, dict[str, str | None]] = {}
    for organization in ORGANIZATIONS:
        for grant in organization.keys:
            provider = str(grant.provider)
            reference = secret_reference(organization.slug, provider)
            if provider in real:
                connections[reference] = {"password": real[provider], "host": None}
            else:
                host = instance.emulator_url + BASE_PATHS[provider]
                connections[reference] = {"password": keys[reference], "host": host}
    return connections


def _start_bootstrap(
    environment: Mapping[str, str], connections: Mapping[str, Any]
) -> tuple[subprocess.Popen[str], threading.Thread, list[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "modelscout.orchestration.bootstrap", "--settle-leftovers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        text=True,
        start_new_session=True,
    )
    output: list[str] = []
    # Read beside everything else: a full pipe would stop the process.
    reader = threading.Thread(
        target=lambda: output.append(process.communicate(json.dumps(connections))[0]), daemon=True
    )
    reader.start()
    return process, reader, output


def _finish_bootstrap(started: tuple[subprocess.Popen[str], threading.Thread, list[str]]) -> None:
    process, reader, output = started
    reader.join(timeout=HEALTH_TIMEOUT_S)
    if process.returncode != 0:
        tail = "\n".join("".join(output).splitlines()[-20:])
        raise ModelscoutError(f"preparing Airflow failed:\n{tail}")


def _start_emulator(
    launch: Launch, environment: Mapping[str, str], keys: Mapping[str, str], moment: datetime
) -> None:
    folder = launch.instance.folder / "emulator"
    profile, answers = write_emulator_files(folder, moment, keys, swap=Swap.from_environment())
    command = [sys.executable, "-m", "modelscout.emulator", "--host", "127.0.0.1"]
    command += [
        "--port",
        str(launch.instance.emulator_port),
        "--profile",
        str(profile),
        "--answers",
        str(answers),
    ]
    processes.start(command, folder=launch.instance.folder, log=folder / "emulator.log", env=environment)
    launch.say(f"emulator of the provider APIs on {launch.instance.emulator_url}")


def _prepare_warehouse(launch: Launch, databases: Databases, moment: datetime) -> None:
    applied = upgrade(databases.owner_url)
    make_nightly_role(databases.owner_url)
    launch.say(f"warehouse upgraded ({len(applied)} migrations applied)")
    seed(
        databases.owner_url,
        now=moment,
        data_folder=launch.instance.folder,
        swap=Swap.from_environment(),
        progress=launch.say,
    )


def _start_airflow(launch: Launch, environment: Mapping[str, str]) -> AirflowApi:
    instance = launch.instance
    started = datetime.now(UTC)
    env = dict(environment)
    # standalone starts `airflow …`: it must be the one of this environment.
    env["PATH"] = f"{Path(sys.executable).parent}:{env.get('PATH', '')}"
    log = instance.folder / "airflow" / "standalone.log"
    process = processes.start(
        [str(Path(sys.executable).parent / "airflow"), "standalone"], folder=instance.folder, log=log, env=env
    )
    api = AirflowApi(instance.page_url)
    deadline = time.monotonic() + HEALTH_TIMEOUT_S
    while not api.healthy():
        if process.poll() is not None:
            raise ModelscoutError(f"Airflow stopped while starting; the end of {log}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise ModelscoutError(f"Airflow is not healthy after {HEALTH_TIMEOUT_S:.0f} s; see {log}")
        time.sleep(0.5)
    launch.say(f"Airflow is up on {instance.page_url}")
    api.log_in("admin", instance.password())
    while not api.parsed_since(started) >= {*CHAIN, *OTHERS}:
        errors = api.import_errors()
        if errors:
            raise ModelscoutError("DAG files do not load:\n" + "\n".join(errors))
        if time.monotonic() > deadline:
            raise ModelscoutError("the DAG files were not read in time; see " + str(log))
        time.sleep(0.5)
    return api


def _run_chain(launch: Launch, api: AirflowApi, databases: Databases) -> int:
    for dag_id in (*reversed(CHAIN), *OTHERS):
        api.unpause(dag_id)
    began = datetime.now(UTC)
    first = api.trigger("discover_models")
    launch.say("discover_models started; assets trigger the rest")
    runs = follow_chain(api, began, first, launch.say)
    failed = [r for r in runs if r.state == "failed"]
    for failure in failed:
        launch.console.print(f"[red]{failure.dag_id} failed[/red]", highlight=False)
        launch.console.print(api.failed_task_logs(failure), markup=False, highlight=False)
    if failed:
        return 1
    _print_results(launch, databases)
    return 0


def follow_chain(
    api: AirflowApi, began: datetime, first: str, say: Callable[[str], None]
) -> list[DagRunState]:
    """Follow the runs that the run `first` of discover_models leads to until all have ended, or one failed.

    `say` is called with every change. Raises ModelscoutError where they do not end in time.
    """
    seen: dict[str, str] = {}
    deadline = time.monotonic() + CHAIN_TIMEOUT_S
    while time.monotonic() < deadline:
        runs = [r for r in api.runs_since(began) if r.asset_triggered or r.run_id == first]
        for r in runs:
            if seen.get(r.run_id + r.dag_id) != r.state:
                seen[r.run_id + r.dag_id] = r.state
                say(f"{r.dag_id}: {r.state}")
        done = {r.dag_id for r in runs if r.state == "success"}
        if any(r.state == "failed" for r in runs) or done >= set(CHAIN):
            return runs
        time.sleep(0.7)
    raise ModelscoutError(f"the nightly flow did not end within {CHAIN_TIMEOUT_S:.0f} s; last states: {seen}")


def _print_results(launch: Launch, databases: Databases) -> None:
    engine = open_engine(databases.nightly_url)
    recommendations, alerts = list_recommendations(engine), list_alerts(engine)
    engine.dispose()
    print_report(recommendations, alerts, launch.console)
    page = f"{launch.instance.page_url}/plugin/modelscout"
    password = launch.instance.folder / "admin_password"
    if launch.stay:
        lines = [
            f"Running. The page: {page} (user admin, password in {password}).",
            f"The modelscout command in this shell: set -a; . {launch.instance.folder}/environment; set +a",
            "`make down` stops it.",
        ]
    else:
        lines = [f"The page: `make up`, then {page} (user admin, password in {password})."]
    lines.append("Real providers: cp .env.example .env, write your keys into it and run again.")
    launch.console.print("", *lines, sep="\n", highlight=False, soft_wrap=True)


def _check_machine(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < NEEDED_DISK_BYTES:
        raise ConfigurationError(
            f"{folder} has {free / 1024**3:.1f} GiB free: at least 2 GiB are needed, "
            "free some or set MODELSCOUT_DATA_DIR"
        )


def _stop(folder: Path) -> int:
    count = processes.stop_all(folder)
    stop_postgres(folder / "postgres")
    return count


def _tail(path: Path, lines: int = 30) -> str:
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
