"""Nights of the watch over models that change under the same id, on real Postgres."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from drift_rows import MODEL, ORGANIZATION, Model, day_of, night_after, plant, plant_served
from sqlalchemy import Engine, text

from modelscout.analytics.drift import DriftReport, watch

STABLE = Model()
CHANGED_ON = 40


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ai_usage_events, ai_model_analytics, organizations, ai_models, ai_model_prices, "
                "model_events, alerts, model_drift_state CASCADE"
            )
        )
        connection.execute(
            text("INSERT INTO organizations (id, name) VALUES (:id, 'Acme')"), {"id": ORGANIZATION}
        )
        connection.execute(
            text(
                "INSERT INTO ai_models (id, provider, provider_model_id, name) "
                "VALUES (:id, 'openai', 'gpt-6-luna', 'Luna')"
            ),
            {"id": MODEL},
        )
        connection.execute(
            text(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES ('openai', 'gpt-6-luna', 'standard', '2026-01-01', 1, 8, 'test')"
            )
        )


def rows(engine: Engine, statement: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]


def state(engine: Engine) -> list[list[dict[str, Any]]]:
    tables = ("model_drift_state", "model_drift_days", "model_events", "alerts")
    return [rows(engine, f"SELECT * FROM {t} ORDER BY to_jsonb({t})::text") for t in tables]


def nights(engine: Engine, numbers: range) -> list[tuple[int, DriftReport]]:
    return [(n, watch(engine, now=night_after(n))) for n in numbers]


def first_flag(reports: list[tuple[int, DriftReport]]) -> int | None:
    return next((n for n, report in reports if report.drifted), None)


@pytest.mark.parametrize(
    ("changed", "signal", "said"),
    [
        (replace(STABLE, success=0.93), "success", "The share of answered calls fell from 9"),
        (replace(STABLE, quality=0.70), "quality", "The mean score of judged answers fell from 8"),
        (replace(STABLE, median_ms=950.0), "latency", "Latency rose from a median of"),
        (replace(STABLE, output_tokens=190.0), "cost", "The cost per answer at unchanged prices"),
    ],
    ids=["success", "quality", "latency", "cost"],
)
def test_a_planted_change_is_flagged_in_time_and_told_in_plain_words(
    engine: Engine, changed: Model, signal: str, said: str
) -> None:
    rng = np.random.default_rng(7)
    plant(engine, rng, STABLE, range(CHANGED_ON))
    plant(engine, rng, changed, range(CHANGED_ON, CHANGED_ON + 20))
    flagged = first_flag(nights(engine, range(CHANGED_ON - 5, CHANGED_ON + 18)))
    # Outcomes are read a week later.
    assert flagged is not None
    assert CHANGED_ON < flagged < CHANGED_ON + 7 + (7 if signal == "quality" else 0)
    (event,) = rows(engine, "SELECT * FROM model_events")
    assert (event["kind"], event["model_id"], event["organization_id"]) == ("drifted", MODEL, ORGANIZATION)
    finding = event["details"]["findings"][0]
    assert finding["signal"] == signal
    since = (np.datetime64(finding["since"]) - np.datetime64(day_of(CHANGED_ON))).astype(int)
    assert abs(since) <= 3
    assert finding["low"] < finding["after"] < finding["high"]
    (alert,) = rows(engine, "SELECT * FROM alerts")
    assert alert["severity"] == "warning"
    assert said in alert["message"]
    assert f"since about {finding['since']}" in alert["message"]


def test_stable_models_are_not_flagged_through_growth_weekends_prices_and_a_changed_mix(
    engine: Engine,
) -> None:
    rng = np.random.default_rng(8)
    for number in range(75):
        grown = replace(STABLE, requests=int(300 * 1.01**number))
        # From day 45 on requests are half as large again, and so are the answers to them: other work, same model.
        mixed = replace(grown, input_tokens=1350.0, output_tokens=150.0) if number >= 45 else grown
        plant(engine, rng, mixed, range(number, number + 1))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES ('openai', 'gpt-6-luna', 'standard', '2026-10-20', 3, 24, 'test')"
            )
        )
    assert first_flag(nights(engine, range(30, 75))) is None
    assert rows(engine, "SELECT * FROM model_events") == []
    (stream,) = rows(engine, "SELECT * FROM model_drift_state")
    assert stream["points"] >= 74


def test_a_second_watch_of_the_night_and_days_rolled_up_again_change_nothing(engine: Engine) -> None:
    rng = np.random.default_rng(9)
    plant(engine, rng, STABLE, range(45))
    nights(engine, range(40, 44))
    before = state(engine)
    assert watch(engine, now=night_after(43)) == DriftReport(0, 0, 0)
    assert state(engine) == before
    with engine.begin() as connection:
        connection.execute(text("UPDATE ai_model_analytics SET success_count = 0, outcome_score_sum = 0"))
    watch(engine, now=night_after(43) + timedelta(hours=3))
    assert state(engine) == before


def test_a_watch_that_missed_nights_ends_with_the_same_days(engine: Engine) -> None:
    rng = np.random.default_rng(10)
    plant(engine, rng, STABLE, range(50))
    nights(engine, range(38, 50))
    nightly = state(engine)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE model_drift_state CASCADE"))
    watch(engine, now=night_after(38))
    watch(engine, now=night_after(49))
    assert state(engine) == nightly


def test_another_served_model_is_an_event_at_once_and_the_reference_begins_with_it(engine: Engine) -> None:
    rng = np.random.default_rng(11)
    plant(engine, rng, STABLE, range(45))
    for number in range(35, 45):
        newer = 60 if number >= 42 else 40
        plant_served(engine, number, {"gpt-6-luna-0801": 100 - newer, "gpt-6-luna-1010": newer})
    reports = nights(engine, range(38, 45))
    assert [n for n, report in reports if report.served_changes] == [42]
    (event,) = rows(engine, "SELECT * FROM model_events")
    assert event["kind"] == "served_model_changed"
    assert event["occurred_at"].date() == day_of(43)
    assert "answered by gpt-6-luna-1010" in rows(engine, "SELECT * FROM alerts")[0]["message"]
    (stream,) = rows(engine, "SELECT * FROM model_drift_state")
    assert (stream["reference_from"], stream["points"]) == (day_of(42), 3)


def test_after_a_flag_the_reference_is_rebuilt_and_the_alert_ends(engine: Engine) -> None:
    rng = np.random.default_rng(12)
    worse = replace(STABLE, success=0.90)
    plant(engine, rng, STABLE, range(CHANGED_ON))
    plant(engine, rng, worse, range(CHANGED_ON, CHANGED_ON + 45))
    flagged = first_flag(nights(engine, range(CHANGED_ON - 1, CHANGED_ON + 10)))
    assert flagged is not None
    later = nights(engine, range(CHANGED_ON + 10, CHANGED_ON + 45))
    assert first_flag(later) is None
    (stream,) = rows(engine, "SELECT * FROM model_drift_state")
    assert stream["reference_from"] == day_of(flagged + 1)
    (alert,) = rows(engine, "SELECT * FROM alerts")
    assert alert["resolved_at"] is not None
    assert len(rows(engine, "SELECT * FROM model_events")) == 1


def test_each_organization_is_told_of_its_own_models_alone(engine: Engine) -> None:
    other = uuid.UUID(int=0xB)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO organizations (id, name) VALUES (:id, 'Bloom')"), {"id": other})
    rng = np.random.default_rng(14)
    for feature in ("chat", "search", "tags"):
        plant(engine, rng, STABLE, range(50), feature=feature)
        changes = replace(STABLE, success=0.91) if feature == "search" else STABLE
        plant(engine, rng, STABLE, range(CHANGED_ON), feature=feature, organization=other)
        plant(engine, rng, changes, range(CHANGED_ON, 50), feature=feature, organization=other)
    reports = nights(engine, range(38, 50))
    assert sum(report.drifted for _, report in reports) == 1
    (event,) = rows(engine, "SELECT * FROM model_events")
    assert (event["organization_id"], event["details"]["feature_id"]) == (other, "search")
    (alert,) = rows(engine, "SELECT * FROM alerts")
    assert alert["organization_id"] == other


def test_a_watch_that_is_killed_and_run_again_ends_with_the_same_rows(
    engine: Engine, warehouse_url: str
) -> None:
    rng = np.random.default_rng(15)
    plant(engine, rng, STABLE, range(CHANGED_ON))
    plant(engine, rng, replace(STABLE, success=0.85), range(CHANGED_ON, 48))
    plant_served(engine, 35, {"gpt-6-luna-0801": 9})
    plant_served(engine, 36, {"gpt-6-luna-1010": 9})
    watch(engine, now=night_after(47))
    expected = [[_timeless(row) for row in table] for table in state(engine)]
    assert expected[2] != []
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE model_drift_state, model_events, alerts CASCADE"))
    script = (
        "import sys; from datetime import datetime; from modelscout.analytics.drift import watch; "
        "from modelscout.warehouse.engine import open_engine; engine = open_engine(sys.argv[1]); "
        "print('ready', flush=True); watch(engine, now=datetime.fromisoformat(sys.argv[2]))"
    )
    for delay_s in (0.02, 0.05, 0.1, 0.2, 0.4):
        command = [sys.executable, "-c", script, warehouse_url, night_after(47).isoformat()]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            time.sleep(delay_s)
            worker.kill()
    watch(engine, now=night_after(47))
    assert [[_timeless(row) for row in table] for table in state(engine)] == expected


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "id"}


def test_an_unknown_price_is_not_watched_and_hurts_nothing_else(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ai_model_prices"))
    rng = np.random.default_rng(13)
    plant(engine, rng, STABLE, range(CHANGED_ON))
    plant(engine, rng, replace(STABLE, success=0.90, output_tokens=400.0), range(CHANGED_ON, 50))
    assert first_flag(nights(engine, range(38, 50))) is not None
    (event,) = rows(engine, "SELECT * FROM model_events")
    assert "cost" not in {finding["signal"] for finding in event["details"]["findings"]}
