"""The analytics service on a warehouse made by hand: merges, golden figures, isolation, prediction, opportunities."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from isolation_support import session
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.opportunities import Opportunity, Way, opportunities
from modelscout.analytics.patterns import usage_patterns
from modelscout.analytics.performance import Grain, Metric, compare_performance, performance
from modelscout.analytics.prediction import predict_cost
from modelscout.analytics.scope import Scope, model_ids_of
from modelscout.analytics.switch_paid import switch_paid
from modelscout.cli import main
from modelscout.core.errors import ConfigurationError
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = NOW.date()
ACME, OTHER, RANDOM, STEADY = (uuid.UUID(int=n) for n in (0xA, 0xB, 0xC, 0xD))
CHEAP, DEAR, UNPRICED = "gpt-test-cheap", "gpt-test-dear", "gpt-test-unpriced"
PRICES = (  # model, processing, from, input, output, cache read: USD per million
    (CHEAP, "standard", "2026-01-01", 1, 4, "0.1"),
    (CHEAP, "batch", "2026-01-01", "0.5", 2, None),
    (CHEAP, "standard", "2026-12-01", 2, 8, "0.2"),
    (DEAR, "standard", "2026-01-01", 10, 40, None),
)
COLUMNS = {
    "total_requests": 100, "success_count": 100, "error_count": 0, "errors_by_type": "{}", "duration_sum_ms": 0,
    "duration_count": 0, "latency_histogram": "{}", "confidence_sum": 0, "confidence_count": 0,
    "outcome_score_sum": 0, "outcome_count": 0, "input_tokens": 0, "output_tokens": 0, "image_tokens": 0,
    "image_count": 0, "cache_read_tokens": 0, "total_cost": None, "priced_requests": 0, "unpriced_requests": 0,
    "user_sketch": [],
}  # fmt: skip


def add(
    c: Connection, organization: uuid.UUID, model: str, on: date, feature: str = "chat", **given: Any
) -> None:
    row = COLUMNS | given
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    c.execute(
        text(
            f"INSERT INTO ai_model_analytics (organization_id, model_id, feature_id, date, {names}) "
            f"SELECT :organization, id, :feature, :on, {values} FROM ai_models WHERE provider_model_id = :model"
        ),
        row | {"organization": organization, "model": model, "feature": feature, "on": on},
    )


def histogram(durations: Any) -> str:
    buckets = np.ceil(np.log(np.maximum(durations, 1)) / np.log(1.02)).astype(int).tolist()
    return json.dumps({str(b): n for b, n in Counter(buckets).items()})


@pytest.fixture(scope="module")
def engine(warehouse_url: str) -> Iterator[Engine]:
    opened = open_engine(warehouse_url)
    sync_catalog(opened, now=NOW)
    with opened.begin() as c:
        for slug, organization in (("acme", ACME), ("other", OTHER), ("random", RANDOM), ("steady", STEADY)):
            c.execute(
                text("INSERT INTO organizations (id, slug) VALUES (:o, :s)"), {"o": organization, "s": slug}
            )
        for model in (CHEAP, DEAR, UNPRICED):
            c.execute(
                text("INSERT INTO ai_models (provider, provider_model_id, name) VALUES ('openai', :m, :m)"),
                {"m": model},
            )
        for model, processing, since, *usd in PRICES:
            c.execute(
                text(
                    "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                    "input_usd_per_million_tokens, output_usd_per_million_tokens, "
                    "cache_read_usd_per_million_tokens, source) VALUES ('openai', :m, :p, :since, :i, :o, :r, 'test')"
                ),
                {
                    "m": model,
                    "p": processing,
                    "since": f"{since}T00:00Z",
                    "i": usd[0],
                    "o": usd[1],
                    "r": usd[2],
                },
            )
        fill(c)
    yield opened
    opened.dispose()


def fill(c: Connection) -> None:
    monday = date(2026, 11, 16)
    add(c, ACME, CHEAP, monday, success_count=90, error_count=10, errors_by_type='{"timeout": 7, "rate_limited": 3}',
        duration_sum_ms=90_000, duration_count=90, latency_histogram='{"300": 80, "340": 10}', confidence_sum=45,
        confidence_count=90, outcome_score_sum=40, outcome_count=50, input_tokens=400_000, output_tokens=20_000,
        total_cost=Decimal("0.48"), priced_requests=100, user_sketch=[1, 2, 3])  # fmt: skip
    add(c, ACME, CHEAP, monday + timedelta(days=1), errors_by_type='{"timeout": 0}', duration_sum_ms=50_000,
        duration_count=100, latency_histogram='{"300": 50, "350": 50}', input_tokens=400_000, output_tokens=20_000,
        total_cost=Decimal("0.48"), priced_requests=100, user_sketch=[3, 4])  # fmt: skip
    add(c, ACME, DEAR, monday + timedelta(days=7), feature="search", input_tokens=100_000, output_tokens=10_000,
        image_tokens=60_000, image_count=100, total_cost=Decimal("1.4"), priced_requests=100)  # fmt: skip
    add(
        c,
        ACME,
        UNPRICED,
        monday,
        feature="search",
        input_tokens=1000,
        output_tokens=10,
        unpriced_requests=100,
    )
    add(c, OTHER, CHEAP, monday, total_requests=10**6, success_count=1, total_cost=Decimal(999))
    c.execute(
        text(
            "INSERT INTO ai_model_analytics_hourly SELECT a.organization_id, timestamptz '2026-11-16T09:00Z' + h, "
            "a.feature_id, a.model_id, 30, 27, 3, '{}', 0, 0, '{}', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.1, 30, 0, "
            "0, '{}', FALSE, now() FROM ai_model_analytics AS a CROSS JOIN unnest(ARRAY['0 h', '7 days']::interval[]) "
            "AS h WHERE a.date = '2026-11-16' AND a.feature_id = 'chat'"
        )
    )
    for back in range(1, 85):
        add(c, STEADY, CHEAP, TODAY - timedelta(days=back), input_tokens=400_000, output_tokens=25_000,
            total_cost=Decimal("0.5"), priced_requests=100)  # fmt: skip


def scope(organization: uuid.UUID = ACME, *, days: int = 14, feature: str | None = None) -> Scope:
    return Scope(str(organization), TODAY - timedelta(days=days - 1), TODAY, feature)


def test_a_range_is_merged_from_its_days(engine: Engine) -> None:
    with engine.connect() as c:
        cheap = next(p for p in performance(c, scope()) if p.model == f"openai/{CHEAP}")
    assert (cheap.requests, cheap.success_rate, cheap.distinct_users) == (200, 0.95, 4)
    assert cheap.success_interval == pytest.approx((0.9105, 0.9726), abs=1e-4)  # Wilson's, of 190 in 200
    assert cheap.mean_ms == pytest.approx(140_000 / 190)
    assert [(e.error_type, e.requests, e.rate) for e in cheap.errors if e.requests] == [
        ("timeout", 7, 0.035),
        ("rate_limited", 3, 0.015),
    ]
    # 130 in bucket 300, 10 in 340, 50 in 350.
    assert (cheap.p50_ms, cheap.p95_ms, cheap.p99_ms) == pytest.approx(
        (1.02**300 / 1.01, 1.02**350 / 1.01, 1.02**350 / 1.01), rel=1e-3
    )
    assert (cheap.cost_usd, cheap.cost_per_request_usd) == (Decimal("0.96"), Decimal("0.0048"))
    assert (cheap.confidence, cheap.quality, cheap.judged_answers) == (0.5, 0.8, 50)


def test_lines_by_day_week_and_feature(engine: Engine) -> None:
    monday = date(2026, 11, 16)
    with engine.connect() as c:
        lines = {grain: performance(c, scope(), grain=grain) for grain in Grain}
    assert [(p.starts_on, p.requests) for p in lines[Grain.DAY] if CHEAP in p.model] == [
        (monday, 100),
        (monday + timedelta(days=1), 100),
    ]
    assert [(p.starts_on, p.model, p.requests) for p in lines[Grain.WEEK] if UNPRICED not in p.model] == [
        (monday, f"openai/{CHEAP}", 200),
        (monday + timedelta(days=7), f"openai/{DEAR}", 100),
    ]
    assert [p.feature for p in lines[Grain.FEATURE]] == ["chat", "search", "search"]


@pytest.mark.parametrize("seed", range(5))
def test_percentiles_of_any_split_are_within_one_percent_of_the_exact(engine: Engine, seed: int) -> None:
    rng = np.random.default_rng(seed)
    durations = rng.lognormal(6, rng.uniform(0.2, 1.5), int(rng.integers(50, 5000))).round() + 20
    parts = np.split(durations, np.sort(rng.integers(0, len(durations), 9)))
    with engine.connect() as c:
        for back, part in enumerate(parts):
            add(c, RANDOM, CHEAP, TODAY - timedelta(days=back), latency_histogram=histogram(part))
        (found,) = performance(c, scope(RANDOM))
        c.rollback()
    for share, value in ((0.5, found.p50_ms), (0.95, found.p95_ms), (0.99, found.p99_ms)):
        exact = np.sort(durations)[int(np.ceil(share * len(durations) - 1e-9)) - 1]
        assert value == pytest.approx(exact, rel=0.01, abs=0.05)


def test_comparison_ranks_what_is_known_and_puts_the_unknown_last(engine: Engine) -> None:
    with engine.connect() as c:
        compared = compare_performance(c, scope(), metrics=(Metric.COST_PER_REQUEST_USD, Metric.SUCCESS_RATE))
    cost, success = compared.metrics
    assert [name for name, _ in cost.values] == [f"openai/{m}" for m in (CHEAP, DEAR, UNPRICED)]
    assert (cost.best, cost.values[-1][1]) == (f"openai/{CHEAP}", None)
    assert success.values[-1] == (f"openai/{CHEAP}", 0.95)


def test_free_failures_alone_do_not_make_a_request_free(engine: Engine) -> None:
    with engine.connect() as c:
        add(c, RANDOM, CHEAP, TODAY, total_cost=Decimal(0), priced_requests=2, unpriced_requests=98)
        (found,) = performance(c, scope(RANDOM))
        c.rollback()
    assert (found.cost_usd, found.cost_per_request_usd, found.unpriced_requests) == (0, None, 98)


def test_patterns(engine: Engine) -> None:
    with engine.connect() as c:
        found = usage_patterns(c, scope())
    (hour,) = found.hours
    assert (hour.weekday, hour.hour, hour.requests) == (1, 9, 60)
    assert (hour.requests_per_occurrence, hour.error_rate) == (Decimal(30), 0.1)
    assert [(t.model, t.cost_usd, t.share) for t in found.top] == [
        (f"openai/{DEAR}", Decimal("1.4"), Decimal("0.5932")),
        (f"openai/{CHEAP}", Decimal("0.96"), Decimal("0.4068")),
        (f"openai/{UNPRICED}", None, None),
    ]
    assert (found.weeks_compared, found.change) == (
        1,
        Decimal("-0.6667"),
    )  # 100 after the 17th, 300 until then.


def test_an_organization_sees_its_own_only_whatever_it_asks_for(engine: Engine, warehouse_url: str) -> None:
    with engine.begin() as c:
        c.execute(text("CREATE ROLE analytics_acme LOGIN IN ROLE modelscout_organization"))
        c.execute(
            text("INSERT INTO organization_roles (role_name, organization_id) VALUES ('analytics_acme', :o)"),
            {"o": ACME},
        )
    with session(warehouse_url, "analytics_acme") as c:
        assert [p.requests for p in performance(c, scope(feature="chat"))] == [200]
        assert usage_patterns(c, scope()).hours
        assert performance(c, scope(OTHER)) == ()
        patterns = usage_patterns(c, scope(OTHER))
        assert (patterns.hours, patterns.days, patterns.top) == ((), (), ())
        assert opportunities(c, str(OTHER), now=NOW) == ()
        with pytest.raises(ConfigurationError, match="nothing was recorded"):
            predict_cost(c, ahead(OTHER), now=NOW)


def ahead(organization: uuid.UUID) -> Scope:
    return Scope(str(organization), TODAY, TODAY + timedelta(days=13))


def test_prediction_follows_a_scheduled_price_change_and_a_planned_volume(engine: Engine) -> None:
    with engine.connect() as c:
        found = predict_cost(c, ahead(STEADY), now=NOW)
        doubled = predict_cost(c, ahead(STEADY), now=NOW, usage_factor=Decimal(2))
    # 7 days at today's prices, then twice as dear from 1 December on.
    assert [d.price_level for d in found.days] == [1] * 7 + [2] * 7
    assert found.total.median_usd == Decimal("10.5")
    assert doubled.total.median_usd == 21
    assert f"openai/{CHEAP}: from 2026-12-01 2.0000 times today's price" in found.notes
    assert found.history_from == TODAY - timedelta(days=84)


def test_prediction_refuses_days_that_are_past(engine: Engine) -> None:
    with engine.connect() as c, pytest.raises(ConfigurationError, match="give days from 2026-11-24 on"):
        predict_cost(c, scope(STEADY), now=NOW)


def test_opportunities_say_what_they_save_and_what_is_unknown(engine: Engine) -> None:
    with engine.connect() as c:
        found = opportunities(c, str(ACME), now=NOW)

    def one(model: str, way: Way) -> Opportunity | None:
        return next((o for o in found if o.model == f"openai/{model}" and o.way is way), None)

    # 9 days, 800,000 input and 40,000 output tokens: a month is 30 / 9 of it.
    caching, batch = one(CHEAP, Way.PROMPT_CACHING), one(CHEAP, Way.BATCH)
    output = one(CHEAP, Way.OUTPUT_LENGTH)
    assert caching
    assert batch
    assert output
    assert caching.saving_usd_per_month == Decimal("1.20")  # 0.4 M x (1 - 0.1) USD
    assert batch.saving_usd_per_month == Decimal("1.60")  # Half of 0.96 USD
    assert output.saving_usd_per_month == Decimal("0.11")  # 8,000 x 4 USD/M
    images, unknown = one(DEAR, Way.IMAGE_DETAIL), one(DEAR, Way.BATCH)
    assert images
    assert unknown
    assert images.saving_usd_per_month == Decimal("1.00")  # 30,000 x 10 USD/M, of 9 days
    assert unknown.saving_usd_per_month is None
    assert "no price for batch" in str(unknown.reason)
    assert all(o.saving_usd_per_month is None for o in found if UNPRICED in o.model)
    assert found[0] == batch


def test_what_goes_by_batch_already_is_not_saved_twice(engine: Engine) -> None:
    with engine.connect() as c:
        # Standard 4.8 USD; three quarters of it went by batch: 1.2 + 1.8 USD were paid.
        add(c, RANDOM, CHEAP, TODAY, input_tokens=4_000_000, output_tokens=200_000, total_cost=Decimal("3.0"),
            priced_requests=100)  # fmt: skip
        found = {o.way: o.saving_usd_per_month for o in opportunities(c, str(RANDOM), now=NOW)}
        c.rollback()
    assert found[Way.BATCH] == Decimal("18.00")  # 0.6 USD on one day
    assert found[Way.OUTPUT_LENGTH] == Decimal("3.00")  # 40,000 x 4 USD/M x 3.0 / 4.8


def test_a_switch_is_what_was_paid_against_the_same_tokens_at_the_former_prices(engine: Engine) -> None:
    with engine.connect() as c:
        found = switch_paid(
            c, scope(feature="chat"), former=DEAR, new=CHEAP, switching_cost_usd=Decimal(4),
            promised_usd_per_month=Decimal(200),
        )  # fmt: skip
        unknown = switch_paid(c, scope(feature="chat"), former=UNPRICED, new=CHEAP)
    assert (found.paid_usd, found.former_would_cost_usd) == (Decimal("0.96"), Decimal("9.6"))
    assert (found.saving_usd, found.saving_usd_per_month) == (Decimal("8.64"), Decimal("129.6"))
    assert found.return_on_investment == Decimal("1.16")
    assert (unknown.requests, unknown.not_compared_requests) == (0, 200)
    assert unknown.saving_usd_per_month is None


def test_names_and_ranges_are_refused_with_the_remedy(engine: Engine) -> None:
    with engine.connect() as c, pytest.raises(ConfigurationError, match="model='gpt-99' is unknown"):
        model_ids_of(c, ("gpt-99",))
    with pytest.raises(ConfigurationError, match="the first one first"):
        Scope(str(ACME), TODAY, TODAY - timedelta(days=1))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["performance", "--by", "feature"], "search"),
        (["compare", "--metrics", "p95_ms,quality"], "p95_ms"),
        (["patterns"], "Mon 09:00"),
        (["opportunities", "--feature", "chat"], "prompt_caching"),
    ],
)
def test_the_command_answers_for_people_and_for_programs(
    engine: Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], told: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())
    command = ["analytics", *arguments, "--organization", "acme"]
    assert main(command) == 0
    assert told in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)


def test_the_command_predicts(
    engine: Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())
    command = ["analytics", "predict", "--organization", "steady", "--to", "2026-12-07"]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["median_usd"] == "10.500000"
    assert main(command) == 0
    assert "$10.50 in all, 90% interval $10.50 to $10.50" in capsys.readouterr().out
