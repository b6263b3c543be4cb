"""`modelscout backtest` on files whose truth is known, and on real outcomes where they are there."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelscout.cli import main
from modelscout.recommender.outcomes import read_outcomes
from modelscout.recommender.routing import curve, route_by_task

DATA = Path(__file__).parents[4] / "shared" / "data"
Answer = Callable[[np.random.Generator, str, str], tuple[float, float]]
"""(rng, task, model) -> success and cost of one call."""


def write(path: Path, answer: Answer, *, tasks: Sequence[str], models: Sequence[str], items: int) -> Path:
    rng = np.random.default_rng(3)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["dataset", "task", "query_id", "model", "trial", "success", "cost_usd"])
        for task in tasks:
            for item in range(items):
                for model in models:
                    success, cost = answer(rng, task, model)
                    lines.writerow(["made", task, item, model, 0, int(success), "" if cost < 0 else cost])
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["backtest", *map(str, arguments), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def chance(probability: float, cost: float) -> Callable[[np.random.Generator], tuple[float, float]]:
    return lambda rng: (float(rng.random() < probability), cost)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On `easy` the cheap model is as good, on `hard` it is much worse; `dear` is good and dear everywhere."""

    def answer(rng: np.random.Generator, task: str, model: str) -> tuple[float, float]:
        quality = {"cheap": 0.97 if task == "easy" else 0.6, "incumbent": 0.97, "dear": 0.98}[model]
        return float(rng.random() < quality), {"cheap": 0.001, "incumbent": 0.01, "dear": 0.1}[model]

    return write(
        tmp_path_factory.mktemp("outcomes") / "made.csv",
        answer,
        tasks=("easy", "hard"),
        models=("cheap", "incumbent", "dear"),
        items=3000,
    )


def test_it_switches_where_the_cheap_model_is_as_good_and_only_there(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, file, "--incumbent", "incumbent", "--margin", 0.05, "--seeds", 4)
    assert [r["seed"] for r in found["runs"]] == [0, 1, 2, 3]
    for one in found["runs"]:
        assert one["incumbent"] == "incumbent"
        assert one["verdicts"] == {"keep": 1, "switch": 1}
        [switch] = one["switches"]
        assert (switch["task"], switch["to"], switch["n_held_out"]) == ("easy", "cheap", 1500)
        assert switch["saving_fraction"] == pytest.approx(0.9)
        assert abs(switch["quality_change"]) < 0.03
        assert switch["violates_margin"] is False
        # Half of the spend is the other task's.
        assert one["saving_fraction"] == pytest.approx(0.45)
        assert one["quality_change"] == pytest.approx(switch["quality_change"] / 2)


