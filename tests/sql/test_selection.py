"""Selection on a real warehouse, as the logins that applications and organizations have."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from selection_support import ACME, GLOBEX, MODELS, NOW, PRIVATE, assign, available, change, fill, recommend
from sqlalchemy import Engine, text

from modelscout.core.errors import ConfigurationError
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureChange, WorkloadModel
from modelscout.selection import (
    KeeperOptions,
    ModelSelector,
    NoModelAvailable,
    SelectionContext,
    SnapshotKeeper,
    UnknownFeature,
    UnknownOrganization,
    Workload,
)
from modelscout.selection.plan import Source
from modelscout.warehouse.engine import open_engine

QUICK = {"poll_s": 0.2, "gather_s": 0.0, "between_full_s": 0.0, "retry_s": 0.1}
LOGINS = ("select_nightly", "select_application", "select_acme")


@pytest.fixture(scope="module")
def roles(warehouse_url: str) -> None:
    owner = open_engine(warehouse_url)
    with owner.begin() as connection:
        for role, group in zip(LOGINS, ("pipeline", "application", "organization"), strict=True):
            connection.execute(text(f"CREATE ROLE {role} LOGIN IN ROLE modelscout_{group}"))
    owner.dispose()


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, roles: None) -> None:
    fill(engine)
    change(engine, "INSERT INTO organization_roles VALUES ('select_acme', :o)", o=ACME)


@pytest.fixture
def kept(warehouse_url: str) -> Iterator[Callable[..., ModelSelector]]:
    """A started keeper's selector for one login; all are stopped at the end."""
    keepers = []

    def start(login: str = "select_nightly", **options: Any) -> ModelSelector:
        keepers.append(keeper(warehouse_url, login, **options).start())
        return ModelSelector(keepers[-1], clock=NOW.timestamp)

    yield start
    for started in keepers:
        started.close()


def keeper(url: str, login: str = "select_nightly", **options: Any) -> SnapshotKeeper:
    if login == "select_application":
        options.setdefault("organizations", [ACME, GLOBEX])
    url = url.replace("postgres@", f"{login}@")
    return SnapshotKeeper(url, KeeperOptions(**{**QUICK, **options}), clock=lambda: NOW)


def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def names(selection: Any) -> list[str]:
    return [selection.choice.name, *(c.name for c in selection.fallbacks)]


# Which model


@pytest.mark.parametrize(
    ("feature", "first", "word"),
    [
        ("photo_tagging", "openai/luna", "speed"),
        ("chat", "google/text-only", "conversation"),
        ("search", "google/text-only", "analysis"),
    ],
)
def test_where_nobody_chose_the_features_own_default_counts(
    kept: Callable[..., ModelSelector], feature: str, first: str, word: str
) -> None:
    selection = kept().select("acme", feature)
    assert selection.choice.name == first
    assert selection.fallbacks[0].provider != selection.choice.provider
    assert f"by {word}" in selection.explain()


def test_the_model_in_use_its_fallbacks_and_parameters(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "chat", "openai/luna", "anthropic/haiku", "google/flash")
    change(engine, "UPDATE ai_feature_settings SET parameters = cast(:p AS jsonb)", p='{"temperature": 0.2}')
    change(
        engine,
        "INSERT INTO ai_model_settings (organization_id, model_id, parameters) VALUES (:o, :m, cast(:p AS jsonb))",
        o=ACME, m=MODELS["anthropic/haiku"], p='{"temperature": 1, "thinking_budget_tokens": 9}',
    )  # fmt: skip
    selection = kept().select(str(ACME), "chat")
    assert names(selection) == ["openai/luna", "anthropic/haiku", "google/flash"]
    assert selection.choice.source is Source.ASSIGNED
    assert selection.choice.parameters == {"temperature": 0.2}
    assert selection.fallbacks[0].parameters == {"temperature": 0.2, "thinking_budget_tokens": 9}
    assert selection.explain() == "openai/luna answers chat of acme because it is the model in use."


