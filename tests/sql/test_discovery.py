"""Discovery as the pipeline's role on real Postgres: the catalog, what keys list, and what is no longer listed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.catalog.loader import Catalog, load_catalog
from modelscout.core.secrets import ProviderCredential, is_simulated
from modelscout.discovery import catalog_sync, keys, shard
from modelscout.discovery.catalog_sync import refresh_prices, sync_catalog
from modelscout.discovery.keys import KeyReport, KeyTarget, ask_key
from modelscout.discovery.shard import key_health, plan_shards
from modelscout.discovery.write import write_reports
from modelscout.providers.protocol import ListedModel
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
NIGHT = timedelta(days=1)
ACME = uuid.UUID(int=0xA)
GLOBEX = uuid.UUID(int=0xB)
LUNA = "gpt-6-luna"
DATED = f"{LUNA}-2026-10-01"
CATALOG = load_catalog()


@pytest.fixture(scope="module")
def pipeline(warehouse_url: str) -> Iterator[Engine]:
    """Engine of the nightly role, so that a missing grant shows here."""
    owner = open_engine(warehouse_url)
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE discovery_nightly LOGIN IN ROLE modelscout_pipeline"))
    owner.dispose()
    engine = open_engine(warehouse_url.replace("postgres@", "discovery_nightly@"))
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE organizations, ai_models, ai_model_prices, ai_features CASCADE"))
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            connection.execute(
                text("INSERT INTO organizations (id, name, slug) VALUES (:id, :slug, :slug)"),
                {"id": organization, "slug": slug},
            )
            connection.execute(
                text("INSERT INTO organization_provider_keys (organization_id, provider, secret_reference) "
                     "VALUES (:id, 'openai', :reference)"),
                {"id": organization, "reference": f"llm__{slug}__openai"},
            )  # fmt: skip


def target(organization: uuid.UUID = ACME) -> KeyTarget:
    slug = "acme" if organization == ACME else "globex"
    return KeyTarget(str(organization), slug, "openai", f"llm__{slug}__openai", simulated=False)


def listing(*models: ListedModel | str, organization: uuid.UUID = ACME) -> KeyReport:
    listed = tuple(m if isinstance(m, ListedModel) else ListedModel(m) for m in models)
    return KeyReport(target(organization), "valid", None, listed, speaks_for_vendor=True)


def write_report(engine: Engine, report: KeyReport, catalog: Catalog, *, now: datetime) -> None:
    write_reports(engine, [report], catalog, now=now)


def rows(engine: Engine, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(r) for r in connection.execute(text(sql), parameters).mappings()]


def model(engine: Engine, name: str) -> dict[str, Any]:
    [row] = rows(engine, "SELECT * FROM ai_models WHERE provider_model_id = :name", name=name)
    return row


def availability(engine: Engine, name: str, organization: uuid.UUID = ACME) -> dict[str, Any]:
    [row] = rows(
        engine,
        "SELECT a.* FROM ai_model_availability AS a JOIN ai_models AS m ON a.model_id = m.id "
        "WHERE m.provider_model_id = :name AND a.organization_id = :o",
        name=name,
        o=organization,
    )
    return row


def events(engine: Engine) -> list[tuple[str, str]]:
    found = rows(
        engine,
        "SELECT m.provider_model_id AS name, e.kind FROM model_events AS e JOIN ai_models AS m "
        "ON e.model_id = m.id ORDER BY 1, 2",
    )
    return [(row["name"], row["kind"]) for row in found]


def changed(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """The catalog from now on, with these fields of LUNA changed."""
    models = tuple(replace(m, **changes) if m.model_id == LUNA else m for m in CATALOG.models)
    monkeypatch.setattr(catalog_sync, "load_catalog", lambda: Catalog(models))


# The catalog


def test_syncing_the_catalog_twice_gives_the_same_rows(pipeline: Engine) -> None:
    first = sync_catalog(pipeline, now=NOW)
    assert first.models == len(CATALOG.models)
    assert first.new_prices > first.models / 2
    everything = [rows(pipeline, f"SELECT * FROM {t} ORDER BY id") for t in ("ai_models", "ai_model_prices")]
    again = sync_catalog(pipeline, now=NOW + NIGHT)
    assert again.new_prices == 0
    assert everything == [
        rows(pipeline, f"SELECT * FROM {t} ORDER BY id") for t in ("ai_models", "ai_model_prices")
    ]


def test_a_corrected_price_supersedes_and_the_history_stays(pipeline: Engine) -> None:
    wrong = [r for r in catalog_sync.price_rows(CATALOG.models) if r.model_id == LUNA]
    right = [replace(r, output_usd_per_million_tokens=Decimal("0.123")) for r in wrong]
    with pipeline.begin() as connection:
        assert len(refresh_prices(connection, wrong, now=NOW)) == len(wrong)
        assert len(refresh_prices(connection, right, now=NOW + NIGHT)) == len(wrong)
        assert refresh_prices(connection, right, now=NOW + 2 * NIGHT) == []
    history = rows(pipeline, "SELECT * FROM ai_model_prices ORDER BY recorded_at")
    assert [row["superseded_at"] for row in history] == [NOW + NIGHT] * len(wrong) + [None] * len(wrong)
    assert {row["output_usd_per_million_tokens"] for row in history if not row["superseded_at"]} == {
        Decimal("0.123")
    }


def test_a_negotiated_price_survives_the_refresh(pipeline: Engine) -> None:
    sync_catalog(pipeline, now=NOW)
    copy = (
        "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
        "above_input_tokens, input_usd_per_million_tokens, source) SELECT :o, provider, provider_model_id, processing, "
        "valid_from, above_input_tokens, 0.001, 'contract' FROM ai_model_prices WHERE provider_model_id = :name"
    )
    with pipeline.begin() as connection:
        connection.execute(text(copy), {"o": ACME, "name": LUNA})
    assert sync_catalog(pipeline, now=NOW + NIGHT).new_prices == 0
    kept = rows(pipeline, "SELECT superseded_at FROM ai_model_prices WHERE source = 'contract'")
    assert kept
    assert all(row["superseded_at"] is None for row in kept)


@pytest.mark.parametrize("field", ["limits", "lifecycle", "name"])
def test_a_correction_in_the_catalog_arrives(
    pipeline: Engine, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    known = CATALOG.resolve("openai", LUNA)
    assert known is not None
    changed(monkeypatch, limits=replace(known.limits, context_window_tokens=None, max_output_tokens=None))
    sync_catalog(pipeline, now=NOW)
    correction: dict[str, Any] = {
        "limits": replace(known.limits, context_window_tokens=123_456),
        "lifecycle": replace(known.lifecycle, deprecated_on=date(2027, 1, 1), retires_on=date(2027, 6, 1)),
        "name": "Luna, renamed",
    }
    changed(monkeypatch, **{field: correction[field]})
    sync_catalog(pipeline, now=NOW + NIGHT)
    row = model(pipeline, LUNA)
    expected = {"limits": 123_456, "lifecycle": date(2027, 6, 1), "name": "Luna, renamed"}
    column = {"limits": "context_window_tokens", "lifecycle": "retires_on", "name": "name"}[field]
    assert row[column] == expected[field]


# What a key lists


def test_a_model_that_nobody_knows_becomes_an_incomplete_row(pipeline: Engine) -> None:
    sync_catalog(pipeline, now=NOW)
    unknown = ListedModel("gpt-99-nova", display_name="Nova", context_window_tokens=7)
    write_report(pipeline, listing(unknown), CATALOG, now=NOW)
    row = model(pipeline, "gpt-99-nova")
    assert (row["name"], row["context_window_tokens"], row["in_catalog"]) == ("Nova", 7, False)
    assert row["family"] is None
    assert availability(pipeline, "gpt-99-nova")["status"] == "available"


def test_a_dated_id_is_matched_to_its_model(pipeline: Engine) -> None:
    sync_catalog(pipeline, now=NOW)
    before = len(rows(pipeline, "SELECT FROM ai_models"))
    write_report(pipeline, listing(DATED), CATALOG, now=NOW)
    assert len(rows(pipeline, "SELECT FROM ai_models")) == before
    assert availability(pipeline, LUNA)["status"] == "available"


@pytest.mark.parametrize("dated_first", [True, False])
def test_an_old_snapshot_says_nothing_about_the_model_listed_beside_it(
    pipeline: Engine, dated_first: bool
) -> None:
    sync_catalog(pipeline, now=NOW)
    snapshot = ListedModel(DATED, lifecycle="retired", retires_at=date(2026, 11, 1))
    both = (snapshot, ListedModel(LUNA, lifecycle="active"))
    write_report(pipeline, listing(*(both if dated_first else both[::-1])), CATALOG, now=NOW)
    assert availability(pipeline, LUNA)["status"] == "available"
    assert model(pipeline, LUNA)["retires_on"] is None


def test_the_vendors_lifecycle_overrides_the_catalog_and_stays(pipeline: Engine) -> None:
    sync_catalog(pipeline, now=NOW)
    stated = ListedModel(
        LUNA, lifecycle="deprecated", deprecated_at=date(2026, 11, 1), retires_at=date(2026, 12, 5),
        context_window_tokens=999,
    )  # fmt: skip
    write_report(pipeline, listing(stated), CATALOG, now=NOW)
    sync_catalog(pipeline, now=NOW + NIGHT)
    row = model(pipeline, LUNA)
    assert (row["deprecated_on"], row["retires_on"]) == (date(2026, 11, 1), date(2026, 12, 5))
    assert row["context_window_tokens"] == 999
    assert row["lifecycle_source"] == "vendor"
    assert row["in_catalog"]
    found = availability(pipeline, LUNA)
    assert (found["status"], found["reason"]) == ("deprecated", "retires on 2026-12-05")


def test_a_vendor_that_says_nothing_leaves_the_catalogs_lifecycle(
    pipeline: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = CATALOG.resolve("openai", LUNA)
    assert known is not None
    changed(monkeypatch, lifecycle=replace(known.lifecycle, retires_on=date(2027, 1, 1)))
    sync_catalog(pipeline, now=NOW)
    write_report(pipeline, listing(LUNA), CATALOG, now=NOW)
    assert model(pipeline, LUNA)["retires_on"] == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("listed", "status"),
    [
        (ListedModel(LUNA), "active"),
        (ListedModel(LUNA, lifecycle="deprecated"), "deprecated"),
        (ListedModel(LUNA, deprecated_at=date(2026, 11, 1), lifecycle="active"), "deprecated"),
        (ListedModel(LUNA, deprecated_at=date(2027, 1, 1), lifecycle="active"), "active"),
        (ListedModel(LUNA, retires_at=date(2027, 6, 1)), "deprecated"),
        (ListedModel(LUNA, retires_at=NOW.date()), "retired"),
        (ListedModel(LUNA, lifecycle="retired"), "retired"),
    ],
)
def test_the_state_of_a_model_in_use(pipeline: Engine, listed: ListedModel, status: str) -> None:
    sync_catalog(pipeline, now=NOW)
    with pipeline.begin() as connection:
        connection.execute(
            text("INSERT INTO ai_features (id, name, use_case) VALUES ('chat', 'c', 'real_time')")
        )
        connection.execute(
            text("INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                 "SELECT :o, 'chat', id FROM ai_models WHERE provider_model_id = :name"),
            {"o": ACME, "name": LUNA},
        )  # fmt: skip
    write_report(pipeline, listing(listed), CATALOG, now=NOW)
    write_report(pipeline, listing(replace(listed), organization=GLOBEX), CATALOG, now=NOW)
    assert availability(pipeline, LUNA)["status"] == status
    elsewhere = "available" if status == "active" else status
    assert availability(pipeline, LUNA, GLOBEX)["status"] == elsewhere


def test_a_fine_tune_belongs_to_the_organization_whose_key_lists_it(pipeline: Engine) -> None:
    name = "ft:gpt-6-luna-2026-10-01:acme:tags:abc123"
    write_report(pipeline, listing(name), CATALOG, now=NOW)
    assert model(pipeline, name)["owner_organization_id"] == ACME
    assert availability(pipeline, name)["status"] == "available"


# What is no longer listed


def test_a_missing_model_is_confirmed_the_second_night(pipeline: Engine) -> None:
    write_report(pipeline, listing(LUNA, "gpt-6"), CATALOG, now=NOW)
    write_report(pipeline, listing("gpt-6"), CATALOG, now=NOW + NIGHT)
    first = availability(pipeline, LUNA)
    assert (first["status"], first["missing_since"]) == ("available", NOW + NIGHT)
    write_report(pipeline, listing("gpt-6"), CATALOG, now=NOW + NIGHT)
    assert availability(pipeline, LUNA) == first, "the same night twice confirms nothing"
    write_report(pipeline, listing("gpt-6"), CATALOG, now=NOW + 2 * NIGHT)
    second = availability(pipeline, LUNA)
    assert (second["status"], second["missing_since"]) == ("unavailable", NOW + NIGHT)
    assert second["last_seen_at"] == NOW
    write_report(pipeline, listing(LUNA, "gpt-6"), CATALOG, now=NOW + 3 * NIGHT)
    back = availability(pipeline, LUNA)
    assert (back["status"], back["missing_since"], back["first_seen_at"]) == ("available", None, NOW)


def test_a_retired_model_stays_retired_when_it_leaves_the_list(pipeline: Engine) -> None:
    write_report(pipeline, listing(ListedModel(LUNA, lifecycle="retired"), "gpt-6"), CATALOG, now=NOW)
    for night in (1, 2):
        write_report(pipeline, listing("gpt-6"), CATALOG, now=NOW + night * NIGHT)
        assert availability(pipeline, LUNA)["status"] == "retired"


def test_one_keys_list_says_nothing_about_other_organizations_or_providers(pipeline: Engine) -> None:
    write_report(pipeline, listing(LUNA, organization=GLOBEX), CATALOG, now=NOW)
    claude = KeyReport(replace(target(), provider="anthropic"), "valid", None, (ListedModel("claude-x"),))
    write_report(pipeline, claude, CATALOG, now=NOW)
    for night in (1, 2, 3):
        write_report(pipeline, listing("gpt-6"), CATALOG, now=NOW + night * NIGHT)
    assert availability(pipeline, LUNA, GLOBEX)["missing_since"] is None
    assert availability(pipeline, "claude-x")["status"] == "available"


def test_events_are_recorded_once(pipeline: Engine) -> None:
    write_report(pipeline, listing(LUNA, "gpt-6"), CATALOG, now=NOW)
    news = [("gpt-6", "new_model"), (LUNA, "new_model")]
    assert events(pipeline) == news
    for time in (NOW, NOW + NIGHT):
        write_report(pipeline, listing(LUNA, "gpt-6"), CATALOG, now=time)
    assert events(pipeline) == news
    ending = ListedModel(LUNA, lifecycle="deprecated", retires_at=date(2026, 12, 5))
    for night in (2, 3):
        write_report(pipeline, listing(ending), CATALOG, now=NOW + night * NIGHT)
    write_report(pipeline, listing(ending), CATALOG, now=NOW + 3 * NIGHT)
    assert events(pipeline) == [
        ("gpt-6", "new_model"),
        ("gpt-6", "unavailable"),
        (LUNA, "deprecated"),
        news[1],
    ]
    moved = replace(ending, retires_at=date(2027, 1, 5))
    write_report(pipeline, listing(moved), CATALOG, now=NOW + 4 * NIGHT)
    assert events(pipeline).count((LUNA, "deprecated")) == 2


def test_a_report_records_its_own_events_only(pipeline: Engine) -> None:
    write_report(pipeline, listing(LUNA, organization=GLOBEX), CATALOG, now=NOW)
    with pipeline.begin() as connection:
        connection.execute(text("DELETE FROM model_events"))
    write_report(pipeline, listing(LUNA), CATALOG, now=NOW)
    owners = [row["organization_id"] for row in rows(pipeline, "SELECT organization_id FROM model_events")]
    assert owners == [ACME], "two shards would write the same events in different orders and block each other"


# The keys


@pytest.mark.parametrize(
    "health", ["refused", "out_of_quota", "no_permission", "unreachable", "not_configured"]
)
def test_a_key_that_fails_is_its_health_and_changes_nothing_else(pipeline: Engine, health: str) -> None:
    write_report(pipeline, listing(LUNA), CATALOG, now=NOW)
    for night in (1, 2):
        write_report(pipeline, KeyReport(target(), health, "because"), CATALOG, now=NOW + night * NIGHT)
    assert availability(pipeline, LUNA)["status"] == "available"
    [key] = rows(pipeline, "SELECT * FROM organization_provider_keys WHERE organization_id = :o", o=ACME)
    assert (key["health"], key["health_reason"], key["checked_at"]) == (health, "because", NOW + 2 * NIGHT)
    assert key_health(pipeline) == {health: 1, "unknown": 1}


async def test_a_missing_key_is_not_configured() -> None:
    report = await ask_key(target(), lambda reference: None)
    assert (report.health, report.models) == ("not_configured", ())
    assert "llm__acme__openai" in str(report.reason)


async def test_a_vendor_that_cannot_be_reached_is_health_not_an_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "LIST_DEADLINE_S", 0.2)
    nobody = ProviderCredential("openai", "sk-secret", "http://127.0.0.1:9/v1")
    report = await ask_key(target(), lambda reference: nobody)
    assert report.health == "unreachable"
    assert "sk-secret" not in str(report)


@pytest.mark.parametrize(
    ("base_url", "simulated"),
    [(None, False), ("https://api.openai.com/v1", False), ("http://127.0.0.1:18080/openai/v1", True),
     ("http://localhost:1/x", True), ("http://localhost.example.com/v1", False),
     ("http://127.0.0.1.example.com/v1", False)],
)  # fmt: skip
def test_only_the_emulator_is_simulated(base_url: str | None, simulated: bool) -> None:
    assert is_simulated(ProviderCredential("openai", "k", base_url)) is simulated


def test_shards_share_out_every_organization_once(pipeline: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan_shards(pipeline, shards=2) == [[str(ACME), str(GLOBEX)]]
    monkeypatch.setattr(shard, "ORGANIZATIONS_PER_SHARD", 1)
    for shards in (2, 5):
        assert plan_shards(pipeline, shards=shards) == [[str(ACME)], [str(GLOBEX)]]
    with pipeline.begin() as connection:
        connection.execute(text("UPDATE organizations SET modelscout_enabled = FALSE WHERE slug = 'acme'"))
    assert plan_shards(pipeline, shards=2) == [[str(GLOBEX)]]
    with pipeline.begin() as connection:
        connection.execute(text("UPDATE organization_provider_keys SET enabled = FALSE"))
    assert plan_shards(pipeline, shards=2) == []
