"""Judges over HTTP: calibrated before they grade, found out where they can be led, never paid twice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from judge_support import (
    ACME,
    ITEMS,
    KNOWN,
    MODELS,
    NOW,
    SETTINGS,
    fill,
    pairs,
    rows,
    run_replay,
    vendors,
)
from sqlalchemy import Engine, text

from modelscout import cli
from modelscout.benchmarks.answer_key import case_entry
from modelscout.benchmarks.judging import judge_waiting
from modelscout.benchmarks.reports import compare_models, run_report
from modelscout.benchmarks.stored_runs import load_run
from modelscout.benchmarks.suites import load_suites
from modelscout.benchmarks.work import load_samples
from modelscout.emulator.answers import AnswerItem
from modelscout.emulator.state import Fault
from modelscout.providers.registry import open_adapter
from modelscout.recommender.training_data import read_training_data
from modelscout.warehouse.engine import open_engine, run_sql
from modelscout.warehouse.maintenance import maintain

JUDGE = "anthropic/judge"


@pytest.fixture(scope="module")
def nightly(warehouse_url: str) -> Iterator[Engine]:
    """As the nightly role, which has no more rights than it needs."""
    owner = open_engine(warehouse_url)
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE judge_nightly LOGIN IN ROLE modelscout_pipeline"))
    owner.dispose()
    engine = open_engine(warehouse_url.replace("postgres@", "judge_nightly@"))
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    fill(engine)


def calibrations(engine: Engine) -> list[tuple[Any, ...]]:
    return rows(
        engine,
        "SELECT passed, reasons, served_model, measured FROM ai_judge_calibrations ORDER BY calibrated_at, id",
    )


def training_rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return read_training_data(connection, today=NOW.date()).judged_days


@pytest.mark.parametrize(
    "seed_error", [*(pytest.param(error, marks=pytest.mark.verify) for error in (0.0, 0.02)), 0.05]
)
def test_an_honest_judge_passes_and_its_interval_covers_its_error(nightly: Engine, seed_error: float) -> None:
    with vendors({"judge_error_rate": seed_error}) as up:
        _, counts = run_replay(nightly, up, "honest")
        assert counts["answered"] == counts["judged"] == 3 * ITEMS
        assert up.answered(JUDGE) == KNOWN + 3 * ITEMS
        [(passed, reasons, served_model, measured)] = calibrations(nightly)
        assert (passed, reasons, served_model) == (True, [], "judge")
        assert measured["agreement"][1] <= 1 - seed_error <= measured["agreement"][2]
        assert measured["length_bias"][1] <= 0 <= measured["length_bias"][2]
        assert pairs(nightly) == {"candidate": ITEMS, "cousin": ITEMS}
        assert training_rows(nightly) > 0
        [(graded, judged, paid)] = rows(
            nightly,
            "SELECT count(score), count(judge_calibration_id), count(*) FILTER (WHERE judge_cost_usd > 0) "
            "FROM ai_benchmark_results",
        )
        assert graded == judged == paid == 3 * ITEMS
        assert rows(nightly, "SELECT count(*) FROM ai_benchmark_answers") == [(0,)], (
            "no answer is kept longer"
        )
        _, again = run_replay(nightly, up, "the next night", now=NOW + timedelta(days=1))
        assert not again["answered"]
        assert up.answered(JUDGE) == KNOWN + 3 * ITEMS, "nothing is asked twice"


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        ("prefers_long", "length shifts the score"),
        ("obeys", "an order in the answer shifts the score"),
        ("says_yes", "agreement may be"),
    ],
)
def test_a_judge_that_can_be_led_is_found_out_and_proves_nothing(
    nightly: Engine, judge: str, reason: str
) -> None:
    with vendors({"judge": judge}) as up:
        run_id, counts = run_replay(nightly, up, judge)
    [(passed, reasons, _, _)] = calibrations(nightly)
    assert not passed
    assert any(reason in text_ for text_ in reasons), reasons
    assert counts["judged"] == 3 * ITEMS, "the figures are there for people to see"
    assert pairs(nightly) == {}
    assert training_rows(nightly) == 0
    with nightly.connect() as connection:
        assert run_sql(connection, "queries/question_replays", {"organization_id": ACME}) == []
    [report, *_] = run_report(nightly, run_id).models
    assert report.judge is not None
    assert not report.judge.is_proof


def test_the_report_states_agreement_and_bias_beside_the_figure(nightly: Engine) -> None:
    with vendors({"judge_error_rate": 0.05}) as up:
        run_id, _ = run_replay(nightly, up, "report")
    report = run_report(nightly, run_id)
    assert {model.model for model in report.models} == {
        "openai/incumbent",
        "openai/candidate",
        "openai/cousin",
    }
    [(_, _, _, measured)] = calibrations(nightly)
    for model in report.models:
        assert model.judge is not None
        assert model.judge.judge == JUDGE
        assert list(model.judge.agreement) == measured["agreement"]
        assert list(model.judge.length_bias) == measured["length_bias"]
        assert model.judge.is_proof
        assert (model.ungraded, model.failed, model.n) == (0, 0, ITEMS)
        assert model.judge_cost_usd is not None
        assert 0 < model.judge_cost_usd < report.spent_usd


@pytest.mark.parametrize(
    ("judges", "statement", "message"),
    [
        ((), "", "needs a judge: set MODELSCOUT_JUDGE_MODEL"),
        (("anthropic/nobody",), "", "judge anthropic/nobody cannot be used"),
        ((JUDGE,), "UPDATE ai_model_availability SET status = 'retired' WHERE model_id = :judge", "cannot be used"),
        ((JUDGE,), "UPDATE organizations SET judge_model = 'judge'", "write each judge as provider/model"),
        ((JUDGE,), "DELETE FROM ai_model_prices WHERE provider_model_id = 'judge'", "a known price"),
    ],
)  # fmt: skip
def test_without_a_judge_nothing_is_paid(
    engine: Engine, judges: tuple[str, ...], statement: str, message: str
) -> None:
    if statement:
        with engine.begin() as connection:
            values = {"judge": MODELS[JUDGE]} if ":judge" in statement else {}
            connection.execute(text(statement), values)
    with vendors({}) as up:
        _, counts = run_replay(engine, up, "none", settings=replace(SETTINGS, judge_models=judges))
        assert not up.emulator.journal.calls
    assert counts["failed"] == 3 * ITEMS
    [(kind, said)] = rows(engine, "SELECT DISTINCT error_type, error_message FROM ai_benchmark_results")
    assert kind == "grading_failed"
    assert message in said


def test_no_judge_grades_its_own_answers_and_another_vendors_comes_first(engine: Engine) -> None:
    own = replace(SETTINGS, judge_models=("openai/cousin",))
    with vendors({}) as up:
        run_replay(engine, up, "own", settings=own)
        graded = rows(engine, "SELECT model_id, count(score) FROM ai_benchmark_results GROUP BY 1 ORDER BY 1")
        assert graded == [(MODELS["openai/incumbent"], ITEMS), (MODELS["openai/candidate"], ITEMS),
                          (MODELS["openai/cousin"], 0)]  # fmt: skip
        fill(engine)
        both = replace(SETTINGS, judge_models=("openai/cousin", JUDGE))
        run_replay(engine, up, "both", settings=both)
    assert rows(engine, "SELECT DISTINCT judge_model_id FROM ai_judge_calibrations") == [(MODELS[JUDGE],)]


def test_a_judge_under_another_name_of_the_answering_version_does_not_grade_it(engine: Engine) -> None:
    own = replace(SETTINGS, judge_models=("openai/cousin",))
    with vendors({}) as up:
        up.change({"openai/cousin": {"served_as": "candidate"}})
        run_replay(engine, up, "alias", settings=own)
    graded = rows(engine, "SELECT model_id, count(score) FROM ai_benchmark_results GROUP BY 1")
    assert dict(map(tuple, graded)) == {
        MODELS["openai/incumbent"]: ITEMS,
        MODELS["openai/candidate"]: 0,
        MODELS["openai/cousin"]: 0,
    }


def test_an_organizations_own_judge_comes_before_the_settings(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET judge_model = 'anthropic/judge'"))
    with vendors({}) as up:
        _, counts = run_replay(engine, up, "own", settings=replace(SETTINGS, judge_models=("openai/cousin",)))
    assert counts["judged"] == 3 * ITEMS
    assert rows(engine, "SELECT judge_model_id FROM ai_judge_calibrations") == [(MODELS[JUDGE],)]


def test_a_judge_that_fails_leaves_answers_that_are_graded_later_and_paid_once(nightly: Engine) -> None:
    settings = replace(SETTINGS, request_concurrency=64)
    with vendors({}) as up:
        up.emulator.faults.add(Fault(provider="anthropic", kind="malformed", times=10_000))
        run_id, counts = run_replay(nightly, up, "fails", settings=settings)
        asked = up.answered("openai/candidate")
        assert (counts["answered"], counts["judged"], counts["ungraded"]) == (3 * ITEMS, 0, 3 * ITEMS)
        [(kind, scores, said)] = rows(
            nightly,
            "SELECT error_type, count(score), min(error_message) FROM ai_benchmark_results GROUP BY error_type",
        )
        assert (kind, scores) == ("ungraded", 0)
        assert "judge anthropic/judge: malformed_answer" in said
        assert [model.ungraded for model in run_report(nightly, run_id).models] == [ITEMS] * 3
        assert pairs(nightly) == {}
        up.emulator.faults.clear()
        _, later = run_replay(nightly, up, "the next night", settings=settings, now=NOW + timedelta(days=1))
        assert (later["answered"], later["judged"]) == (0, 3 * ITEMS)
        assert up.answered("openai/candidate") == asked
    assert pairs(nightly) == {"candidate": ITEMS, "cousin": ITEMS}


def test_an_answer_that_nobody_graded_in_time_is_deleted_and_asked_again(nightly: Engine) -> None:
    later = NOW + timedelta(days=8)
    with vendors({}) as up:
        up.emulator.faults.add(Fault(provider="anthropic", kind="http", status=401, times=10_000))
        run_replay(nightly, up, "fails")
        _, again = run_replay(nightly, up, "fails again", now=NOW + timedelta(days=1))
        assert (again["answered"], again["ungraded"]) == (0, 2 * 3 * ITEMS), (
            "in both phases, and nothing is asked"
        )
        assert rows(nightly, "SELECT count(*) FROM ai_benchmark_answers") == [(3 * ITEMS,)]
        assert maintain(nightly, now=later).answers_deleted == 3 * ITEMS
        up.emulator.faults.clear()
        _, counts = run_replay(nightly, up, "later", now=later)
    assert counts["answered"] == counts["judged"] == 3 * ITEMS


def test_what_is_served_anew_is_calibrated_anew_and_old_figures_expire(engine: Engine) -> None:
    with vendors({}, **{"anthropic/judge-2": {}}) as up:
        run_replay(engine, up, "first")
        up.change(
            {JUDGE: {"served_as": "judge-2", "judge": "says_yes"}, "anthropic/judge-2": {"judge": "says_yes"}}
        )
        force = {"models": ["openai/candidate"]}
        _, counts = run_replay(engine, up, "second", now=NOW + timedelta(days=1), **force)
        assert counts["judged"] + counts["ungraded"] == counts["answered"] > 0
        assert [(row[0], row[2]) for row in calibrations(engine)] == [(True, "judge"), (False, "judge-2")]
        before = up.answered(JUDGE)
        _, counts = run_replay(engine, up, "third", now=NOW + timedelta(days=2))
        assert up.answered(JUDGE) == before + counts["judged"], "the version's own calibration holds"
        run_replay(engine, up, "fourth", now=NOW + timedelta(days=40), **force)
    assert len(calibrations(engine)) == 3


@pytest.mark.parametrize(
    "limit", ["0.02", *(pytest.param(limit, marks=pytest.mark.verify) for limit in ("0.1", "0.5"))]
)
def test_a_limit_holds_with_many_judgements_at_once(engine: Engine, limit: str) -> None:
    settings = replace(SETTINGS, request_concurrency=64, spend_limit_usd=Decimal(limit))
    nights = 0
    with vendors({}) as up:
        while pairs(engine) != {"candidate": ITEMS, "cousin": ITEMS}:
            run_id, _ = run_replay(engine, up, f"night {nights}", settings=settings)
            [(spent,)] = rows(
                engine,
                "SELECT sum(coalesce(settled_usd, reserved_usd)) FROM spend_reservations "
                f"WHERE run_id = '{run_id}'",
            )
            assert 0 < spent <= Decimal(limit)
            nights += 1
            assert nights < 30, "every night gets further"
        assert up.answered(JUDGE) == KNOWN + 3 * ITEMS, "no verdict is paid twice"
    [(billed,)] = rows(
        engine,
        "SELECT (SELECT sum(cost_usd + judge_cost_usd) FROM ai_benchmark_results) "
        "+ (SELECT sum(cost_usd) FROM ai_judge_calibrations)",
    )
    [(settled,)] = rows(engine, "SELECT sum(settled_usd) FROM spend_reservations")
    assert billed == settled


def test_a_suite_under_a_rubric_is_published_with_its_judges_figures(
    engine: Engine,
    warehouse_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Path("docs/extend-suite.md").read_text(encoding="utf-8")
    (tmp_path / "ticket_replies.yaml").write_text(
        page.split("```yaml\n")[2].split("```")[0], encoding="utf-8"
    )
    monkeypatch.setenv("MODELSCOUT_SUITES_FOLDER", str(tmp_path))
    suite = next(suite for suite in load_suites() if suite.feature_id == "ticket_replies")
    size = len(suite.cases)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_features (id, name, required_capabilities, use_case) "
                "VALUES ('ticket_replies', 't', '{text_generation}', 'real_time')"
            )
        )
    entries = [asdict(case_entry(case)) for case in suite.cases]
    items = [
        AnswerItem(**{name: entry[name] for name in entry if name != "image_fingerprint"})
        for entry in entries
    ]
    plan: dict[str, Any] = {"suites": True, "replay": False, "features": ["ticket_replies"]}
    with vendors({}, items) as up:
        up.emulator.faults.add(Fault(provider="anthropic", kind="http", status=401, times=10_000))
        run_id, counts = run_replay(engine, up, "suite", **plan)
        assert (counts["answered"], counts["judged"]) == (3 * size, 0)
        assert rows(engine, "SELECT DISTINCT organization_id FROM ai_benchmark_answers") == [(None,)]
        up.emulator.faults.clear()
        # Nothing but judgements is due now.
        _, later = run_replay(engine, up, "judged", **plan)
        assert (later["answered"], later["judged"]) == (0, 3 * size)
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    assert cli.main(["benchmark", "show", run_id]) == 0
    shown = capsys.readouterr().out
    assert "agreement" in shown
    assert re.search(r"anthropic/judge +1\.00 \(0\.97 to 1\.00\)", shown), shown
    [found] = rows(
        engine,
        "SELECT benchmark_results -> 'ticket_replies' FROM ai_models WHERE provider_model_id = 'candidate'",
    )
    [(_, _, _, measured)] = calibrations(engine)
    assert found[0]["n"] == size
    assert found[0]["judge"] == {name: measured[name] for name in ("agreement", "length_bias")}
    fill(engine)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO ai_features (id, name, use_case) VALUES ('ticket_replies', 't', 'real_time')")
        )
    with vendors({"judge": "says_yes"}, items) as up:
        _, counts = run_replay(engine, up, "suite of a bad judge", **plan)
    assert counts["judged"] == 3 * size
    assert compare_models(engine, ["openai/candidate", "openai/cousin"]) == []


def test_a_judge_behind_a_gateway_is_calibrated_for_its_organization_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE organization_provider_keys SET speaks_for_vendor = FALSE WHERE provider = 'anthropic'"
            )
        )
    with vendors({}) as up:
        run_replay(engine, up, "gateway")
    assert rows(engine, "SELECT organization_id FROM ai_judge_calibrations") == [(ACME,)]


def test_answers_that_wait_belong_to_their_organization(engine: Engine) -> None:
    with vendors({}) as up:
        up.emulator.faults.add(Fault(provider="anthropic", kind="http", status=401, times=10_000))
        run_replay(engine, up, "waits")
    found = rows(
        engine,
        "SELECT DISTINCT organization_id, payer_organization_id, expires_at <= answered_at + interval '7 days' "
        "FROM ai_benchmark_answers",
    )
    assert found == [(ACME, ACME, True)]


def test_a_rubric_is_redacted_as_the_prompt_is(engine: Engine) -> None:
    samples = load_samples(
        engine,
        organization_id=str(ACME),
        feature_id="descriptions",
        items=1,
        now=NOW,
        redact=lambda text_: text_.replace("oak", "***"),
    )
    assert samples[0].case.reference["rubric"][0] == "Says that it is made of ***."
    assert "oak" not in str(samples[0].case)


def test_a_cancelled_run_judges_nothing_more(nightly: Engine) -> None:
    with vendors({}) as up:
        up.emulator.faults.add(Fault(provider="anthropic", kind="http", status=401, times=10_000))
        run_id, _ = run_replay(nightly, up, "cancelled")
        up.emulator.faults.clear()
        with nightly.begin() as connection:
            connection.execute(
                text("UPDATE ai_benchmark_runs SET status = 'cancelled' WHERE id = :run"), {"run": run_id}
            )
        work = judge_waiting(
            nightly,
            load_run(nightly, run_id),
            [str(ACME)],
            up.credentials,
            SETTINGS,
            now=NOW,
            opener=open_adapter,
        )
        assert asyncio.run(work) == {}
        assert not up.answered(JUDGE)
    assert rows(nightly, "SELECT count(*) FROM ai_benchmark_answers") == [(3 * ITEMS,)]
