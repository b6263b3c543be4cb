"""Every expectation of events and rollup is seen to fail on a planted fault, and to pass without it."""

from __future__ import annotations

import json
import logging
import os
import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.analytics.gate import Days, check_rollup, forget_results, read_results
from modelscout.cli import main
from modelscout.core.errors import QualityGateFailed
from modelscout.quality.gate import SuiteResult
from modelscout.quality.suites import ROLLUP, USAGE_EVENTS
from modelscout.recommender.publish import blocked_organizations

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
ACME, GLOBEX, NOBODY = (str(uuid.UUID(int=n)) for n in (0xA, 0xB, 0xC))
MODEL = str(uuid.UUID(int=0xD))
EVENT = {
    "organization_id": ACME, "feature_id": "chat", "provider": "openai", "requested_model": "m", "request_id": "r1",
    "occurred_at": "2026-11-22T10:00Z", "input_tokens": 10, "output_tokens": 5, "duration_ms": 800,
}  # fmt: skip
DAY = {
    "organization_id": ACME, "feature_id": "chat", "model_id": MODEL, "date": "2026-11-22", "total_requests": 10,
    "success_count": 9, "error_count": 1, "success_rate": 0.9, "total_cost": 1, "priced_requests": 10,
}  # fmt: skip
EVENT_FAULTS: dict[str, dict[str, Any]] = {
    "from_the_future": {"occurred_at": "2026-11-23T06:30Z"},
    "repeated_request": {"request_id": "good", "occurred_at": "2026-11-22T10:00:01Z"},
    "implausible_size": {"input_tokens": 50_000_001},
    "nameless_model": {"requested_model": " "},
    "unknown_organization": {"organization_id": NOBODY},
    "unknown_feature": {"feature_id": "typo"},
    "success_without_usage": {"input_tokens": 0, "output_tokens": 0},
    "success_without_duration": {"duration_ms": None},
    "first_token_after_end": {"time_to_first_token_ms": 801},
}
ROLLUP_FAULTS: dict[str, dict[str, Any]] = {
    "without_organization": {"organization_id": None},
    "without_model": {"model_id": None},
    "repeated_key": {"date": "2026-11-20"},
    "without_requests": {"total_requests": 0, "success_count": 0, "error_count": 0, "success_rate": None},
    "counts_do_not_add_up": {"error_count": 2},
    "wrong_success_rate": {"success_rate": 0.8},
    "negative_cost": {"total_cost": -1},
    "cost_without_price": {"total_cost": 0, "priced_requests": 0},
    "from_the_future": {"date": "2026-11-25"},
    "unpriced": {"unpriced_requests": 1},
}


@pytest.fixture(autouse=True)
def sound_warehouse(engine: Engine) -> None:
    """Two organizations, each with one event and one day that are in order."""
    with engine.begin() as c:
        c.execute(text("TRUNCATE organizations, ai_models, ai_features, ai_usage_events, alerts CASCADE"))
        c.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-18', '2026-11-24')"))
        # Back again after the test that plants what it forbids.
        c.execute(text("ALTER TABLE ai_model_analytics DROP CONSTRAINT IF EXISTS ai_model_analytics_key"))
        c.execute(text("ALTER TABLE ai_model_analytics ADD CONSTRAINT ai_model_analytics_key "
                       "UNIQUE NULLS NOT DISTINCT (model_id, organization_id, feature_id, date)"))  # fmt: skip
        c.execute(text("TRUNCATE data_quality_results"))
        c.execute(text("INSERT INTO ai_features (id, name, use_case) VALUES ('chat', 'Chat', 'real_time')"))
        c.execute(text("INSERT INTO ai_models (id, name) VALUES (:m, 'm')"), {"m": MODEL})
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            c.execute(
                text("INSERT INTO organizations (id, name, slug) VALUES (:o, :s, :s)"),
                {"o": organization, "s": slug},
            )
    for organization in (ACME, GLOBEX):
        add(engine, "ai_usage_events", EVENT | {"organization_id": organization, "request_id": "good"})
        add(engine, "ai_model_analytics", DAY | {"organization_id": organization, "date": "2026-11-20"})


def add(engine: Engine, table: str, row: dict[str, Any]) -> None:
    with engine.begin() as connection:
        columns = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)


def check(
    engine: Engine, run_key: str = "night", folder: Path | None = None, days: Days | None = None
) -> list[SuiteResult]:
    return check_rollup(engine, run_key=run_key, now=NOW, days=days, report_folder=folder)