def test_organizations_are_named_by_id_text_or_slug(kept: Callable[..., ModelSelector]) -> None:
    selector = kept()
    assert (
        selector.select(ACME, "chat") == selector.select(str(ACME), "chat") == selector.select("acme", "chat")
    )
    assert selector.select_optimal_model("chat", SelectionContext(ACME)) == selector.select(ACME, "chat")
    with pytest.raises(UnknownOrganization, match="nobody"):
        selector.select("nobody", "chat")
    with pytest.raises(UnknownFeature, match="ai_features has chat, photo_tagging, search"):
        selector.select("acme", "poetry")


def test_a_slug_that_looks_like_another_organizations_id_does_not_stand_for_it(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    change(engine, "UPDATE organizations SET slug = :s WHERE id = :o", s=str(GLOBEX), o=ACME)
    selector = kept()
    assert selector.select(str(GLOBEX), "chat").organization_id == str(GLOBEX)
    assert selector.select(GLOBEX, "chat").organization_id == str(GLOBEX)


def test_an_accepted_recommendation_is_in_force_until_the_setting_changes(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "chat", "openai/terra", "google/flash")
    recommend(engine, "chat", "openai/luna", status="open")
    assert names(kept().select("acme", "chat")) == ["openai/terra", "google/flash", "openai/luna"]
    recommend(engine, "chat", "openai/luna", status="accepted")
    selection = kept().select("acme", "chat")
    assert names(selection) == ["openai/luna", "openai/terra", "google/flash"]
    assert "a recommendation that was accepted" in selection.explain()
    change(engine, "UPDATE ai_feature_settings SET current_model_id = :m", m=MODELS["anthropic/sonnet"])
    assert names(kept().select("acme", "chat")) == ["anthropic/sonnet", "google/flash"]


@pytest.mark.parametrize("status", ["rejected", "rolled_back", "superseded", "snoozed"])
def test_a_recommendation_that_somebody_turned_down_plays_no_part(
    kept: Callable[..., ModelSelector], engine: Engine, status: str
) -> None:
    assign(engine, ACME, "chat", "openai/terra", "google/flash")
    recommend(engine, "chat", "openai/luna", status=status)
    assert names(kept().select("acme", "chat")) == ["openai/terra", "google/flash"]


def test_a_retired_model_gives_way_to_the_recommendation_without_a_refresh(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "chat", "openai/terra")
    recommend(engine, "chat", "anthropic/sonnet", verdict="migrate")
    change(engine, "UPDATE ai_models SET retires_on = '2026-11-26' WHERE id = :m", m=MODELS["openai/terra"])
    today = kept()
    assert names(today.select("acme", "chat"))[:2] == ["openai/terra", "anthropic/sonnet"]
    tomorrow = ModelSelector(today._holder, clock=lambda: NOW.timestamp() + 86_400)
    selection = tomorrow.select("acme", "chat")
    assert selection.choice.name == "anthropic/sonnet"
    assert "openai/terra" not in names(selection)
    assert selection.explain() == (
        "anthropic/sonnet answers chat of acme because the recommendation in force names it, "
        "as openai/terra is retired."
    )


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE organizations SET allowed_providers = '{anthropic,google}' WHERE id = :o", "no key"),
        ("UPDATE organizations SET allowed_regions = '{eu}' WHERE id = :o", "no key"),
        ("UPDATE organization_provider_keys SET health = 'refused' WHERE provider = 'openai'", "no key"),
        ("UPDATE ai_model_availability SET status = 'retired' WHERE model_id = :m", "no key"),
        (
            "INSERT INTO ai_model_settings (organization_id, model_id, enabled) VALUES (:o, :m, FALSE)",
            "no key",
        ),
        (
            "UPDATE ai_model_capabilities SET result = 'contradicted' WHERE model_id = :m",
            "failed the test of image_analysis",
        ),
    ],
)
def test_a_model_that_may_not_be_used_is_never_selected_nor_a_fallback(
    kept: Callable[..., ModelSelector], engine: Engine, statement: str, why: str
) -> None:
    assign(engine, ACME, "photo_tagging", "openai/luna", "anthropic/haiku")
    assign(engine, ACME, "chat", "anthropic/haiku", "openai/luna")
    change(
        engine,
        "UPDATE organization_provider_keys SET region = 'eu' WHERE provider <> 'openai' AND organization_id = :o",
        o=ACME,
    )
    change(engine, f"{statement} AND :o = :o AND :m = :m" if "WHERE" in statement else statement,
           o=ACME, m=MODELS["openai/luna"])  # fmt: skip
    selector = kept()
    selection = selector.select("acme", "photo_tagging")
    assert names(selection) == ["anthropic/haiku"]
    assert why in selection.explain() or (
        why == "no key" and "no key of the organization" in selection.explain()
    )
    if why == "no key":
        assert names(selector.select("acme", "chat")) == ["anthropic/haiku"]


