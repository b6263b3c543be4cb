"""Real traffic reconciles to the last digit with sums made outside the database."""

from __future__ import annotations

import csv
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rollup_support import NOW
from sqlalchemy import Engine, text

from modelscout.analytics.rollup import roll_up
from modelscout.warehouse.engine import open_engine

REPOSITORY = Path(__file__).parents[2]
AZURE = REPOSITORY.parent / "shared/data/azure_llm_2023"
SERVEGEN = REPOSITORY.parent / "shared/data/servegen/client_windows.csv.gz"
ORGANIZATIONS = [uuid.UUID(int=n) for n in (1, 2, 3)]
INPUT_USD, OUTPUT_USD = Decimal("0.000000137"), Decimal("0.000000731")
DAY = date(2023, 11, 16)
KINDS = [
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens",
    "reasoning_tokens", "image_tokens", "image_count", "operations",
]  # fmt: skip


@pytest.fixture
def filled(warehouse_url: str) -> Iterator[Engine]:
    engine = open_engine(warehouse_url)
    with engine.begin() as c:
        c.execute(text("TRUNCATE organizations, ai_usage_events, ai_usage_outcomes, ai_models CASCADE"))
        c.execute(text("TRUNCATE usage_rollup_state"))
    yield engine
    engine.dispose()


@pytest.mark.skipif(not AZURE.exists(), reason="needs ../shared/data/azure_llm_2023")
def test_single_requests_of_azure_add_up(filled: Engine) -> None:
    expected: dict[uuid.UUID, Counter[str]] = {organization: Counter() for organization in ORGANIZATIONS}
    with filled.begin() as connection:
        prepare(connection)
        driver: Any = connection.connection.driver_connection
        columns = (
            "organization_id, feature_id, provider, requested_model, request_id, occurred_at, input_tokens, "
            "output_tokens"
        )
        with driver.cursor() as cursor, cursor.copy(f"COPY ai_usage_events ({columns}) FROM STDIN") as copy:
            for number, (feature, at, read, written) in enumerate(azure_requests()):
                organization = ORGANIZATIONS[number % 7 % 3]
                copy.write_row([organization, feature, "openai", "luna", f"r{number}", at, read, written])
                expected[organization].update(requests=1, input=read, output=written)
    report = roll_up(filled, now=NOW)
    assert (report.events, report.differences) == (28_185, ())
    with filled.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT organization_id, sum(total_requests)::bigint AS requests, sum(input_tokens)::bigint AS input, "
                "sum(output_tokens)::bigint AS output, sum(total_cost) AS cost_usd FROM ai_model_analytics "
                "WHERE date = :day GROUP BY 1"
            ),
            {"day": DAY},
        ).all()
    found = {row.organization_id: row for row in rows}
    for organization, sums in expected.items():
        row = found[organization]
        assert (row.requests, row.input, row.output) == (sums["requests"], sums["input"], sums["output"])
        assert row.cost_usd == sums["input"] * INPUT_USD + sums["output"] * OUTPUT_USD


def prepare(connection: Any) -> None:
    connection.execute(text("SELECT modelscout.ensure_usage_partitions(:day, :day)"), {"day": DAY})
    for organization in ORGANIZATIONS:
        connection.execute(
            text("INSERT INTO organizations (id, slug) VALUES (:o, :s)"),
            {"o": organization, "s": str(organization)},
        )
    connection.execute(
        text("INSERT INTO ai_models (provider, provider_model_id, name) VALUES ('openai', 'luna', 'Luna')")
    )
    connection.execute(
        text(
            "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, source, "
            "input_usd_per_million_tokens, output_usd_per_million_tokens) "
            "VALUES ('openai', 'luna', 'standard', '2023-01-01', 'test', :input, :output)"
        ),
        {"input": INPUT_USD * 1_000_000, "output": OUTPUT_USD * 1_000_000},
    )


def azure_requests() -> Iterator[tuple[str, datetime, int, int]]:
    for feature in ("code", "conv"):
        with (AZURE / f"AzureLLMInferenceTrace_{feature}.csv").open() as file:
            for row in csv.DictReader(file):
                at = datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC)
                yield feature, at, int(row["ContextTokens"]), int(row["GeneratedTokens"])


@pytest.mark.skipif(not SERVEGEN.exists(), reason="needs ../shared/data/servegen")
@pytest.mark.parametrize(
    "events",
    [50_000, pytest.param(5_000_000, marks=[pytest.mark.verify, pytest.mark.timeout(1800)])],
)
def test_a_day_of_real_clients_adds_up(filled: Engine, monkeypatch: pytest.MonkeyPatch, events: int) -> None:
    monkeypatch.setattr(sys, "path", [str(REPOSITORY / "benchmarks"), *sys.path])
    from usage_traffic import add_day

    from modelscout.discovery.catalog_sync import sync_catalog

    sync_catalog(filled, now=NOW)
    with filled.begin() as connection:
        add_day(connection, events=events)
    report = roll_up(filled, now=NOW)
    assert (report.events, report.differences) == (events, ())
    sums = ", ".join(f"sum({kind})" for kind in KINDS)
    with filled.connect() as connection:
        raw = connection.execute(text(f"SELECT count(*), {sums} FROM ai_usage_events")).one()
        for table in ("ai_model_analytics", "ai_model_analytics_hourly"):
            rolled = connection.execute(text(f"SELECT sum(total_requests), {sums} FROM {table}")).one()
            assert tuple(rolled) == tuple(raw)
