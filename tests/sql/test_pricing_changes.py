"""Prices that change: corrections become events, negotiated prices are set, the past is priced anew."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.analytics.pricing_negotiated import NegotiatedPrice, set_price
from modelscout.analytics.repricing import reprice
from modelscout.analytics.rollup import roll_up
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Processing
from modelscout.costs.prices import SINCE_EVER, PriceRow
from modelscout.discovery.catalog_sync import refresh_prices

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NIGHT = timedelta(days=1)
ACME, GLOBEX = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
DAYS = {"first_day": date(2026, 11, 20), "last_day": date(2026, 11, 22)}
LUNA = PriceRow(
    provider="openai",
    model_id="gpt-6-luna",
    processing=Processing.STANDARD,
    valid_from=SINCE_EVER,
    above_input_tokens=0,
    input_usd_per_million_tokens=Decimal("0.1"),
    output_usd_per_million_tokens=Decimal("0.5"),
    cache_read_usd_per_million_tokens=None,
    cache_write_usd_per_million_tokens=None,
    cache_write_1h_usd_per_million_tokens=None,
    operation_usd=None,
    image_usd=None,
    source="list",
    estimated=False,
)
LATER = replace(
    LUNA, valid_from=datetime(2026, 12, 1, tzinfo=UTC), output_usd_per_million_tokens=Decimal("0.7")
)


@pytest.fixture(autouse=True)
def filled(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ai_usage_events, ai_usage_outcomes, ai_model_analytics, usage_rollup_state, audit_log, "
                "organizations, ai_models, ai_model_prices, model_events CASCADE"
            )
        )
        connection.execute(text("SELECT modelscout.ensure_usage_partitions('2026-11-19', '2026-11-24')"))
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            connection.execute(
                text("INSERT INTO organizations (id, slug, name) VALUES (:id, :slug, :slug)"),
                {"id": organization, "slug": slug},
            )
        connection.execute(
            text(
                "INSERT INTO ai_models (provider, provider_model_id, name, aliases) "
                "VALUES ('openai', 'gpt-6-luna', 'Luna', '{luna}')"
            )
        )
        for organization in (ACME, GLOBEX):
            for number, day in enumerate((20, 21, 22)):
                connection.execute(
                    text(
                        "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, "
                        "request_id, occurred_at, input_tokens, output_tokens) "
                        "VALUES (:o, 'chat', 'openai', 'luna', :r, :at, 1000000, 1000000)"
                    ),
                    {"o": organization, "r": f"r{number}", "at": datetime(2026, 11, day, 8, tzinfo=UTC)},
                )
        refresh_prices(connection, [LUNA], now=NOW - 2 * NIGHT)


def rows(engine: Engine, statement: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]


def refresh(engine: Engine, *book: PriceRow, now: datetime) -> list[dict[str, Any]]:
    with engine.begin() as connection:
        refresh_prices(connection, list(book), now=now)
    return rows(engine, "SELECT kind, organization_id, details, occurred_at FROM model_events ORDER BY kind")


def total(engine: Engine, organization: uuid.UUID = ACME) -> Decimal:
    found = rows(
        engine,
        f"SELECT sum(total_cost) AS cost FROM ai_model_analytics WHERE organization_id = '{organization}'",
    )
    cost: Decimal = found[0]["cost"]
    return cost


def negotiated(**changes: Any) -> NegotiatedPrice:
    price = NegotiatedPrice(
        organization="acme",
        model="openai/luna",
        valid_from=datetime(2026, 11, 21, tzinfo=UTC),
        units_usd={
            "input_usd_per_million_tokens": Decimal("0.08"),
            "output_usd_per_million_tokens": Decimal("0.4"),
        },
        source="contract 17",
    )
    return replace(price, **changes)


# Refresh


def test_the_first_prices_of_a_model_are_no_change(engine: Engine) -> None:
    assert rows(engine, "SELECT 1 FROM model_events") == []


def test_a_corrected_price_is_an_event_with_both_figures_as_text(engine: Engine) -> None:
    corrected = replace(LUNA, output_usd_per_million_tokens=Decimal("0.6"))
    events = refresh(engine, corrected, now=NOW)
    assert [(e["kind"], e["organization_id"], e["occurred_at"]) for e in events] == [
        ("price_corrected", None, NOW)
    ]
    details = events[0]["details"]
    assert details["before"]["output_usd_per_million_tokens"] == "0.5"
    assert details["after"]["output_usd_per_million_tokens"] == "0.6"
    assert refresh(engine, corrected, now=NOW + NIGHT) == events


def test_a_price_to_come_and_one_in_force_are_told_apart(engine: Engine) -> None:
    assert [e["kind"] for e in refresh(engine, LUNA, LATER, now=NOW)] == ["price_scheduled"]
    in_force = replace(LATER, valid_from=datetime(2026, 11, 22, tzinfo=UTC))
    events = refresh(engine, LUNA, LATER, in_force, now=NOW + NIGHT)
    assert [e["kind"] for e in events] == ["price_changed", "price_scheduled"]
    assert events[0]["details"]["before"]["output_usd_per_million_tokens"] == "0.5"


def test_a_date_that_was_wrong_is_withdrawn_and_prices_nothing_any_more(engine: Engine) -> None:
    wrong = replace(LATER, valid_from=datetime(2026, 11, 20, tzinfo=UTC))
    refresh(engine, LUNA, wrong, now=NOW)
    events = refresh(engine, LUNA, LATER, now=NOW + NIGHT)
    assert [e["kind"] for e in events] == ["price_changed", "price_scheduled", "price_withdrawn"]
    roll_up(engine, now=NOW)
    assert total(engine) == Decimal("1.8")
    assert len(rows(engine, "SELECT 1 FROM ai_model_prices")) == 3


def test_a_model_that_the_refresh_does_not_name_keeps_its_prices(engine: Engine) -> None:
    other = replace(LUNA, model_id="gpt-6-sol")
    assert refresh(engine, other, now=NOW) == []
    assert len(rows(engine, "SELECT 1 FROM ai_model_prices WHERE superseded_at IS NULL")) == 2


# Negotiated prices


def test_a_negotiated_price_holds_from_its_day_on_for_its_organization_alone(engine: Engine) -> None:
    done = set_price(engine, negotiated(), actor="ada", now=NOW)
    assert (done.changed, done.model, done.days_to_reprice) == (True, "openai/gpt-6-luna", True)
    roll_up(engine, now=NOW)
    # 0.6 on the 20th, 0.48 on each of the two days after; 0.6 on each day for the other.
    assert (total(engine), total(engine, GLOBEX)) == (Decimal("1.56"), Decimal("1.8"))


def test_a_negotiated_price_outlasts_a_later_list_price(engine: Engine) -> None:
    set_price(engine, negotiated(), actor="ada", now=NOW)
    refresh(engine, LUNA, replace(LATER, valid_from=datetime(2026, 11, 22, tzinfo=UTC)), now=NOW)
    roll_up(engine, now=NOW)
    assert (total(engine), total(engine, GLOBEX)) == (Decimal("1.56"), Decimal("2.0"))


def test_setting_the_same_price_twice_changes_nothing(engine: Engine) -> None:
    set_price(engine, negotiated(), actor="ada", now=NOW)
    again = set_price(engine, negotiated(), actor="bob", now=NOW + NIGHT)
    assert (again.changed, again.days_to_reprice) == (False, False)
    assert len(rows(engine, "SELECT 1 FROM audit_log")) == 1
    assert len(rows(engine, "SELECT 1 FROM ai_model_prices WHERE organization_id IS NOT NULL")) == 1


def test_other_figures_close_the_old_price_and_the_audit_names_both(engine: Engine) -> None:
    set_price(engine, negotiated(), actor="ada", now=NOW)
    units = {"input_usd_per_million_tokens": Decimal("0.07")}
    done = set_price(engine, negotiated(units_usd=units), actor="bob", now=NOW + NIGHT)
    assert done.replaced["input_usd_per_million_tokens"] == "0.08"
    history = rows(
        engine,
        "SELECT superseded_at, input_usd_per_million_tokens AS usd FROM ai_model_prices "
        "WHERE organization_id IS NOT NULL ORDER BY recorded_at",
    )
    assert [(r["superseded_at"], r["usd"]) for r in history] == [
        (NOW + NIGHT, Decimal("0.08")),
        (None, Decimal("0.07")),
    ]
    audit = rows(engine, "SELECT * FROM audit_log ORDER BY id")[1]
    assert (audit["actor"], audit["action"], audit["organization_id"]) == ("bob", "set_price", ACME)
    assert audit["before"]["input_usd_per_million_tokens"] == "0.08"
    assert audit["after"] == {"input_usd_per_million_tokens": "0.07", "source": "contract 17"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"organization": "nobody"}, "organization='nobody'"),
        ({"model": "gpt-6-luna"}, "model='gpt-6-luna'"),
        ({"model": "openai/gpt-99"}, "model='openai/gpt-99'"),
        ({"units_usd": {}}, "units_usd"),
        ({"units_usd": {"input": Decimal(1)}}, "input is no price"),
        ({"units_usd": {"image_usd": 0.1}}, "image_usd=0.1 is no exact decimal"),
        ({"units_usd": {"image_usd": Decimal(-1)}}, "image_usd=-1"),
        ({"units_usd": {"image_usd": Decimal("NaN")}}, "image_usd=NaN"),
        ({"source": " "}, "source"),
        ({"above_input_tokens": -1}, "above_input_tokens=-1"),
        ({"valid_from": datetime(2026, 11, 21)}, "valid_from"),  # noqa: DTZ001
    ],
)
def test_a_wrong_price_is_refused_by_its_field(engine: Engine, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        set_price(engine, negotiated(**changes), actor="ada", now=NOW)
    assert str(error.value).startswith(named)
    assert rows(engine, "SELECT 1 FROM audit_log") == []


# Re-pricing


def test_a_correction_reaches_the_past_and_leaves_one_audit_row_an_organization(engine: Engine) -> None:
    roll_up(engine, now=NOW)
    refresh(engine, replace(LUNA, output_usd_per_million_tokens=Decimal("0.6")), now=NOW)
    assert total(engine) == Decimal("1.8")
    report = reprice(engine, **DAYS, actor="ada", now=NOW)
    assert (report.days, report.events, report.days_without_events) == (6, 6, 0)
    assert [(o.organization, o.cost_before_usd, o.cost_after_usd) for o in report.changed] == [
        ("acme", Decimal("1.8"), Decimal("2.1")),
        ("globex", Decimal("1.8"), Decimal("2.1")),
    ]
    assert total(engine) == Decimal("2.1")
    audits = rows(engine, "SELECT * FROM audit_log ORDER BY organization_id")
    assert [(a["actor"], a["action"], a["subject"]) for a in audits] == [
        ("ada", "reprice", "2026-11-20/2026-11-22")
    ] * 2
    assert Decimal(audits[0]["before"]["total_cost_usd"]) == Decimal("1.8")
    assert Decimal(audits[0]["after"]["total_cost_usd"]) == Decimal("2.1")
    assert (audits[0]["after"]["requests"], audits[0]["after"]["changed_rows"]) == (3, 3)
    assert not isinstance(json.loads(json.dumps(audits[0]["after"]))["total_cost_usd"], float)


def test_pricing_anew_twice_changes_nothing_and_leaves_no_second_audit_row(engine: Engine) -> None:
    roll_up(engine, now=NOW)
    refresh(engine, replace(LUNA, output_usd_per_million_tokens=Decimal("0.6")), now=NOW)
    reprice(engine, **DAYS, actor="ada", now=NOW)
    before = rows(engine, "SELECT * FROM ai_model_analytics ORDER BY id")
    report = reprice(engine, **DAYS, actor="ada", now=NOW + NIGHT)
    assert report.changed == ()
    assert len(report.organizations) == 2
    assert rows(engine, "SELECT * FROM ai_model_analytics ORDER BY id") == before
    assert len(rows(engine, "SELECT 1 FROM audit_log")) == 2


def test_one_organization_and_its_days_alone_are_priced_anew(engine: Engine) -> None:
    roll_up(engine, now=NOW)
    set_price(engine, negotiated(valid_from=datetime(2026, 11, 20, tzinfo=UTC)), actor="ada", now=NOW)
    refresh(engine, replace(LUNA, output_usd_per_million_tokens=Decimal("0.6")), now=NOW)
    last = date(2026, 11, 21)
    report = reprice(
        engine, organization="acme", first_day=DAYS["first_day"], last_day=last, actor="a", now=NOW
    )
    assert [o.organization for o in report.changed] == ["acme"]
    # Two days at 0.48, the third as it was; the other organization as it was.
    assert (total(engine), total(engine, GLOBEX)) == (Decimal("1.56"), Decimal("1.8"))


def test_an_unknown_price_that_becomes_known_is_counted(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE ai_model_prices SET superseded_at = :now"), {"now": NOW})
    roll_up(engine, now=NOW)
    assert rows(engine, "SELECT DISTINCT total_cost FROM ai_model_analytics") == [{"total_cost": None}]
    refresh(engine, LUNA, now=NOW + NIGHT)
    report = reprice(engine, **DAYS, actor="ada", now=NOW + NIGHT)
    acme = report.changed[0]
    assert (acme.unpriced_before, acme.unpriced_after) == (3, 0)
    assert (acme.cost_before_usd, acme.cost_after_usd) == (Decimal(0), Decimal("1.8"))


def test_days_whose_events_are_deleted_are_priced_from_their_sums(engine: Engine) -> None:
    roll_up(engine, now=NOW)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ai_usage_events WHERE occurred_at < '2026-11-21'"))
    refresh(engine, replace(LUNA, output_usd_per_million_tokens=Decimal("0.6")), now=NOW)
    report = reprice(engine, **DAYS, actor="ada", now=NOW)
    assert (report.days, report.days_without_events, report.requests_left) == (4, 2, 0)
    assert total(engine) == Decimal("2.1")


def test_calls_without_their_events_that_a_new_price_divides_keep_what_they_cost(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
                "occurred_at, input_tokens, output_tokens) "
                "VALUES (:o, 'chat', 'openai', 'luna', 'second', '2026-11-20T08:50Z', 1000000, 1000000)"
            ),
            {"o": ACME},
        )
    roll_up(engine, now=NOW)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ai_usage_events WHERE occurred_at < '2026-11-21'"))
    price = negotiated(valid_from=datetime(2026, 11, 20, 8, 30, tzinfo=UTC))
    set_price(engine, price, actor="ada", now=NOW)
    report = reprice(engine, **DAYS, actor="ada", now=NOW)
    assert report.requests_left == 2
    # Two at 0.6 as they were, 0.48 on each of the two days after.
    assert total(engine) == Decimal("2.16")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"organization": "nobody"}, "organization='nobody'"),
        ({"actor": " "}, "actor"),
        ({"first_day": date(2026, 11, 24)}, "first_day"),
    ],
)
def test_a_wrong_range_is_refused_by_its_field(engine: Engine, changes: dict[str, Any], named: str) -> None:
    arguments: dict[str, Any] = {**DAYS, "actor": "ada", "now": NOW} | changes
    with pytest.raises(ConfigurationError) as error:
        reprice(engine, **arguments)
    assert str(error.value).startswith(named)