def failures(results: list[SuiteResult], suite: str) -> dict[str, set[str | None]]:
    [result] = [r for r in results if r.suite.name == suite]
    return {r.check.name: {f.organization_id for f in r.findings} for r in result.results if r.findings}


def blocked(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return blocked_organizations(connection)


def test_sound_data_passes_and_every_result_is_kept(engine: Engine) -> None:
    results = check(engine)
    assert [failures(results, r.suite.name) for r in results] == [{}, {}]
    rows = read_results(engine, "night")
    assert len(rows) == len(USAGE_EVENTS.checks) + len(ROLLUP.checks)
    assert all(row["success"] and row["observed"]["checked"] == 2 for row in rows)
    assert blocked(engine) == set()


def test_every_expectation_has_a_planted_fault() -> None:
    assert set(EVENT_FAULTS) == {c.name for c in USAGE_EVENTS.checks}
    assert set(ROLLUP_FAULTS) == {c.name for c in ROLLUP.checks}


@pytest.mark.parametrize("name", EVENT_FAULTS)
def test_a_faulty_event_is_found_in_its_organization_alone(engine: Engine, name: str) -> None:
    add(engine, "ai_usage_events", EVENT | EVENT_FAULTS[name])
    results = check(engine)
    found = failures(results, "usage_events")
    whose = None if name == "unknown_organization" else ACME
    assert found == {name: {whose}}
    [severity] = [c.severity for c in USAGE_EVENTS.checks if c.name == name]
    assert blocked(engine) == ({ACME} if severity == "block" else set())


@pytest.mark.parametrize("name", ROLLUP_FAULTS)
def test_a_faulty_day_is_found_and_blocks_what_it_must(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        if name == "repeated_key":
            connection.execute(text("ALTER TABLE ai_model_analytics DROP CONSTRAINT ai_model_analytics_key"))
    add(engine, "ai_model_analytics", DAY | ROLLUP_FAULTS[name])
    [planted] = [c for c in ROLLUP.checks if c.name == name]
    if planted.scope == "table":
        with pytest.raises(QualityGateFailed, match=f"rollup.{name}"):
            check(engine)
    else:
        assert failures(check(engine), "rollup") == {name: {ACME}}
        assert blocked(engine) == ({ACME} if planted.severity == "block" else set())
    failed = {row["expectation"] for row in read_results(engine, "night") if not row["success"]}
    assert failed == {name}


def test_what_is_tolerated_passes(engine: Engine) -> None:
    for number in range(199):
        add(engine, "ai_usage_events", EVENT | {"request_id": f"fine{number}"})
    add(engine, "ai_usage_events", EVENT | EVENT_FAULTS["from_the_future"])
    assert failures(check(engine), "usage_events") == {}


def test_events_before_the_window_are_not_looked_at(engine: Engine) -> None:
    add(engine, "ai_usage_events", EVENT | {"input_tokens": 50_000_001, "occurred_at": "2026-11-20T23:59Z"})
    assert failures(check(engine), "usage_events") == {}


def test_a_backfill_looks_at_its_own_days_and_only_they_end_what_it_found(engine: Engine) -> None:
    monday = Days(date(2026, 11, 19), date(2026, 11, 19))
    broken = {"input_tokens": 50_000_001}
    add(engine, "ai_usage_events", EVENT | broken | {"occurred_at": "2026-11-19T23:59Z"})
    add(engine, "ai_usage_events", EVENT | broken | {"organization_id": GLOBEX, "request_id": "r2"})
    assert failures(check(engine, "backfill", days=monday), "usage_events") == {"implausible_size": {ACME}}
    assert blocked(engine) == {ACME}
    assert failures(check(engine), "usage_events") == {"implausible_size": {GLOBEX}}
    assert blocked(engine) == {ACME, GLOBEX}
    with engine.begin() as connection:
        connection.execute(text("UPDATE ai_usage_events SET input_tokens = 1"))
    check(engine)
    assert blocked(engine) == {ACME}
    check(engine, "another", days=Days(date(2026, 11, 20), date(2026, 11, 21)))
    assert blocked(engine) == {ACME}
    check(engine, "again", days=Days(date(2026, 11, 18), date(2026, 11, 20)))
    assert blocked(engine) == set()


def test_old_results_and_pages_are_forgotten_but_for_the_latest_of_each_suite(
    engine: Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE ai_usage_events, ai_model_analytics"))
    for age_days in (200, 190, 3):
        at = NOW - timedelta(days=age_days)
        check_rollup(engine, run_key=f"{age_days} days ago", now=at, report_folder=tmp_path)
        os.utime(tmp_path / f"{age_days}_days_ago.html", (at.timestamp(), at.timestamp()))
    with engine.begin() as connection:
        connection.execute(
            text("DELETE FROM data_quality_results WHERE run_key = '3 days ago' AND suite = 'rollup'")
        )
    expected = {"results": 2 * len(USAGE_EVENTS.checks) + len(ROLLUP.checks), "pages": 2}
    for forgotten in (expected, {"results": 0, "pages": 0}):
        assert forget_results(engine, now=NOW, keep_days=180, report_folder=tmp_path) == forgotten
        assert [page.name for page in tmp_path.iterdir()] == ["3_days_ago.html"]
        assert {(row["suite"], row["run_key"]) for row in read_results(engine)} == {
            ("usage_events", "3 days ago"),
            ("rollup", "190 days ago"),
        }


def test_the_same_failure_in_every_organization_fails_the_run(engine: Engine) -> None:
    for organization in (ACME, GLOBEX):
        add(engine, "ai_model_analytics", DAY | {"organization_id": organization, "total_cost": -1})
    with pytest.raises(QualityGateFailed, match=r"rollup\.negative_cost"):
        check(engine)
    assert blocked(engine) == {ACME, GLOBEX}


def test_mended_data_ends_the_block_and_a_second_attempt_replaces_the_first(engine: Engine) -> None:
    add(engine, "ai_model_analytics", DAY | {"total_cost": -1})
    for _ in range(2):
        check(engine)
        own = [row for row in read_results(engine, "night") if row["organization"] is not None]
        assert [(row["organization"], row["expectation"]) for row in own] == [("acme", "negative_cost")]
        assert blocked(engine) == {ACME}
    with engine.begin() as connection:
        connection.execute(text("UPDATE ai_model_analytics SET total_cost = 1"))
    check(engine)
    assert all(row["success"] for row in read_results(engine, "night"))
    assert blocked(engine) == set()


def test_the_log_says_what_failed_where_and_what_to_do(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    add(engine, "ai_model_analytics", DAY | {"total_cost": -1})
    with caplog.at_level(logging.WARNING):
        check(engine)
    [line] = [r.getMessage() for r in caplog.records if "rollup." in r.getMessage()]
    assert line == (
        "block: rollup.negative_cost on ai_model_analytics: expected that no cost is negative; 1 of 2 rows of "
        f"organization {ACME} break it, for example [{ACME} chat {MODEL} 2026-11-22]. "
        "Remedy: look for a negative price in ai_model_prices."
    )


def test_the_report_names_the_failure_and_escapes_what_applications_wrote(
    engine: Engine, tmp_path: Path
) -> None:
    add(engine, "ai_usage_events", EVENT | {"request_id": "<script>x", "input_tokens": 50_000_001})
    check(engine, "scheduled__2026-11-23T05:00:00+00:00", tmp_path)
    [page] = tmp_path.iterdir()
    assert page.name == "scheduled__2026-11-23T05_00_00_00_00.html"
    html = page.read_text(encoding="utf-8")
    assert "implausible_size" in html
    assert "Nothing is published for: acme." in html
    assert "&lt;script&gt;x" in html
    assert "<script" not in html


def test_a_report_that_cannot_be_written_does_not_fail_the_gate(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    check(engine, folder=tmp_path / "file")
    assert len(read_results(engine, "night")) > 0


def test_the_command_shows_the_failures_and_writes_the_page(
    engine: Engine, warehouse_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("MODELSCOUT_DATA_DIR", str(tmp_path))
    add(engine, "ai_model_analytics", DAY | {"total_cost": -1})
    check(engine)
    assert main(["quality", "show", "--failed", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(row["organization"], row["expectation"]) for row in shown] == [
        (None, "negative_cost"),
        ("acme", "negative_cost"),
    ]
    assert main(["quality", "show"]) == 0
    assert "negative_cost" in capsys.readouterr().out
    assert main(["quality", "report", "--open-path"]) == 0
    assert capsys.readouterr().out.strip() == (tmp_path / "quality" / "latest.html").as_uri()
    assert "negative_cost" in (tmp_path / "quality" / "latest.html").read_text(encoding="utf-8")
    assert main(["quality", "show", "--run", "no such run"]) == 2
    assert "no results of run 'no such run'" in capsys.readouterr().err
