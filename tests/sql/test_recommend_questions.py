"""`modelscout recommend` on a warehouse made by hand: what is read, what is said, and the documented examples."""

from __future__ import annotations

import json
import re
import shlex
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from modelscout.cli import main
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.recommender.question_ask import Manner, Wish, needs_for
from modelscout.recommender.question_inputs import read_knowledge
from modelscout.recommender.questions import Ability, Option, Source
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACME, OTHER, RUN = uuid.UUID(int=0xA), uuid.UUID(int=0xB), uuid.UUID(int=0xC)
PAGE = Path(__file__).parents[2] / "docs/recommend.md"
USABLE = ("gpt-4o", "gpt-6-luna", "gemini-3.8-flash", "claude-haiku-5-5", "claude-sonnet-5-5")


@pytest.fixture(scope="module")
def engine(warehouse_url: str) -> Iterator[Engine]:
    opened = open_engine(warehouse_url)
    sync_catalog(opened, now=NOW)
    with opened.begin() as connection:
        fill(connection)
    yield opened
    opened.dispose()


@pytest.fixture(autouse=True)
def environment(engine: Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)


def fill(connection: Connection) -> None:
    """Ten days of two features on gpt-4o; replays of three models on chat; suites of all on search."""
    for statement in (
        "INSERT INTO organizations (id, slug, name) VALUES (:acme, 'acme', 'Acme'), (:other, 'other', 'Other')",
        "INSERT INTO ai_features (id, name, required_capabilities, use_case) VALUES "
        "('chat', 'Chat', '{text_generation}', 'real_time'), "
        "('search', 'Search', '{text_generation}', 'cost_sensitive')",
        "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
        "SELECT o.id, p, 'x', 'valid' FROM organizations AS o, unnest(ARRAY['openai', 'google', 'anthropic']) AS p",
        "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
        "checked_at) "
        "SELECT :acme, id, 'available', :now, :now, :now FROM ai_models WHERE provider_model_id = ANY(:usable)",
        "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
        "SELECT :acme, f, m.id FROM ai_models AS m, unnest(ARRAY['chat', 'search']) AS f "
        "WHERE m.provider_model_id = 'gpt-4o'",
        "INSERT INTO ai_benchmark_runs VALUES (:run, 'nightly', '{}', 1, 1, 'finished', :now)",
        "UPDATE ai_models SET benchmark_results = jsonb_build_object('search', jsonb_build_object('score', "
        "CASE provider_model_id WHEN 'claude-sonnet-5-5' THEN 0.95 WHEN 'gemini-3.8-flash' THEN 0.9 ELSE 0.8 END, "
        "'n', 80, 'interval', jsonb_build_array(0.7, 0.99), 'simulated', FALSE)), "
        "performance_metrics = jsonb_build_object('n', 80, 'duration_p95_ms', 1200.0, 'simulated', FALSE) "
        "WHERE provider_model_id = ANY(:usable)",
    ):
        connection.execute(
            text(statement), {"acme": ACME, "other": OTHER, "now": NOW, "usable": list(USABLE), "run": RUN}
        )
    for feature, answers in (("chat", 1000), ("search", 4000)):
        use(connection, feature, answers)
    replay(connection, "gpt-4o", right=80, cost="0.006", ms=700)
    replay(connection, "gpt-6-luna", right=84, cost="0.0003", ms=500)
    replay(connection, "claude-sonnet-5-5", right=96, cost="0.009", ms=1500)
    connection.execute(
        text(
            "INSERT INTO ai_model_capabilities (model_id, capability, result, documented) "
            "SELECT id, 'text_generation', 'verified', TRUE FROM ai_models WHERE provider_model_id = 'gpt-6-luna'"
        )
    )


def use(connection: Connection, feature: str, answers: int) -> None:
    connection.execute(
        text(
            "INSERT INTO ai_model_analytics (model_id, organization_id, feature_id, date, total_requests, "
            "success_count, input_tokens, output_tokens, latency_histogram, total_cost) "
            "SELECT id, :o, :f, d, :n / 10, :n / 10, "
            "100 * :n, 20 * :n, jsonb_build_object('330', :n / 10), 1 FROM ai_models, "
            "generate_series(cast(:first AS date), cast(:last AS date), interval '1 day') AS d "
            "WHERE provider_model_id = 'gpt-4o'"
        ),
        {"o": ACME, "f": feature, "n": answers, "first": date(2026, 11, 14), "last": NOW.date()},
    )


