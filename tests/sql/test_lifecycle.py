"""What is retiring, on a warehouse made by hand: who uses it, what depends on it, what follows at what cost."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.lifecycle import Exposure, LifecycleReport, RetiringModel, lifecycle_report
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()
ACME, OTHER = uuid.UUID(int=0xA), uuid.UUID(int=0xB)
# Name, days until it retires, successor, input and output in USD per million tokens.
MODELS = (
    ("old", 9, "middle", "3", "15"),
    ("middle", 60, "new", "2", "10"),
    ("new", None, None, "1", "5"),
    ("gone", -5, "new", "10", "50"),
    ("gone-unused", -5, "new", "10", "50"),
    ("later", 91, "new", "1", "1"),
    ("lonely", 20, None, "1", "1"),
    ("circle", 30, "round", "1", "1"),
    ("round", 30, "circle", "1", "1"),
    ("unpriced", 40, "new", None, None),
)


@pytest.fixture(scope="module")
def engine(warehouse_url: str) -> Iterator[Engine]:
    opened = open_engine(warehouse_url)
    with opened.begin() as connection:
        fill(connection)
    yield opened
    opened.dispose()


def fill(connection: Connection) -> None:
    connection.execute(
        text("INSERT INTO organizations (id, slug) VALUES (:a, 'acme'), (:b, 'other')"),
        {"a": ACME, "b": OTHER},
    )
    connection.execute(
        text(
            "INSERT INTO ai_features (id, name, required_capabilities, use_case) VALUES "
            "('chat', 'Chat', '{text_generation}', 'real_time'), ('tags', 'Tags', '{}', 'batch_processing')"
        )
    )
    for name, days, successor, given, answer in MODELS:
        connection.execute(
            text(
                "INSERT INTO ai_models (provider, provider_model_id, retires_on, successor_model_id, "
                "documented_capabilities) VALUES ('openai', :name, :retires, :successor, '{text_generation}')"
            ),
            {
                "name": name,
                "retires": None if days is None else TODAY + timedelta(days),
                "successor": successor,
            },
        )
        connection.execute(
            text(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES ('openai', :name, 'standard', '1970-01-01T00:00Z', :i, :o, 'test')"
            ),
            {"name": name, "i": given, "o": answer},
        )
    for day in range(7):
        # Batch is cheaper than the list: 0.9 a day where the list says 1.2.
        use(connection, ACME, "chat", "old", TODAY - timedelta(1 + day), cost="0.9")
        # Its last whole days lie before its end.
        use(connection, ACME, "chat", "gone", TODAY - timedelta(6 + day), cost="2")
    use(connection, OTHER, "chat", "old", TODAY - timedelta(1), cost="7")
    use(connection, OTHER, "tags", "unpriced", TODAY - timedelta(2), cost=None)
    use(connection, ACME, "tags", "lonely", TODAY - timedelta(7), cost="0.7")
    # Today is not over, and eight days ago is too long ago.
    use(connection, ACME, "chat", "old", TODAY, cost="100")
    use(connection, ACME, "tags", "old", TODAY - timedelta(8), cost="100")
    connection.execute(
        text(
            "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id, fallback_model_ids) "
            "SELECT :o, 'tags', (SELECT id FROM ai_models WHERE provider_model_id = 'circle'), "
            "ARRAY[(SELECT id FROM ai_models WHERE provider_model_id = 'old')]"
        ),
        {"o": OTHER},
    )


def use(
    connection: Connection, organization: uuid.UUID, feature: str, model: str, on: date, *, cost: str | None
) -> None:
    connection.execute(
        text(
            "INSERT INTO ai_model_analytics (model_id, organization_id, feature_id, date, total_requests, "
            "success_count, input_tokens, output_tokens, total_cost, priced_requests, unpriced_requests) "
            "SELECT id, :organization, :feature, :on, 100, 98, 250000, 30000, :cost, :priced, 100 - :priced "
            "FROM ai_models WHERE provider_model_id = :model"
        ),
        {
            "organization": organization,
            "feature": feature,
            "model": model,
            "on": on,
            "cost": cost,
            "priced": 100 if cost else 0,
        },
    )


def report(engine: Engine, within: int = 90, organization: str | None = None) -> LifecycleReport:
    return lifecycle_report(engine, now=NOW, within_days=within, organization=organization)


def retiring(found: LifecycleReport, name: str) -> RetiringModel:
    return next(m for m in found.models if m.model == f"openai/{name}")


def user(found: LifecycleReport, name: str, organization: str, feature: str) -> Exposure:
    users = retiring(found, name).users
    return next(u for u in users if (u.organization, u.feature) == (organization, feature))


def test_the_next_to_go_comes_first_and_what_is_gone_and_unused_is_left_out(engine: Engine) -> None:
    names = [(m.model.removeprefix("openai/"), m.days_left) for m in report(engine).models]
    assert names == [("gone", -5), ("old", 9), ("lonely", 20), ("circle", 30), ("round", 30), ("unpriced", 40),
                     ("middle", 60)]  # fmt: skip


@pytest.mark.parametrize(("within", "old", "later"), [(8, False, False), (9, True, False), (91, True, True)])
def test_the_horizon_includes_its_last_day(engine: Engine, within: int, old: bool, later: bool) -> None:
    names = {m.model for m in report(engine, within).models}
    assert ("openai/old" in names, "openai/later" in names) == (old, later)


def test_spend_is_the_mean_of_seven_whole_days(engine: Engine) -> None:
    found = user(report(engine), "old", "acme", "chat")
    assert (found.spend_usd_per_day, found.requests_per_day) == (Decimal("0.9"), 100)


def test_the_successor_is_priced_on_the_same_tokens(engine: Engine) -> None:
    found = report(engine)
    # The successor of `old` retires within the horizon too; 3 and 15 against 1 and 5 is a third.
    assert retiring(found, "old").successor == ("openai/new", ("openai/middle",))
    exposed = user(found, "old", "acme", "chat")
    assert exposed.cost_ratio == Decimal("0.3333")
    assert (exposed.successor_usd_per_day, exposed.difference_usd_per_day) == (
        Decimal("0.3"),
        Decimal("-0.6"),
    )


def test_within_a_shorter_horizon_the_nearer_successor_follows(engine: Engine) -> None:
    found = report(engine, 30)
    assert retiring(found, "old").successor == ("openai/middle", ())
    assert user(found, "old", "acme", "chat").difference_usd_per_day == Decimal("-0.3")


def test_a_retired_model_counts_the_days_before_its_end(engine: Engine) -> None:
    found = user(report(engine), "gone", "acme", "chat")
    assert found.spend_usd_per_day == 2
    assert found.difference_usd_per_day == Decimal("-1.8")


def test_a_feature_that_is_only_set_to_a_model_is_a_user_too(engine: Engine) -> None:
    found = report(engine)
    fallback = user(found, "old", "other", "tags")
    assert (fallback.is_current, fallback.is_fallback, fallback.spend_usd_per_day) == (False, True, 0)
    assert user(found, "circle", "other", "tags").is_current
    assert fallback.reason == "no answers were recorded on these days"


def test_unknown_spend_is_counted_and_not_summed_as_zero(engine: Engine) -> None:
    found = report(engine)
    unknown = user(found, "unpriced", "other", "tags")
    assert (unknown.spend_usd_per_day, unknown.difference_usd_per_day) == (None, None)
    assert unknown.reason == "openai/unpriced: no price for input tokens, output tokens"
    assert (found.unpriced_users, retiring(found, "unpriced").unpriced_users) == (1, 1)
    # old: 0.9 and 7 / 7; gone: 2; lonely: 0.7 / 7.
    assert found.spend_usd_per_day == Decimal("0.9") + 1 + 2 + Decimal("0.1")


def test_no_successor_is_said(engine: Engine) -> None:
    found = report(engine)
    assert retiring(found, "lonely").successor is None
    assert retiring(found, "circle").successor is None
    assert user(found, "lonely", "acme", "tags").reason == "no successor is known that outlives the horizon"


def test_one_organization_sees_its_own(engine: Engine) -> None:
    found = report(engine, organization="acme")
    assert {u.organization for m in found.models for u in m.users} == {"acme"}
    assert found.spend_usd_per_day == Decimal("0.9") + 2 + Decimal("0.1")


def test_a_negotiated_price_of_the_successor_counts_for_its_organization(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES (:o, 'openai', 'new', 'standard', '2026-12-02T00:00Z', 0.3, 1.5, 'contract')"
            ),
            {"o": ACME},
        )
    try:
        found = report(engine)
        # In force on the day that `old` goes, though not today.
        assert user(found, "old", "acme", "chat").cost_ratio == Decimal("0.1")
        assert user(found, "old", "other", "chat").cost_ratio == Decimal("0.3333")
    finally:
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM ai_model_prices WHERE source = 'contract'"))


@pytest.mark.parametrize("within", [-1, 3651])
def test_horizon_is_bounded(engine: Engine, within: int) -> None:
    with pytest.raises(ConfigurationError, match="0 to 3650"):
        report(engine, within)