def test_a_fallback_needs_every_capability_verified(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "photo_tagging", "openai/luna", "google/text-only", "google/flash")
    selector = kept()
    selection = selector.select("acme", "photo_tagging")
    assert names(selection) == ["openai/luna", "google/flash"]
    change(
        engine,
        "UPDATE ai_model_capabilities SET result = 'documented' WHERE model_id = :m AND capability = :c",
        m=MODELS["google/flash"], c="structured_output",
    )  # fmt: skip
    schema = Workload(requires=frozenset({"structured_output"}))
    assert names(kept().select("acme", "photo_tagging", schema)) == ["openai/luna"]
    with pytest.raises(NoModelAvailable, match="with tool_use"):
        selector.select("acme", "photo_tagging", Workload(requires=frozenset({"tool_use"})))


def test_easy_and_hard_work_may_go_to_different_models(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    service = FeatureService(engine)
    rules = [
        WorkloadModel({"complexity": ["low"], "urgency": ["batch", "near-real-time"]}, "openai/luna"),
        WorkloadModel({"accuracy": ["critical"]}, "anthropic/sonnet"),
    ]
    service.update(
        "acme", "chat", FeatureChange(model="openai/terra", fallbacks=["google/flash"], workload_models=rules),
        actor="ann", now=NOW,
    )  # fmt: skip
    selector = kept()
    easy = selector.select("acme", "chat", Workload(complexity="low"))
    assert names(easy) == ["openai/luna", "openai/terra", "google/flash"]
    assert "set for this kind of work (complexity low" in easy.explain()
    assert (
        names(selector.select("acme", "chat", Workload(complexity="low", urgency="real-time")))[0]
        == "openai/terra"
    )
    assert names(selector.select("acme", "chat", Workload(accuracy="critical")))[0] == "anthropic/sonnet"
    assert names(selector.select("acme", "chat")) == ["openai/terra", "google/flash"]


def test_evidence_by_kind_of_work_counts_once_it_is_proven_and_accepted(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "chat", "openai/terra")
    kinds = [
        {"when": {"complexity": ["high"]}, "model_id": str(MODELS["anthropic/sonnet"]), "proven": True},
        {"when": {"complexity": ["low"]}, "model_id": str(MODELS["google/flash"]), "proven": False},
    ]
    for status, hard in (("open", "openai/terra"), ("accepted", "anthropic/sonnet")):
        recommend(engine, "chat", "openai/luna", status=status, by_workload=kinds)
        selector = kept()
        assert selector.select("acme", "chat", Workload(complexity="high")).choice.name == hard
        low = selector.select("acme", "chat", Workload(complexity="low")).choice.name
        assert low == ("openai/terra" if status == "open" else "openai/luna")


def test_cost_and_budget_take_the_cheapest_that_is_good_enough(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "chat", "anthropic/sonnet", "openai/terra", "google/flash", "google/text-only")
    assign(engine, ACME, "search", "anthropic/sonnet")
    recommend(engine, "search", "google/flash", proven=("google/flash", "anthropic/haiku"))
    selector = kept()
    careful = Workload(cost_sensitivity="high")
    assert selector.select("acme", "chat", careful).choice.name == "anthropic/sonnet", "nothing is proven"
    cheap = selector.select("acme", "search", careful)
    assert cheap.choice.name == "google/flash"
    assert "as anthropic/sonnet steps back: cost counts here" in cheap.explain()
    exact = Workload(cost_sensitivity="high", accuracy="high")
    assert selector.select("acme", "search", exact).choice.name == "anthropic/sonnet"
    change(engine, "UPDATE ai_feature_settings SET monthly_budget_usd = 10")
    spend(engine, "chat", "10.00")
    spend(engine, "search", "9.99")
    selector = kept()
    # What has no known price is not cheap.
    over = selector.select("acme", "chat")
    assert over.choice.name == "google/flash"
    assert "budget is used up" in over.explain()
    assert selector.select("acme", "search").choice.name == "anthropic/sonnet"


def spend(engine: Engine, feature: str, usd: str) -> None:
    change(
        engine,
        "INSERT INTO ai_model_analytics (organization_id, model_id, feature_id, date, total_cost) "
        "VALUES (:o, :m, :f, '2026-11-03', cast(:c AS numeric)), (:o, :m, :f, '2026-10-31', 500)",
        o=ACME, m=MODELS["anthropic/sonnet"], f=feature, c=usd,
    )  # fmt: skip


def test_a_negotiated_price_counts_for_its_organization_alone(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    change(
        engine,
        "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
        "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
        "VALUES (:o, 'openai', 'luna', 'standard', '2026-02-01', 0.05, 0.1, 'contract')",
        o=ACME,
    )
    selector = kept()
    prices = {
        slug: selector.select(slug, "photo_tagging").choice.usd_per_million_tokens
        for slug in ("acme", "globex")
    }
    assert prices == {"acme": pytest.approx(0.06), "globex": pytest.approx(0.16)}


def test_work_of_high_accuracy_takes_no_model_that_nobody_chose(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "chat", "openai/luna")
    selector = kept()
    exact = Workload(accuracy="high")
    assert names(selector.select("acme", "chat", exact)) == ["openai/luna"]
    with pytest.raises(NoModelAvailable, match="search of acme at accuracy high"):
        selector.select("acme", "search", exact)
    assert len(names(selector.select("acme", "chat"))) > 1


# How models are doing now


def test_health_load_and_head_room_decide_now(kept: Callable[..., ModelSelector], engine: Engine) -> None:
    assign(engine, ACME, "chat", "openai/luna", "anthropic/haiku", "google/flash")
    selector = kept()
    now = [100.0]
    selector.states.clock = lambda: now[0]
    luna = selector.states.of(str(ACME), "openai", "luna")
    luna.failed("rate_limited", now[0], retry_after_s=12)
    limited = selector.select("acme", "chat")
    assert names(limited) == ["anthropic/haiku", "google/flash", "openai/luna"]
    assert "as openai/luna's rate limit is used up for another 12 s" in limited.explain()
    assert names(selector.select("acme", "chat", Workload(urgency="batch")))[0] == "openai/luna", (
        "it can wait"
    )
    now[0] += 13
    assert names(selector.select("acme", "chat"))[0] == "openai/luna"
    for _ in range(5):
        luna.started()
        luna.failed("provider_unavailable", now[0])
    assert names(selector.select("acme", "chat", Workload(urgency="batch")))[0] == "anthropic/haiku"
    now[0] += 6
    assert names(selector.select("acme", "chat"))[0] == "openai/luna", "one call finds out"
    luna.started()
    assert names(selector.select("acme", "chat"))[0] == "anthropic/haiku", "and one alone"
    luna.succeeded(900, now[0])
    assert names(selector.select("acme", "chat"))[0] == "openai/luna"
    assert names(selector.select("acme", "chat", Workload(deadline_ms=500)))[0] == "anthropic/haiku"
    luna.head_room(2, now[0] + 30)
    assert names(selector.select("acme", "chat", Workload(requests=3)))[0] == "anthropic/haiku"
    assert names(selector.select("acme", "chat", Workload(requests=2)))[0] == "openai/luna"
    assert selector.select(GLOBEX, "chat").standing == 0


def test_where_nothing_works_the_first_is_tried_and_that_is_said(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    assign(engine, ACME, "chat", "openai/luna", "anthropic/haiku")
    selector = kept()
    for provider, model in (("openai", "luna"), ("anthropic", "haiku")):
        selector.states.of(str(ACME), provider, model).failed(
            "authentication_failed", selector.states.clock()
        )
    selection = selector.select("acme", "chat")
    assert names(selection) == ["openai/luna", "anthropic/haiku"]
    assert "nothing better can be called now" in selection.explain()


# Who sees what


@pytest.mark.parametrize("login", LOGINS)
def test_every_kind_of_login_selects_the_same(
    kept: Callable[..., ModelSelector], engine: Engine, login: str
) -> None:
    assign(engine, ACME, "chat", "openai/terra", "google/flash")
    assign(engine, GLOBEX, "chat", "anthropic/sonnet")
    selector = kept(login)
    assert names(selector.select("acme", "chat")) == ["openai/terra", "google/flash"]
    if login == "select_acme":
        with pytest.raises(UnknownOrganization):
            selector.select(GLOBEX, "chat")
    else:
        assert selector.select("globex", "chat").choice.name == "anthropic/sonnet"


def test_a_private_model_is_its_owners_alone(kept: Callable[..., ModelSelector], engine: Engine) -> None:
    change(engine, "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                   "VALUES (:g, 'chat', :m), (:a, 'chat', :m)", g=GLOBEX, a=ACME, m=PRIVATE)  # fmt: skip
    available_to_acme = "a key of acme's that lists a model of the same id"
    with engine.begin() as connection:
        available(connection, ACME, PRIVATE)
    for login in LOGINS:
        selector = kept(login)
        assert "ft:luna:globex" not in str(selector.select("acme", "chat")), available_to_acme
        if login != "select_acme":
            assert selector.select("globex", "chat").choice.name == "openai/ft:luna:globex"


def test_the_applications_login_must_say_whom_it_serves(warehouse_url: str) -> None:
    with pytest.raises(ConfigurationError, match="give `organizations`"):
        keeper(warehouse_url, "select_application", organizations=None).start()


# Keeping up


@pytest.mark.parametrize("login", LOGINS)
def test_a_change_is_effective_within_seconds_for_every_kind_of_login(
    kept: Callable[..., ModelSelector], engine: Engine, login: str
) -> None:
    assign(engine, ACME, "chat", "openai/terra")
    selector = kept(login, poll_s=60.0)
    service = FeatureService(engine)
    service.update("acme", "chat", FeatureChange(model="google/flash"), actor="ann", now=NOW)
    until(lambda: selector.select("acme", "chat").choice.name == "google/flash", 5)
    service.undo("acme", "chat", actor="ann", now=NOW)
    until(lambda: selector.select("acme", "chat").choice.name == "openai/terra", 5)
    change(engine, "UPDATE organizations SET allowed_providers = '{anthropic}' WHERE id = :o", o=ACME)
    until(lambda: selector.select("acme", "chat").choice.provider == "anthropic", 5)
    change(
        engine, "UPDATE ai_models SET retires_on = '2026-11-25' WHERE id = :m", m=MODELS["anthropic/haiku"]
    )
    until(lambda: selector.select("acme", "chat").choice.name == "anthropic/sonnet", 5)


def test_a_change_that_nobody_tells_of_is_found_by_asking(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    selector = kept()
    with engine.begin() as connection:
        # As if the notification had been lost: only the version is left.
        connection.execute(text("ALTER TABLE ai_feature_settings DISABLE TRIGGER USER"))
        connection.execute(
            text("INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                 "VALUES (:o, 'chat', :m)"), {"o": ACME, "m": MODELS["google/flash"]},
        )  # fmt: skip
        connection.execute(text("ALTER TABLE ai_feature_settings ENABLE TRIGGER USER"))
        connection.execute(text("INSERT INTO selection_versions (slot) VALUES (modelscout.selection_slot(:o))"),
                           {"o": ACME})  # fmt: skip
    until(lambda: selector.select("acme", "chat").choice.name == "google/flash", 5)


def test_transactions_that_commit_out_of_order_are_all_seen(
    kept: Callable[..., ModelSelector], engine: Engine
) -> None:
    selector = kept()
    slow = engine.connect()
    slow.begin()
    insert = text(
        "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) VALUES (:o, :f, :m)"
    )
    slow.execute(insert, {"o": ACME, "f": "search", "m": MODELS["anthropic/haiku"]})
    assign(engine, ACME, "chat", "google/flash")
    until(lambda: selector.select("acme", "chat").choice.name == "google/flash")
    slow.commit()
    slow.close()
    until(lambda: selector.select("acme", "search").choice.name == "anthropic/haiku")


def test_organizations_come_and_go(kept: Callable[..., ModelSelector], engine: Engine) -> None:
    selector = kept()
    new = uuid.UUID(int=0xFACE)
    change(engine, "INSERT INTO organizations (id, slug) VALUES (:o, 'new')", o=new)
    change(
        engine,
        "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
        "VALUES (:o, 'openai', 'r', 'ok')",
        o=new,
    )
    with engine.begin() as connection:
        available(connection, new, MODELS["openai/luna"])
    until(lambda: _known(selector, "new"))
    change(engine, "UPDATE organizations SET slug = 'renamed' WHERE id = :o", o=new)
    until(lambda: _known(selector, "renamed") and not _known(selector, "new"))
    change(engine, "DELETE FROM organizations WHERE id = :o", o=new)
    until(lambda: not _known(selector, "renamed"))
    assert _known(selector, "acme")


def _known(selector: ModelSelector, organization: str) -> bool:
    try:
        selector.select(organization, "chat")
    except UnknownOrganization:
        return False
    return True


def test_what_the_budget_leaves_and_until_when_it_is_counted_is_known(
    engine: Engine, kept: Callable[..., ModelSelector]
) -> None:
    assign(engine, ACME, "chat", "openai/terra", "openai/luna")
    change(engine, "UPDATE ai_feature_settings SET monthly_budget_usd = 10")
    change(
        engine,
        "INSERT INTO ai_model_analytics (organization_id, feature_id, model_id, date, total_requests, success_count, "
        "total_cost, priced_requests) VALUES (:o, 'chat', :m, :d, 1, 1, 9.5, 1)",
        o=ACME, m=MODELS["openai/terra"], d=NOW.date(),
    )  # fmt: skip
    counts = (
        "total_requests, success_count, error_count, duration_sum_ms, duration_count, confidence_sum, "
        "confidence_count, outcome_score_sum, outcome_count, input_tokens, output_tokens, cache_read_tokens, "
        "cache_write_tokens, cache_write_1h_tokens, reasoning_tokens, image_tokens, image_count, operations, "
        "priced_requests, unpriced_requests, estimated_requests"
    )
    change(
        engine,
        f"INSERT INTO ai_model_analytics_hourly (organization_id, feature_id, model_id, hour, simulated, rolled_up_at, "
        f"{counts}) VALUES (:o, 'chat', :m, :at - interval '3 hours', FALSE, :at - interval '30 minutes', "
        f"{', '.join(['1'] * len(counts.split(',')))})",
        o=ACME, m=MODELS["openai/terra"], at=NOW,
    )  # fmt: skip
    for login, options in (
        ("select_nightly", {}),
        ("select_application", {"organizations": [ACME]}),
        ("select_acme", {}),
    ):
        selector = kept(login, **options)
        selector.spend.add(str(ACME), "chat", Decimal("0.4"), NOW.timestamp())
        assert selector.select(ACME, "chat").choice.name == "openai/terra"
        selector.spend.add(str(ACME), "chat", Decimal("0.1"), NOW.timestamp())
        assert selector.select(ACME, "chat").choice.name == "openai/luna"
        # What was spent before the last rollup is among the 9.50.
        other = kept(login, **options)
        other.spend.add(str(ACME), "chat", Decimal(5), NOW.timestamp() - 1800 - 20)
        assert other.select(ACME, "chat").choice.name == "openai/terra"


def test_a_decision_to_keep_settles_what_was_tried(
    engine: Engine, kept: Callable[..., ModelSelector]
) -> None:
    assign(engine, ACME, "chat", "openai/terra")
    recommend(engine, "chat", "openai/terra", verdict="keep")
    settled = (
        "UPDATE ai_model_recommendations SET evidence = jsonb_build_object('settled', jsonb_build_array(:m))"
    )
    change(engine, settled.replace(":m", "cast(:m AS text)"), m=str(MODELS["google/flash"]))
    plan = kept().select(ACME, "chat").assignment.plan
    assert plan.settled == {str(MODELS["google/flash"])}
    change(engine, "UPDATE ai_model_recommendations SET verdict = 'trial'")
    assert kept().select(ACME, "chat").assignment.plan.settled == frozenset()


def test_the_processes_of_a_login_are_counted(warehouse_url: str) -> None:
    first = keeper(warehouse_url, "select_acme").start()
    assert ModelSelector(first).processes() == 1
    second = keeper(warehouse_url, "select_acme").start()
    other = keeper(warehouse_url, "select_nightly").start()
    assert (second.processes, other.processes) == (2, 1)
    until(lambda: first.processes == 2)
    second.close()
    until(lambda: first.processes == 1)
    for started in (first, other):
        started.close()