def test_the_baselines_have_the_same_form_and_the_oracle_is_the_upper_end(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(capsys, file, "--incumbent", "dear", "--margin", 0.05, "--seeds", 2)
    baselines = found["baselines"]
    assert set(baselines) == {"stay", "cheapest_within_margin", "one_model", "one_model_every_task", "oracle"}
    for runs in baselines.values():
        assert [set(r) for r in runs] == [set(r) for r in found["runs"]]
    assert all(r["saving_fraction"] == 0 and not r["switches"] for r in baselines["stay"])
    best = found["summary"]["baselines"]["oracle"]["saving_fraction"]
    assert found["summary"]["recommender"]["saving_fraction"] <= best + 1e-9
    assert found["summary"]["power"]["possible"] == 4


def test_the_same_seeds_give_the_same_answer_and_others_another(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(capsys, file, "--seeds", 2, "--incumbent", "incumbent")
    assert first == run(capsys, file, "--seeds", 2, "--incumbent", "incumbent")
    changes = [r["switches"][0]["quality_change"] for r in first["runs"] if r["switches"]]
    assert len(set(changes)) == len(changes)


def test_without_costs_it_looks_for_quality_and_says_nothing_of_savings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quality = {"poor": 0.5, "good": 0.9}
    path = write(
        tmp_path / "free.csv",
        lambda rng, _task, model: (float(rng.random() < quality[model]), -1.0),
        tasks=("t",),
        models=("poor", "good"),
        items=600,
    )
    found = run(capsys, path, "--seeds", 2)
    by_incumbent = {r["incumbent"]: r for r in found["runs"]}
    [switch] = by_incumbent["poor"]["switches"]
    assert (switch["to"], switch["saving_fraction"]) == ("good", None)
    assert switch["quality_change"] > 0.3
    assert by_incumbent["poor"]["saving_fraction"] is None
    assert by_incumbent["good"]["verdicts"] == {"keep": 1}
    priced = run(capsys, path, "--seeds", 1, "--cost", "poor=1", "--cost", "good=0.1", "--incumbent", "poor")
    assert priced["summary"]["objective"] == "cost"
    assert priced["runs"][0]["saving_fraction"] == pytest.approx(0.9)


def test_trials_of_an_item_are_one_item(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Asking each of 40 items fifty times is no evidence of 2,000 items."""
    path = tmp_path / "trials.csv"
    rng = np.random.default_rng(4)
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["task", "query_id", "model", "trial", "success", "cost_usd"])
        for item in range(40):
            for trial in range(50):
                lines.writerow(["t", item, "old", trial, 1, 1.0])
                lines.writerow(["t", item, "new", trial, int(rng.random() < 0.995), 0.1])
    [task] = read_outcomes(path)
    assert task.scores.shape == (40, 2)
    found = run(capsys, path, "--incumbent", "old", "--holdout", 0.2, "--seeds", 3)
    assert found["summary"]["verdicts"] == {"trial": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "its header needs task, query_id, model and success or score"),
        ("task,query_id,model,success\nt,1,m,maybe\n", "success='maybe' in line 2 is not a number"),
        (
            "task,query_id,model,success\nt,1,m,1\nt,1,n,3\n",
            "score 3.0 in line 3: scores lie between 0 and 1",
        ),
        ("task,query_id,model,success\nt,,m,1\n", "line 2 has no task, query_id or model"),
        ("task,query_id,model,success\nt,1,m,1\n", "no task has outcomes of two models"),
        ("task,query_id,model,success\n", "no task has outcomes of two models"),
        ("", "is not a CSV file of outcomes"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(text, encoding="utf-8")
    assert main(["backtest", str(path)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--incumbent", "nobody"), "no such model; there are cheap, dear, incumbent"),
        (("--cost", "nobody=1"), "has no such model"),
        (("--margin", "0"), "give a share between 0 and 1"),
        (("--holdout", "1"), "give a share between 0 and 1"),
        (("--seeds", "0"), "give at least 1"),
    ],
)
def test_an_option_that_cannot_be_used_says_why(
    arguments: tuple[str, ...], message: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", str(file), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_for_people_it_prints_a_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(file), "--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "cheapest within margin" in printed
    assert "Verdicts: " in printed


def test_the_curve_of_a_perfect_order_and_of_none() -> None:
    strong, weak = np.ones(100), np.repeat([1.0, 0.0], 50)
    perfect = curve(np.repeat([0.0, 1.0], 50), strong, weak)
    assert (perfect.cpt50, perfect.cpt80, perfect.apgr) == pytest.approx((0.25, 0.4, 0.75))
    nothing = curve(np.zeros(100), strong, weak)
    assert nothing == pytest.approx((0.5, 0.8, 0.5))


# Real outcomes

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="shared data are not beside the repository")


@needs_data
def test_labels_per_subject_beat_the_published_routers() -> None:
    tasks = [t for t in read_outcomes(DATA / "routellm" / "outcomes.csv") if t.task != "gsm8k"]
    strong, weak = "gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"
    found = [route_by_task(tasks, strong, weak, labels=1500, seed=seed) for seed in range(40)]
    assert np.mean([c.apgr for c in found]) >= 0.635
    assert np.mean([c.cpt50 for c in found]) <= 0.354


@needs_data
def test_nobody_is_sent_to_the_cheaper_faster_wrong_version(capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, DATA / "llmdrift" / "outcomes.csv", "--seeds", 10)
    moved = [(s["task"], s["to"]) for r in found["runs"] for s in r["switches"]]
    assert moved
    assert all(to != "openaichat/gpt-4-0613" for _, to in moved)
    assert found["summary"]["recommender"]["violations"] == 0


@needs_data
def test_of_29_candidates_the_chosen_one_keeps_its_promise(capsys: pytest.CaptureFixture[str]) -> None:
    """The largest of many estimates flatters itself; its shrunken estimate must not."""
    path = DATA / "mmlu_pro" / "outcomes.csv.gz"
    found = run(capsys, path, "--seeds", 4, "--incumbent", "Mixtral-8x7B-v0.1")
    promise = found["summary"]["promised_quality_change"]
    assert promise["n"] > 40
    assert promise["mean_promised"] <= promise["mean_realised"] + 0.005
    assert promise["coverage"] >= 0.8
