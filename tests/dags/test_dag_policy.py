"""What every DAG of the project keeps to."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pendulum
import pytest

DAGS = Path(__file__).parents[2] / "dags"
FILES = sorted(DAGS.glob("*.py"))
NAMES = [path.stem for path in FILES]
# Who waits for what, and what each updates: the table of the design.
CHAIN: dict[str, tuple[set[str], set[str]]] = {
    "discover_models": (set(), {"ai_models"}),
    "test_model_capabilities": ({"ai_models"}, {"ai_model_capabilities"}),
    "benchmark_models": ({"ai_model_capabilities"}, {"ai_model_benchmarks"}),
    "roll_up_model_analytics": ({"ai_models"}, {"ai_model_analytics"}),
    "train_recommender": ({"ai_model_analytics", "ai_model_benchmarks"}, {"recommender"}),
    "publish_recommendations": ({"recommender"}, {"ai_model_recommendations"}),
    "review_adoption": ({"ai_model_recommendations"}, set()),
    "roll_up_recent_usage": (set(), set()),
    "maintain_warehouse": (set(), set()),
}
CRONS = {
    "discover_models": "0 2 * * *",
    "maintain_warehouse": "30 1 * * *",
    "roll_up_model_analytics": "0 0 * * *",
    "roll_up_recent_usage": "15 * * * *",
    "train_recommender": "0 7 * * *",
}
MODULE_LEVEL = {
    "modelscout.orchestration.assets",
    "modelscout.orchestration.defaults",
    "modelscout.orchestration.approval",
    "modelscout.orchestration.params",
}
TAGS = {"modelscout", "nightly", "hourly", "manual"}


def as_the_scheduler_sees(dag: Any) -> dict[str, Any]:
    from airflow.serialization.serialized_objects import DagSerialization

    timetable: dict[str, Any] = DagSerialization.to_dict(dag)["dag"]["timetable"]
    return timetable


def waited_for(dag: Any) -> tuple[str | None, set[str]]:
    """How the assets are combined, and their names."""
    condition = as_the_scheduler_sees(dag)["__var"].get("asset_condition")
    if condition is None:
        return None, set()
    if condition["__type"] == "asset":
        return "asset_all", {condition["name"]}
    return condition["__type"], {o["name"] for o in condition["objects"]}


def test_all_files_import_and_each_is_one_dag_of_its_name(bag: Any) -> None:
    assert bag.import_errors == {}
    assert sorted(bag.dags) == NAMES == sorted(CHAIN)
    assert all(Path(dag.fileloc).stem == dag.dag_id for dag in bag.dags.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_dag_says_what_it_is(bag: Any, name: str) -> None:
    dag = bag.dags[name]
    assert dag.description
    assert len(dag.doc_md) > 80
    assert dag.doc_md == ast.get_docstring(ast.parse((DAGS / f"{name}.py").read_text()), clean=False)
    assert "modelscout" in dag.tags
    assert set(dag.tags) <= TAGS
    for task in dag.tasks:
        assert task.owner == "modelscout"
        assert task.doc or task.python_callable.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_a_dag_runs_when_it_should_and_never_beside_itself(bag: Any, name: str) -> None:
    dag = bag.dags[name]
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    # With one, Airflow runs the last missed tick as soon as the DAG is unpaused, and the chain twice.
    assert dag.start_date is None
    timetable = as_the_scheduler_sees(dag)
    assert not timetable["__type"].endswith(("NullTimetable", "OnceTimetable", "ContinuousTimetable"))
    cron = timetable["__var"].get("timetable", timetable)["__var"].get("expression")
    assert cron == CRONS.get(name)


@pytest.mark.parametrize("name", sorted(CRONS))
def test_a_dag_that_is_unpaused_right_after_its_time_waits_for_the_next(bag: Any, name: str) -> None:
    """As the scheduler reads it back from its serialized form, an hour at most after the tick."""
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    timetable = DagSerialization.from_dict(
        json.loads(json.dumps(DagSerialization.to_dict(bag.dags[name])))
    ).timetable
    minute, hour, *_ = CRONS[name].split()
    now = pendulum.datetime(2026, 11, 30, 3 if hour == "*" else int(hour), int(minute), tz="UTC").add(
        minutes=4
    )
    with mock.patch("airflow.timetables.trigger.utcnow", return_value=now):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=None,
            restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
        )
    assert info is not None
    assert info.run_after > now


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_tried_again_later_and_later(bag: Any, name: str) -> None:
    for task in bag.dags[name].tasks:
        assert task.retries >= 1
        assert task.retry_exponential_backoff
        assert task.max_retry_delay is not None


def test_the_chain_is_that_of_the_design(bag: Any) -> None:
    found = {}
    for name, dag in bag.dags.items():
        how, waits = waited_for(dag)
        assert how in (None, "asset_all"), f"{name} would run once for each of its assets"
        found[name] = (waits, {asset.name for task in dag.tasks for asset in task.outlets})
    assert found == CHAIN


def test_assets_are_unique_each_with_one_producer_and_somebody_who_waits(bag: Any) -> None:
    from airflow.sdk import Asset

    from modelscout.orchestration import assets

    declared = [value for value in vars(assets).values() if isinstance(value, Asset)]
    names = [asset.name for asset in declared]
    assert len(set(names)) == len(names) == len({asset.uri for asset in declared})
    produced = [a.name for dag in bag.dags.values() for task in dag.tasks for a in task.outlets]
    assert sorted(produced) == sorted(names), (
        "an asset has no producer, or two that would start the rest twice"
    )
    assert set(names) == {name for dag in bag.dags.values() for name in waited_for(dag)[1]}


def test_the_asset_is_updated_by_the_last_task(bag: Any) -> None:
    for dag in bag.dags.values():
        for task in dag.tasks:
            if task.outlets:
                assert task.downstream_task_ids == set(), (
                    f"{dag.dag_id}.{task.task_id} tells before all is done"
                )


def test_tasks_that_call_providers_wait_in_a_pool_that_exists(bag: Any) -> None:
    from modelscout.orchestration.assets import POOLS

    used = {task.pool for dag in bag.dags.values() for task in dag.tasks}
    assert used - {"default_pool"} == set(POOLS)
    calling = {"discover_openai", "probe", "run_suites", "replay_workloads", "measure_speed"}
    tasks = {task.task_id: task for dag in bag.dags.values() for task in dag.tasks}
    assert all(tasks[name].pool != "default_pool" for name in calling)


def test_one_organizations_failure_does_not_end_the_chain(bag: Any) -> None:
    for dag in bag.dags.values():
        for task in dag.tasks:
            upstream = [dag.task_dict[name] for name in task.upstream_task_ids]
            if task.outlets and any(t.is_mapped for t in upstream):
                assert task.trigger_rule == "all_done_min_one_success"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_file_is_wiring_only(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 120
    tree = ast.parse(path.read_text())
    for node in tree.body:
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        stray = {n for n in names if n.split(".")[0] == "modelscout"} - MODULE_LEVEL
        assert not stray, f"{path.name} imports {stray} at module level"


def test_files_parse_fast_and_light() -> None:
    program = Path(__file__).with_name("parse_times.py")
    output = subprocess.run(
        [sys.executable, program, *FILES], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    measured = json.loads(output.splitlines()[-1])
    assert set(measured) == {path.name for path in FILES}
    slow = {name: m["seconds"] for name, m in measured.items() if m["seconds"] >= 0.5}
    assert slow == {}
    allowed = MODULE_LEVEL | {"modelscout.orchestration"}
    assert {m for result in measured.values() for m in result["modelscout"]} <= allowed
    assert {h for result in measured.values() for h in result["heavy"]} == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": "openai/gpt-6-luna"},
        {"models": ["gpt-6-luna"]},
        {"organizations": [1]},
        {"features": "chat"},
        {"suites": "yes"},
        {"replay": None},
        {"spend_limit_usd": -1},
        {"spend_limit_usd": "five"},
        {"seed": 1.5},
        {"seed": -1},
    ],
    ids=str,
)
def test_the_form_refuses_what_has_the_wrong_type(bag: Any, wrong: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    params = bag.dags["benchmark_models"].params
    form = type(params)({k: params.get_param(k) for k in params})
    with pytest.raises(ParamValidationError, match=f"Invalid input for param {next(iter(wrong))}"):
        form.update(wrong)


def test_the_form_takes_what_is_right_and_its_own_defaults(bag: Any) -> None:
    params = bag.dags["benchmark_models"].params
    defaults = params.validate()
    assert defaults == {
        "organizations": None, "models": None, "features": None, "about": "all", "suites": True, "replay": True,
        "trials": 1, "spend_limit_usd": None, "seed": None, "prompt_test": None,
    }  # fmt: skip
    form = type(params)({k: params.get_param(k) for k in params})
    form.update(
        {"models": ["openai/gpt-6-luna"], "organizations": ["acme"], "spend_limit_usd": 2.5, "seed": 7}
    )
    assert form.validate()["spend_limit_usd"] == 2.5
    assert all(params.get_param(name).schema.get("title") for name in params)


def test_the_dags_know_every_provider_that_has_an_adapter() -> None:
    from modelscout.orchestration.assets import PROVIDERS
    from modelscout.providers.registry import provider_modules

    assert set(PROVIDERS) == set(provider_modules())
