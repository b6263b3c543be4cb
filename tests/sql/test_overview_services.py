"""What the overview sums: a row per organization and day that equals its parts, spend, stages, exposure, standing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rollup_support import NOW, fill
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.exposure import exposure_report
from modelscout.analytics.repricing import reprice
from modelscout.analytics.rollup import roll_up
from modelscout.analytics.spend import spend_report, top_spenders
from modelscout.analytics.stages import Health, stages
from modelscout.recommender.standing import standing
from modelscout.warehouse.engine import open_engine, run_sql

MIGRATION = Path(__file__).parents[2] / "sql/migrations/20261130T030000_overview_and_decisions.sql"
SUMS = """
SELECT organization_id, date, sum(total_requests) AS total_requests, sum(success_count) AS success_count,
    sum(error_count) AS error_count, sum(total_cost) AS total_cost, sum(priced_requests) AS priced_requests,
    sum(unpriced_requests) AS unpriced_requests, sum(estimated_requests) AS estimated_requests,
    sum(outcome_score_sum) AS outcome_score_sum, sum(outcome_count) AS outcome_count, bool_or(simulated) AS simulated
FROM ai_model_analytics GROUP BY organization_id, date ORDER BY organization_id, date
"""
DAYS = "SELECT * FROM ai_organization_days ORDER BY organization_id, date"
ONE = "00000000-0000-0000-0000-00000000000a"


@pytest.fixture(scope="module")
def rolled_up(warehouse_url: str) -> Iterator[Engine]:
    engine = open_engine(warehouse_url)
    fill(engine, 3_000)
    roll_up(engine, now=NOW)
    yield engine
    engine.dispose()


def read(engine: Engine, statement: str) -> list[dict[str, object]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]


def change(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_a_day_of_an_organization_is_the_sum_of_its_rows(rolled_up: Engine) -> None:
    first = read(rolled_up, DAYS)
    assert first == read(rolled_up, SUMS)
    assert len(first) == 21
    change(
        rolled_up,
        "UPDATE ai_model_prices SET superseded_at = now()",
        "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, source, "
        "input_usd_per_million_tokens, output_usd_per_million_tokens) "
        "VALUES ('openai', 'luna', 'standard', '2026-01-01', 'test', 5, 7)",
    )
    reprice(rolled_up, first_day=date(2026, 11, 20), last_day=date(2026, 11, 22), actor="anna", now=NOW)
    again = read(rolled_up, DAYS)
    assert again == read(rolled_up, SUMS)
    assert [row["total_cost"] for row in again] != [row["total_cost"] for row in first]


def test_the_migration_fills_in_what_was_rolled_up_before(rolled_up: Engine) -> None:
    written = read(rolled_up, DAYS)
    statement = MIGRATION.read_text(encoding="utf-8").partition("INSERT INTO ai_organization_days")[2]
    change(rolled_up, "TRUNCATE ai_organization_days")
    change(rolled_up, "INSERT INTO ai_organization_days" + statement.partition(";")[0])
    assert read(rolled_up, DAYS) == written


def test_spend_is_of_whole_days_beside_those_before(rolled_up: Engine) -> None:
    # 30 days after the second of three days: the last two are in the period, the first is in the former one.
    at = datetime(2026, 12, 21, 5, tzinfo=UTC)
    report = spend_report(rolled_up, organization_ids=[ONE], now=at)
    days = {row["date"]: row for row in read(rolled_up, DAYS) if str(row["organization_id"]) == ONE}
    assert (report.first_day, report.last_day) == (date(2026, 11, 21), date(2026, 12, 20))
    assert report.former.cost_usd == days[date(2026, 11, 20)]["total_cost"]
    assert report.last.cost_usd == sum(Decimal(str(days[date(2026, 11, d)]["total_cost"])) for d in (21, 22))
    assert report.last.unpriced_requests > 0
    assert report.change is not None
    everybody = spend_report(rolled_up, organization_ids=None, now=at)
    spenders = top_spenders(rolled_up, organization_ids=None, now=at, limit=10)
    assert len(spenders) == 7
    assert [s.last.cost_usd for s in spenders] == sorted([s.last.cost_usd for s in spenders], reverse=True)  # type: ignore[type-var]
    assert sum(s.last.requests for s in spenders) == everybody.last.requests
    nothing = spend_report(rolled_up, organization_ids=None, now=at + timedelta(days=90))
    assert (nothing.last.cost_usd, nothing.last.requests, nothing.change) == (None, 0, None)


def test_what_is_not_priced_has_no_cost(rolled_up: Engine) -> None:
    at = NOW + timedelta(days=1)
    before = read(rolled_up, DAYS)
    change(rolled_up, "UPDATE ai_organization_days SET total_cost = NULL")
    report = spend_report(rolled_up, organization_ids=None, now=at)
    assert report.last.cost_usd is None
    assert report.last.requests == 3_000
    change(rolled_up, "TRUNCATE ai_organization_days")
    with rolled_up.begin() as connection:
        connection.execute(text(f"INSERT INTO ai_organization_days {SUMS}"))
    assert read(rolled_up, DAYS) == before


def test_a_stage_is_late_failed_or_never_ran(rolled_up: Engine) -> None:
    def health(now: datetime) -> dict[str, Health]:
        return {stage.name: stage.health for stage in stages(rolled_up, organization_ids=None, now=now)}

    found = health(NOW)
    assert found["rollup"] is Health.WELL
    assert {found[name] for name in ("discovery", "training", "publishing", "review")} == {Health.NEVER}
    assert health(NOW + timedelta(hours=37))["rollup"] is Health.LATE
    change(
        rolled_up,
        "INSERT INTO alerts (organization_id, kind, severity, natural_key, message, raised_at) "
        f"VALUES ('{ONE}', 'reconciliation', 'critical', 'r', 'differs', now())",
        "INSERT INTO ai_benchmark_runs (id, kind, seed, spend_limit_usd, status, started_at, finished_at) VALUES "
        "(gen_random_uuid(), 'nightly', 1, 1, 'finished', '2026-11-22Z', '2026-11-22 01:00Z'), "
        "(gen_random_uuid(), 'nightly', 1, 1, 'failed', '2026-11-23Z', NULL)",
    )
    found = health(NOW)
    assert (found["rollup"], found["benchmarks"]) == (Health.FAILED, Health.FAILED)
    unconcerned = stages(rolled_up, organization_ids=["00000000-0000-0000-0000-00000000000b"], now=NOW)
    assert next(s for s in unconcerned if s.name == "rollup").health is Health.WELL
    problems = [s.problem for s in stages(rolled_up, organization_ids=None, now=NOW)]
    assert "1 alert about the data" in str(problems)
    change(rolled_up, "DELETE FROM alerts", "DELETE FROM ai_benchmark_runs")


def test_exposure_is_the_mean_of_seven_days_before_the_end(rolled_up: Engine) -> None:
    assert exposure_report(rolled_up, organization_ids=None, now=NOW).models == ()
    change(rolled_up, "UPDATE ai_models SET retires_on = '2026-12-09' WHERE provider_model_id = 'luna'")
    report = exposure_report(rolled_up, organization_ids=None, now=NOW)
    [model] = report.models
    [paid] = read(rolled_up, "SELECT sum(total_cost) AS usd FROM ai_model_analytics AS a JOIN ai_models AS m "
                             "ON a.model_id = m.id WHERE m.provider_model_id = 'luna'")  # fmt: skip
    assert model.spend_usd_per_day is not None
    assert round(model.spend_usd_per_day, 12) == round(Decimal(str(paid["usd"])) / 7, 12)
    assert (model.days_left, model.organizations, model.features) == (16, 7, 14)
    assert exposure_report(rolled_up, organization_ids=[ONE], now=NOW).features == 2
    assert exposure_report(rolled_up, organization_ids=None, now=NOW, within_days=10).models == ()


def test_exposure_that_takes_too_long_is_unknown_and_no_error(
    rolled_up: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(
        rolled_up,
        "INSERT INTO ai_features (id, name, use_case) VALUES ('chat', 'Chat', 'real_time')",
        "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
        f"SELECT '{ONE}', 'chat', id FROM ai_models WHERE provider_model_id = 'luna'",
    )

    def slow(connection: Connection, name: str, parameters: dict[str, object]) -> list[dict[str, object]]:
        if parameters["days"]:
            connection.execute(text("SET LOCAL statement_timeout = 10"))
            connection.execute(text("SELECT pg_sleep(5)"))
        return run_sql(connection, name, parameters)

    monkeypatch.setattr("modelscout.analytics.exposure.run_sql", slow)
    [model] = exposure_report(rolled_up, organization_ids=None, now=NOW).models
    assert (model.features, model.organizations, model.spend_usd_per_day) == (1, 1, None)


def test_nothing_published_stands_as_nothing(rolled_up: Engine) -> None:
    found = standing(rolled_up, organization_ids=None, now=NOW)
    assert (found.features, found.open_changes, found.adopted) == (0, 0, 0)
    assert (found.adoption_share, found.waiting_saving_usd_per_month, found.mean_rating) == (None, None, None)