def replay(
    connection: Connection, model: str, *, right: int, cost: str, ms: int, feature: str = "chat"
) -> None:
    """A hundred items, of which so many are right, at this cost each; the times are `ms` and its first 99 followers."""
    connection.execute(
        text(
            "INSERT INTO ai_benchmark_results (run_id, organization_id, feature_id, model_id, source, suite, case_key, "
            "score, cost_usd, duration_ms, finished_at) SELECT :run, :o, :f, m.id, 'replay', 'replay', 'item-' || i, "
            "CASE WHEN i <= :right THEN 1 ELSE 0 END, cast(:cost AS numeric), :ms + i, :now "
            "FROM ai_models AS m, generate_series(1, 100) AS i WHERE m.provider_model_id = :model"
        ),
        {
            "run": RUN,
            "o": ACME,
            "f": feature,
            "right": right,
            "cost": cost,
            "ms": ms,
            "now": NOW,
            "model": model,
        },
    )


def options(engine: Engine, feature: str) -> dict[str, Option]:
    known = read_knowledge(engine, organization="acme", now=NOW)
    [need] = needs_for(known, {feature: Wish()}, Manner()).needs
    return {option.model: option for option in need.options}


def ask(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    code = main(["recommend", *command, "--json"])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer | {"code": code}


def test_replay_comes_before_suites_and_both_say_what_they_are(engine: Engine) -> None:
    luna = options(engine, "chat")["openai/gpt-6-luna"]
    assert luna.quality is not None
    assert (luna.quality.value, luna.quality.n, luna.quality.source) == (0.84, 100, Source.REPLAY)
    assert luna.quality.low is not None
    assert luna.quality.low < 0.84
    assert luna.latency_ms is not None
    # The 95th of 501 to 600 ms; ranks 0.95 -/+ 1.645 * sqrt(0.95 * 0.05 / 100).
    assert luna.latency_ms[:4] == (595.0, 592.0, 599.0, 100)
    assert (luna.usd_per_request, luna.cost_source) == (Decimal("0.0003"), Source.REPLAY)
    search = options(engine, "search")["openai/gpt-6-luna"]
    assert search.quality is not None
    assert (search.quality.value, search.quality.source) == (0.8, Source.SUITES)
    # 1,000 prompt and 200 answer tokens at 0.1 and 0.5 USD a million.
    assert (search.usd_per_request, search.cost_source) == (Decimal("0.0002"), Source.PRICE_LIST)


def test_own_traffic_tells_the_latency_where_nothing_was_replayed(engine: Engine) -> None:
    latency = options(engine, "search")["openai/gpt-4o"].latency_ms
    assert latency is not None
    assert (latency.source, latency.n) == (Source.OWN_TRAFFIC, 4000)
    assert latency.value == pytest.approx(1.02**329.5, rel=0.01)


def test_abilities_and_keys_are_those_of_the_organization(engine: Engine) -> None:
    found = options(engine, "chat")
    states = {name: found[name].abilities.get("text_generation") for name in found}  # type: ignore[call-overload]
    assert states["openai/gpt-6-luna"] is Ability.VERIFIED
    assert states["openai/gpt-4o"] is Ability.VERIFIED  # It answers features that ask for it.
    assert states["google/gemini-3.8-flash"] is Ability.DOCUMENTED
    assert found["openai/gpt-5.4-mini"].unusable == "no key of the organization lists it"
    assert found["anthropic/claude-opus-4-1"].unusable is not None
    assert found["openai/gpt-6-luna"].unusable is None


def test_another_organizations_work_is_not_seen(engine: Engine) -> None:
    known = read_knowledge(engine, organization="other", now=NOW)
    [need] = needs_for(known, {"chat": Wish(requests_per_month=Decimal(100))}, Manner()).needs
    assert all(option.quality is None for option in need.options)


def test_own_usage_is_the_volume_and_the_model_in_use_less_the_margin_the_minimum(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = ask(capsys, "mix", "--organization", "acme", "--within-margin")
    by_feature = {pick["feature"]: pick for pick in answer["picks"]}
    # Ten days; a month has 30.4375.
    assert Decimal(by_feature["chat"]["requests_per_month"]) == Decimal("3043.75")
    assert {f: p["model"] for f, p in by_feature.items()} == {
        "chat": "openai/gpt-6-luna",
        "search": "anthropic/claude-haiku-5-5",
    }
    assert (answer["code"], answer["simulated"]) == (0, False)


def test_a_budget_buys_the_best_and_says_what_more_would_buy(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(capsys, "budget", "--organization", "acme", "--budget-usd-per-month", "20")
    assert Decimal(answer["mix"]["usd_per_month"]) <= 20
    assert any(sentence.startswith("The budget binds: $") for sentence in answer["sentences"])
    step = answer["mix"]["bindings"]["relaxations"][0]
    more = ask(capsys, "budget", "--organization", "acme", "--budget-usd-per-month", step["to"])
    assert more["mix"]["quality"] >= answer["mix"]["quality"] + step["quality_change"] - 1e-6
    assert {single["model"] for single in answer["single_models"]} == {
        "openai/gpt-4o", "openai/gpt-6-luna", "anthropic/claude-sonnet-5-5"
    }  # fmt: skip


def test_an_impossible_mix_exits_with_1_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    command = ("mix", "--organization", "acme", "--need", "chat:quality=0.9", "--budget-usd-per-month", "5")
    answer = ask(capsys, *command)
    assert (answer["code"], answer["picks"]) == (1, [])
    kinds = {(c["kind"], c["feature"]) for c in answer["conflict"]["constraints"]}
    assert kinds == {("budget", None), ("minimum_quality", "chat")}
    budget = next(r for r in answer["conflict"]["remedies"] if r["kind"] == "budget")
    [change] = budget["changes"]
    assert ask(capsys, *command[:-1], change["to"])["code"] == 0


def test_a_use_case_takes_the_busiest_feature_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(capsys, "use-case", "cost_sensitive", "--organization", "acme", "--min-accuracy", "0.85")
    assert answer["feature"] == "search"
    assert [r["option"]["model"] for r in answer["ranked"]] == [
        "google/gemini-3.8-flash", "anthropic/claude-sonnet-5-5"
    ]  # fmt: skip
    fails = {r["option"]["model"]: [f["reason"] for f in r["fails"]] for r in answer["excluded"]}
    assert fails["openai/gpt-6-luna"] == ["quality 0.800 is below 0.850"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("use-case magic", "USE_CASE='magic' is unknown: give batch_processing"),
        ("use-case real_time --min-accuracy 85", "--min-accuracy='85' is out of range: give 0 to 1"),
        ("use-case real_time --capability fly", "capability='fly' is unknown"),
        ("mix --need chat:speed=1 --usage chat=5", "need chat: 'speed' is unknown: give requests"),
        ("mix --organization other", "no feature was used in the last 30 days: give --usage"),
        ("mix --organization nobody", "organization='nobody' is unknown"),
        ("budget --usage chat=0 --budget-usd-per-month 5", "requests is 0 for every feature"),
        ("mix --usage hum=5", "feature 'hum' has no recorded usage that tells its lengths"),
        ("mix --file /no/such/file", "--file='/no/such/file' cannot be read"),
    ],
)
def test_a_mistake_is_one_line(command: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", *shlex.split(command)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert printed.err.startswith(f"modelscout: {told}"), printed.err


EXAMPLES = re.findall(r"```console\n\$ (.+)\n((?:.*\n)*?)```", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("command", "answer"), EXAMPLES, ids=lambda value: str(value)[:50])
def test_documented_example_answers_as_documented(
    command: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(shlex.split(command)[1:])
    printed = capsys.readouterr()
    assert [line.rstrip() for line in (printed.out + printed.err).splitlines()] == answer.splitlines()
