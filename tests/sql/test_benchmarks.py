"""Capability probes and benchmark runs on real Postgres, with a vendor in memory."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.benchmarks.answer_key import answer_key
from modelscout.benchmarks.capabilities import plan_probes, probe_shard
from modelscout.benchmarks.plan import BenchmarkPlan
from modelscout.benchmarks.plan import create_run as create_any_run
from modelscout.benchmarks.reports import compare_models, last_run_id, run_report
from modelscout.benchmarks.runner import estimate_suites, finish_run, run_shard
from modelscout.benchmarks.spend import BudgetStore
from modelscout.benchmarks.suites import load_suites
from modelscout.benchmarks.work import load_redactor, load_samples, load_settled
from modelscout.core.errors import ConfigurationError, ModelNotFound, ProviderUnavailable
from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.secrets import ProviderCredential
from modelscout.core.settings import Settings
from modelscout.core.types import TokenUsage
from modelscout.providers.protocol import FinishReason, GenerateRequest, GenerateResult, TextDelta, ToolCall

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
SETTINGS = Settings(
    database_url="",
    shards=2,
    request_concurrency=4,
    replay_items=35,
    spend_limit_usd=Decimal(10),
    suite_cases=1000,
)
ACME, BLOOM = uuid.UUID(int=10), uuid.UUID(int=11)
MODELS = {"good": uuid.UUID(int=1), "cheap": uuid.UUID(int=2), "old": uuid.UUID(int=3)}
SIZES = {suite.feature_id: len(suite.cases) for suite in load_suites()}
CHAT = SIZES["chat"]
CASES = SIZES["chat"] + SIZES["search"]
"""What a model that answers both features runs."""
create_run = partial(create_any_run, about="accuracy")
"""Speed and cost have their own tests."""
ANSWERS = {entry.fingerprint: entry for entry in answer_key()}


class Vendor:
    """Right on all that the answer key knows, "yes" on the rest, unless told otherwise."""

    provider = "openai"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.fails: Callable[[GenerateRequest], Exception | None] = lambda request: None
        self.wrong: Callable[[GenerateRequest], bool] = lambda request: False

    @asynccontextmanager
    async def open(self, credential: ProviderCredential, *, concurrency: int) -> AsyncIterator[Any]:
        yield self

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        self.asked.append((request.model, request.prompt))
        await asyncio.sleep(0)
        if (error := self.fails(request)) is not None:
            raise error
        entry = ANSWERS.get(content_fingerprint(request.prompt, [image.data for image in request.images]))
        right = "yes" if entry is None else entry.correct
        answer = right if not self.wrong(request) else "no" if entry is None else entry.wrong[0]
        tool = request.tools[0].name if request.tools and answer.startswith("{") else None
        return GenerateResult(
            text=answer,
            finish_reason=FinishReason.STOP,
            usage=TokenUsage(input_tokens=100, output_tokens=40),
            requested_model=request.model,
            served_model=request.model,
            request_id=None,
            duration_ms=500.0,
            tool_calls=(ToolCall(tool, json.loads(answer)),) if tool else (),
        )

    async def stream(self, request: GenerateRequest) -> AsyncIterator[Any]:
        result = await self.generate(request)
        yield TextDelta(result.text[:1])
        yield TextDelta(result.text[1:])
        yield replace(result, time_to_first_token_ms=100.0)


def credentials(reference: str) -> ProviderCredential | None:
    return ProviderCredential("openai", f"sk-{reference}", "http://127.0.0.1:1/openai/v1")


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    everybody = "text_generation,image_analysis,structured_output,tool_use,streaming,complex_reasoning"
    with engine.begin() as connection:

        def run(statement: str, **values: Any) -> None:
            connection.execute(text(statement), values)

        run("TRUNCATE organizations, ai_models, ai_model_prices, ai_features, ai_benchmark_runs CASCADE")
        for organization, slug in ((ACME, "acme"), (BLOOM, "bloom")):
            run(
                "INSERT INTO organizations (id, name, slug, simulated) VALUES (:id, :slug, :slug, TRUE)",
                id=organization,
                slug=slug,
            )
            run(
                "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
                "VALUES (:id, 'openai', :reference, 'valid')",
                id=organization,
                reference=f"llm__{slug}__openai",
            )
        for name, model_id in MODELS.items():
            run(
                "INSERT INTO ai_models (id, provider, provider_model_id, name, documented_capabilities, "
                "use_case_scores, updated_at) VALUES (:id, 'openai', :name, :name, string_to_array(:all, ','), "
                """'{"high_accuracy": {"score": 80}}', :at)""",
                id=model_id,
                name=name,
                all=everybody,
                at=NOW - timedelta(days=60),
            )
            run(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES ('openai', :name, 'standard', '2026-01-01', :usd, :usd, 'test')",
                name=name,
                usd=0.1 if name == "cheap" else 1,
            )
        for feature in ("chat", "search"):
            run(
                "INSERT INTO ai_features (id, name, required_capabilities, use_case) "
                "VALUES (:id, :id, '{text_generation}', 'real_time')",
                id=feature,
            )
        for organization, names in ((ACME, ("good", "cheap")), (BLOOM, ("good",))):
            for name in names:
                run(
                    "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, "
                    "last_seen_at, checked_at) VALUES (:o, :m, 'available', :now, :now, :now)",
                    o=organization,
                    m=MODELS[name],
                    now=NOW,
                )


def verify(engine: Engine, *names: str) -> None:
    with engine.begin() as connection:
        for name in names:
            for capability in ("text_generation", "streaming"):
                connection.execute(
                    text(
                        "INSERT INTO ai_model_capabilities (model_id, capability, result, tested_at) "
                        "VALUES (:m, :c, 'verified', :now)"
                    ),
                    {"m": MODELS[name], "c": capability, "now": NOW},
                )


def add_samples(
    engine: Engine, count: int, *, incumbent: str | None = "good", expires: timedelta = timedelta(days=9)
) -> None:
    with engine.begin() as connection:
        for index in range(count):
            connection.execute(
                text(
                    "INSERT INTO ai_workload_samples (organization_id, feature_id, item_key, prompt, reference, "
                    "grader, max_output_tokens, baseline_usage, sampled_at, expires_at) VALUES (:o, 'chat', "
                    """:k, :p, '"yes"', 'normalised', 20, '{"input_tokens": 100, "output_tokens": 40}', :at, :e)"""
                ),
                {
                    "o": ACME,
                    "k": f"item-{index:03}",
                    "p": f"Question {index}?",
                    "at": NOW - timedelta(hours=index),
                    "e": NOW + expires,
                },
            )
        connection.execute(
            text(
                "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                "VALUES (:o, 'chat', :m) ON CONFLICT (organization_id, feature_id) DO NOTHING"
            ),
            {"o": ACME, "m": MODELS[incumbent] if incumbent else None},
        )


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement)).all())


def run_all(
    engine: Engine, vendor: Vendor, plan: BenchmarkPlan, settings: Settings = SETTINGS, now: datetime = NOW
) -> Counter[str]:
    counts: Counter[str] = Counter()
    for phase in ("suites", "replay"):
        for shard in plan.shards:
            work = run_shard(
                engine, plan.run_id, shard, credentials, settings, now=now, phases=[phase], opener=vendor.open
            )
            counts.update(asyncio.run(work))
    return counts


def probe_all(engine: Engine, vendor: Vendor, now: datetime = NOW) -> Counter[str]:
    counts: Counter[str] = Counter()
    for shard in plan_probes(engine, now, 2):
        work = probe_shard(
            engine, shard, credentials, SETTINGS, run_key=f"probes of {now}", now=now, opener=vendor.open
        )
        counts.update(asyncio.run(work))
    return counts


# --- capability probes -------------------------------------------------------------------------------------


def test_each_model_is_probed_once_with_the_first_key(engine: Engine) -> None:
    planned = plan_probes(engine, NOW, 2)
    assert planned == [[[str(MODELS["cheap"]), str(ACME)]], [[str(MODELS["good"]), str(ACME)]]]
    json.dumps(planned)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE organization_provider_keys SET enabled = FALSE",
        "UPDATE organization_provider_keys SET health = 'refused'",
        "UPDATE organization_provider_keys SET allows_platform_probes = FALSE",
        "UPDATE ai_model_availability SET status = 'unavailable'",
        "UPDATE organizations SET modelscout_enabled = FALSE",
        "INSERT INTO ai_model_settings (organization_id, model_id, enabled) "
        "SELECT organization_id, model_id, FALSE FROM ai_model_availability",
    ],
)
def test_a_key_that_may_not_be_used_probes_nothing(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))
    assert plan_probes(engine, NOW, 2) == []
    assert create_run(engine, SETTINGS, run_key="r", now=NOW).shards == []


def test_what_is_probed_is_not_due_until_it_changes_or_ages(engine: Engine, vendor: Vendor) -> None:
    counts = probe_all(engine, vendor)
    assert counts == {"verified": 14, "untested": 2}
    assert plan_probes(engine, NOW, 2) == []
    asked = len(vendor.asked)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE ai_models SET updated_at = :at WHERE provider_model_id = 'good'"),
            {"at": NOW + timedelta(hours=1)},
        )
    later = NOW + timedelta(hours=2)
    assert [target[0] for shard in plan_probes(engine, later, 2) for target in shard] == [str(MODELS["good"])]
    probe_all(engine, vendor, later)
    assert len(vendor.asked) == asked + 7
    assert plan_probes(engine, later, 2) == []
    assert len(plan_probes(engine, later + timedelta(days=31), 2)) == 2


@pytest.mark.parametrize(("speaks_for_vendor", "due"), [(True, ["good"]), (False, [])])
def test_a_model_that_changed_under_its_id_is_probed_and_benchmarked_again(
    engine: Engine, vendor: Vendor, speaks_for_vendor: bool, due: list[str]
) -> None:
    probe_all(engine, vendor)
    run_all(engine, vendor, create_run(engine, SETTINGS, run_key="r", now=NOW))
    settled = load_settled(engine, now=NOW)
    assert {case.model_id for case in settled} == {str(MODELS[name]) for name in ("good", "cheap")}
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE organization_provider_keys SET speaks_for_vendor = :v WHERE organization_id = :o"),
            {"v": speaks_for_vendor, "o": BLOOM},
        )
        connection.execute(
            text(
                "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
                "VALUES (:o, :m, 'served_model_changed', 'k', :at)"
            ),
            {"o": BLOOM, "m": MODELS["good"], "at": NOW + timedelta(hours=1)},
        )
    later = NOW + timedelta(hours=2)
    planned = [target[0] for shard in plan_probes(engine, later, 2) for target in shard]
    assert planned == [str(MODELS[name]) for name in due]
    expired = {case.model_id for case in settled} - {
        case.model_id for case in load_settled(engine, now=later)
    }
    assert expired == {str(MODELS[name]) for name in due}
    vendor.asked.clear()
    probe_all(engine, vendor, later)
    # Asked itself, though its version is known by name.
    assert {name for name, _ in vendor.asked} == set(due)
    run_all(engine, vendor, create_run(engine, SETTINGS, run_key="r2", now=later), now=later)
    assert plan_probes(engine, later, 2) == []
    assert load_settled(engine, now=later).keys() == settled.keys()


def test_a_planted_contradiction_is_found_and_none_invented(engine: Engine, vendor: Vendor) -> None:
    vendor.wrong = lambda request: request.model == "cheap" and bool(request.images)
    probe_all(engine, vendor)
    found = rows(
        engine,
        "SELECT m.provider_model_id, c.capability, c.evidence, c.simulated FROM ai_model_capabilities AS c "
        "JOIN ai_models AS m ON m.id = c.model_id WHERE c.result = 'contradicted'",
    )
    assert [(row[0], row[1]) for row in found] == [("cheap", "image_analysis")]
    assert len(found[0].evidence["attempts"]) >= 2
    assert found[0].simulated


def test_a_failing_call_leaves_untested_and_due_and_hides_no_conclusion(
    engine: Engine, vendor: Vendor
) -> None:
    vendor.fails = lambda request: ModelNotFound("gone", provider="openai")
    probe_all(engine, vendor)
    assert rows(engine, "SELECT count(*) FROM ai_model_capabilities WHERE tested_at IS NOT NULL") == [(0,)]
    assert len(plan_probes(engine, NOW, 1)[0]) == 2
    vendor.fails = lambda request: None
    probe_all(engine, vendor)
    later = NOW + timedelta(days=40)
    vendor.fails = lambda request: ModelNotFound("gone", provider="openai")
    probe_all(engine, vendor, later)
    assert rows(engine, "SELECT count(*) FROM ai_model_capabilities WHERE result = 'verified'") == [(14,)]


# --- plan ------------------------------------------------------------------------------------------------------


def test_the_same_key_finds_the_same_run(engine: Engine) -> None:
    verify(engine, "good", "cheap")
    first = create_run(engine, SETTINGS, run_key="scheduled__1", now=NOW)
    assert create_run(engine, SETTINGS, run_key="scheduled__1", now=NOW + timedelta(days=2)) == first
    assert create_run(engine, SETTINGS, run_key="scheduled__2", now=NOW).run_id != first.run_id
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_runs") == [(2,)]
    json.dumps(first.shards)


def test_each_models_suites_are_paid_once_and_by_turns(engine: Engine) -> None:
    verify(engine, "good", "cheap")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, "
                "last_seen_at, checked_at) VALUES (:o, :m, 'available', :now, :now, :now)"
            ),
            {"o": BLOOM, "m": MODELS["cheap"], "now": NOW},
        )
    plan = create_run(engine, SETTINGS, run_key="r", now=NOW)
    work = rows(engine, "SELECT parameters -> 'suite_work' FROM ai_benchmark_runs")[0][0]
    assert {organization: list(models) for organization, models in work.items()} == {
        str(ACME): [str(MODELS["good"])],
        str(BLOOM): [str(MODELS["cheap"])],
    }
    assert sorted(plan.shards) == [[str(ACME)], [str(BLOOM)]]


def test_models_without_verified_capabilities_run_no_suites(engine: Engine) -> None:
    verify(engine, "cheap")
    create_run(engine, SETTINGS, run_key="r", now=NOW)
    work = rows(engine, "SELECT parameters -> 'suite_work' FROM ai_benchmark_runs")[0][0]
    assert work == {str(ACME): {str(MODELS["cheap"]): ["chat", "search"]}}


def test_filters_narrow_a_run(engine: Engine) -> None:
    verify(engine, "good", "cheap")
    create_run(
        engine,
        SETTINGS,
        run_key="r",
        now=NOW,
        kind="manual",
        organizations=["acme"],
        models=["openai/cheap"],
        features=["search"],
        seed=5,
        spend_limit_usd=Decimal("0.5"),
    )
    row = rows(
        engine, "SELECT parameters -> 'suite_work' AS work, seed, spend_limit_usd FROM ai_benchmark_runs"
    )[0]
    assert row.work == {str(ACME): {str(MODELS["cheap"]): ["search"]}}
    assert (row.seed, row.spend_limit_usd) == (5, Decimal("0.5"))


def test_wrong_arguments_are_refused(engine: Engine) -> None:
    with pytest.raises(ConfigurationError, match="kind='weekly'"):
        create_run(engine, SETTINGS, run_key="r", now=NOW, kind="weekly")
    with pytest.raises(ConfigurationError, match="no benchmark run"):
        asyncio.run(run_shard(engine, str(uuid.uuid4()), [], credentials, SETTINGS, now=NOW))


# --- run -------------------------------------------------------------------------------------------------------


def test_a_night_runs_suites_then_replays_and_the_next_night_pays_nothing(
    engine: Engine, vendor: Vendor
) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 40)
    plan = create_run(engine, SETTINGS, run_key="n1", now=NOW)
    counts = run_all(engine, vendor, plan)
    assert counts == {"answered": 2 * CASES + 2 * 35, "failed": 0, "already_done": 0}
    by_source = rows(
        engine,
        "SELECT source, organization_id IS NULL, count(*), min(score)::float, bool_and(simulated), "
        "count(cost_usd) FROM ai_benchmark_results GROUP BY 1, 2 ORDER BY 1",
    )
    assert [tuple(row) for row in by_source] == [
        ("platform", True, 2 * CASES, 1.0, True, 2 * CASES),
        ("replay", False, 70, 1.0, True, 70),
    ]
    items = rows(engine, "SELECT count(DISTINCT case_key) FROM ai_benchmark_results WHERE source = 'replay'")
    assert items == [(35,)], "the same items for both models"
    second = create_run(engine, SETTINGS, run_key="n2", now=NOW + timedelta(days=1))
    asked = len(vendor.asked)
    run_all(engine, vendor, second, now=NOW + timedelta(days=1))
    assert len(vendor.asked) == asked


def test_a_suite_spreads_over_nights_and_a_night_does_not_take_the_next_cases(
    engine: Engine, vendor: Vendor
) -> None:
    verify(engine, "good", "cheap")
    few = replace(SETTINGS, suite_cases=10)

    def night(name: str, now: datetime) -> set[tuple[str, str]]:
        vendor.asked.clear()
        plan = create_run(engine, few, run_key=name, now=now, features=["chat"], replay=False)
        run_all(engine, vendor, plan, few, now)
        return set(vendor.asked)

    first = night("n", NOW)
    assert len(first) == 20
    assert {p for m, p in first if m == "good"} == {p for m, p in first if m == "cheap"}, (
        "compared on the same"
    )
    assert night("again", NOW + timedelta(hours=5)) == set()
    second = night("n2", NOW + timedelta(days=1))
    assert len(second) == 20
    assert not first & second
    for later in range(2, 9):
        night(f"n{later + 1}", NOW + timedelta(days=later))
    assert rows(
        engine, "SELECT count(DISTINCT (model_id, case_key)), count(*) FROM ai_benchmark_results"
    ) == [(2 * CHAT, 2 * CHAT)]


def test_samples_mirror_the_work_and_pass_the_redaction(engine: Engine) -> None:
    add_samples(engine, 300)
    with engine.begin() as connection:
        # One in ten was wrong, one in five is long; in both halves of the time alike.
        connection.execute(
            text(
                "UPDATE ai_workload_samples SET baseline_score = (right(item_key, 1) <> '7')::integer, "
                "prompt = prompt || CASE WHEN right(item_key, 1) IN ('1', '6') THEN repeat(' long', 50) ELSE '' END"
            )
        )

    def drawn(items: int) -> list[str]:
        found = load_samples(
            engine, organization_id=str(ACME), feature_id="chat", items=items, now=NOW, redact=str.upper
        )
        assert all(sample.case.prompt.isupper() for sample in found)
        return [sample.case.case_key for sample in found]

    some = drawn(100)
    assert len(set(some)) == 100
    assert sum(key.endswith("7") for key in some) in {9, 10, 11}
    assert 17 <= sum(key[-1] in "16" for key in some) <= 23
    weeks = Counter(str((NOW - timedelta(hours=int(key[-3:]))).isocalendar()[:2]) for key in some)
    every = Counter(str((NOW - timedelta(hours=n)).isocalendar()[:2]) for n in range(300))
    assert all(abs(weeks[week] - count / 3) <= 3 for week, count in every.items())
    assert drawn(50) == some[:50], "a smaller draw is the beginning of a larger one"


def test_a_redaction_that_cannot_be_loaded_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"MODELSCOUT_REDACTION='nowhere:f' cannot be loaded"):
        load_redactor("nowhere:f")
    assert load_redactor("builtins:repr") is repr


def test_few_or_expired_samples_are_not_replayed(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 29)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, suites=False)
    assert plan.shards == []
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM ai_workload_samples"))
    add_samples(engine, 40, expires=timedelta(seconds=-1))
    assert create_run(engine, SETTINGS, run_key="m", now=NOW, suites=False).shards == []


def test_an_unreachable_incumbent_is_not_called(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 30, incumbent="old")
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, suites=False)
    run_all(engine, vendor, plan)
    assert {model for model, _ in vendor.asked} == {"good", "cheap"}


def test_negotiated_prices_are_those_of_their_organization(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, "
                "valid_from, input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "VALUES (:o, 'openai', 'good', 'standard', '2025-01-01', 0.5, 0.5, 'contract')"
            ),
            {"o": ACME},
        )
    run_all(engine, vendor, create_run(engine, SETTINGS, run_key="n", now=NOW, organizations=["acme"]))
    assert rows(engine, "SELECT DISTINCT cost_usd FROM ai_benchmark_results") == [(Decimal("0.00007"),)]


@pytest.mark.parametrize("models", [None, ["openai/good", "openai/cheap"]], ids=["due", "asked for"])
def test_a_killed_shard_goes_on_where_it_stopped(
    engine: Engine, vendor: Vendor, models: list[str] | None
) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 40)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, models=models)
    shard = [organization for part in plan.shards for organization in part]

    class Killed(BaseException):
        pass

    def kill_at(count: int) -> Callable[[GenerateRequest], Exception | None]:
        def fails(request: GenerateRequest) -> Exception | None:
            if len(vendor.asked) == count:
                raise Killed
            return None

        return fails

    kills = (10, 30, 70, 90, 120, 150, 190, 230, 280, 320)
    for count in kills:
        vendor.fails = kill_at(count)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - a group around Killed
            asyncio.run(
                run_shard(engine, plan.run_id, shard, credentials, SETTINGS, now=NOW, opener=vendor.open)
            )
    vendor.fails = lambda request: None
    asyncio.run(run_shard(engine, plan.run_id, shard, credentials, SETTINGS, now=NOW, opener=vendor.open))
    total = 2 * CASES + 70
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_results") == [(total,)]
    twice = len(vendor.asked) - total
    assert 0 < twice <= len(kills) * SETTINGS.request_concurrency


def test_a_model_found_gone_stays_gone_when_the_task_is_repeated(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    vendor.fails = lambda request: ModelNotFound("gone", provider="openai")
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW)
    run_all(engine, vendor, plan)
    asked = len(vendor.asked)
    assert asked <= SETTINGS.request_concurrency
    run_all(engine, vendor, plan)
    assert len(vendor.asked) == asked


def test_calls_that_fail_for_a_while_are_rows_and_asked_again_the_next_night(
    engine: Engine, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def once(call: Any, **_: Any) -> Any:
        return await call()

    monkeypatch.setattr("modelscout.benchmarks.execution.call_with_retries", once)
    verify(engine, "good")
    vendor.fails = lambda request: ProviderUnavailable(
        "sk-llm__acme__openai is down", provider="openai", status=503
    )
    counts = run_all(
        engine, vendor, create_run(engine, SETTINGS, run_key="n1", now=NOW, organizations=["acme"])
    )
    assert counts["failed"] == CASES
    assert rows(engine, "SELECT DISTINCT error_type, error_message FROM ai_benchmark_results") == [
        ("provider_unavailable", "*** is down")
    ]
    assert rows(engine, "SELECT sum(settled_usd) FROM spend_reservations") == [(Decimal(0),)]
    vendor.fails = lambda request: None
    assert run_all(engine, vendor, create_run(engine, SETTINGS, run_key="n2", now=NOW))["answered"] == CASES


# --- money -----------------------------------------------------------------------------------------------------


def test_the_limit_holds_over_shards_and_repeated_tasks(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    add_samples(engine, 40)
    limit = Decimal("0.03")
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, spend_limit_usd=limit)
    counts = run_all(engine, vendor, plan)
    spent = rows(engine, "SELECT sum(cost_usd) FROM ai_benchmark_results")[0][0]
    settled = rows(
        engine, "SELECT sum(settled_usd), count(*) FILTER (WHERE settled_usd IS NULL) FROM spend_reservations"
    )
    assert settled == [(spent, 0)]
    assert spent <= limit
    assert counts["skipped_for_budget"] == 0
    little = Decimal("0.0045")
    tight = create_run(engine, SETTINGS, run_key="m", now=NOW, spend_limit_usd=little, models=["openai/good"])
    counts = run_all(engine, vendor, tight)
    assert counts["skipped_for_budget"] > 0
    assert counts["answered"] > 0
    spent = rows(engine, f"SELECT sum(cost_usd) FROM ai_benchmark_results WHERE run_id = '{tight.run_id}'")[
        0
    ][0]
    assert 0 < spent <= little


def test_blocks_never_add_up_beyond_the_limit(engine: Engine) -> None:
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, spend_limit_usd=Decimal(1))
    stores = [BudgetStore(engine, plan.run_id, None, clock=lambda: NOW) for _ in range(8)]

    async def grab() -> list[Any]:
        return await asyncio.gather(
            *(asyncio.to_thread(store.reserve, Decimal("0.07")) for store in stores for _ in range(5))
        )

    blocks = [block for block in asyncio.run(grab()) if block is not None]
    assert len(blocks) == 14
    assert stores[0].reserve(Decimal("0.03")) is None
    stores[0].settle(blocks[:2], Decimal("0.01"))
    assert stores[0].reserve(Decimal("0.14")) is not None


@pytest.mark.parametrize("limit", ["day", "organization"])
def test_a_days_limit_holds_over_all_runs(engine: Engine, limit: str) -> None:
    with engine.begin() as connection:
        found = connection.execute(text("SELECT min(id::text) FROM organizations")).scalar_one()
        if limit == "organization":
            connection.execute(text("UPDATE organizations SET benchmark_limit_usd_per_day = 1"))
    runs = [
        create_run(engine, SETTINGS, run_key=f"n{n}", now=NOW, spend_limit_usd=Decimal(1)) for n in range(3)
    ]
    day_limit = Decimal(1) if limit == "day" else None

    def store(run_id: str, now: datetime = NOW) -> BudgetStore:
        return BudgetStore(engine, run_id, str(found), clock=lambda: now, day_limit_usd=day_limit)

    async def grab() -> list[Any]:
        return await asyncio.gather(
            *(
                asyncio.to_thread(store(run.run_id).reserve, Decimal("0.07"))
                for run in runs
                for _ in range(10)
            )
        )

    blocks = [block for block in asyncio.run(grab()) if block is not None]
    assert len(blocks) == 14, "three runs of a dollar each, but only one dollar that day"
    assert store(runs[0].run_id, NOW + timedelta(days=1)).reserve(Decimal("0.07")) is not None


# --- finish ----------------------------------------------------------------------------------------------------


def test_finishing_publishes_scores_and_speeds_with_intervals(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    vendor.wrong = lambda request: request.model == "cheap" and "hexagon" in request.prompt
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW)
    run_all(engine, vendor, plan)
    for _ in range(2):
        assert finish_run(engine, plan.run_id, NOW + timedelta(minutes=5)) == 2
    row = rows(
        engine,
        "SELECT benchmark_results AS b, performance_metrics AS p, updated_at FROM ai_models "
        "WHERE provider_model_id = 'cheap'",
    )[0]
    chat = row.b["chat"]
    assert (chat["score"], chat["n"], chat["simulated"]) == (
        pytest.approx(1 - 1 / CHAT, abs=1e-4),
        CHAT,
        True,
    )
    # Wilson for 70 of 71 and for 66 of 66 at 95 %.
    assert chat["interval"] == [pytest.approx(0.9244, abs=2e-4), pytest.approx(0.9975, abs=2e-4)]
    assert row.b["search"]["interval"] == [pytest.approx(0.9450, abs=2e-4), 1.0]
    assert row.p["duration_ms"] == 500
    assert row.p["time_to_first_token_ms"] == 100
    assert row.p["output_tokens_per_second"] == 100
    assert row.p["error_rate"] == 0
    assert row.p["n"] == CASES
    assert row.updated_at == NOW - timedelta(days=60)
    assert rows(engine, "SELECT status, finished_at FROM ai_benchmark_runs") == [
        ("finished", NOW + timedelta(minutes=5))
    ]


def test_an_organizations_replay_changes_no_public_figure(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good")
    add_samples(engine, 30)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, suites=False)
    run_all(engine, vendor, plan)
    assert finish_run(engine, plan.run_id, NOW) == 0
    assert rows(engine, "SELECT DISTINCT benchmark_results::text FROM ai_models") == [("{}",)]
    assert rows(engine, "SELECT count(*) FROM ai_benchmark_results") == [(30,)]


# --- what people read ------------------------------------------------------------------------------------------


def test_reports_say_what_a_run_did_and_how_models_compare(engine: Engine, vendor: Vendor) -> None:
    verify(engine, "good", "cheap")
    vendor.wrong = lambda request: request.model == "cheap"
    with pytest.raises(ConfigurationError, match="no benchmark run yet"):
        last_run_id(engine)
    plan = create_run(engine, SETTINGS, run_key="n", now=NOW, features=["chat"], replay=False, trials=2)
    estimate = estimate_suites(engine, plan.run_id, plan.shards, SETTINGS, now=NOW)
    assert (estimate.calls, estimate.unpriced) == (4 * CHAT, 0)
    assert vendor.asked == []
    run_all(engine, vendor, plan)
    assert last_run_id(engine) == plan.run_id
    report = run_report(engine, plan.run_id)
    assert 0 < report.spent_usd <= estimate.worst_usd
    assert [(m.model, m.n, m.failed, m.unpriced) for m in report.models] == [
        ("openai/good", 2 * CHAT, 0, 0),
        ("openai/cheap", 2 * CHAT, 0, 0),
    ]
    assert report.models[0].score == 1
    assert report.models[1].score is not None
    assert report.models[1].score < 0.4
    finish_run(engine, plan.run_id, NOW)
    best, worst = compare_models(engine, ["openai/cheap", "openai/good"], feature="chat")
    assert (best.model, worst.model) == ("openai/good", "openai/cheap")
    # A case that was asked twice is one case.
    assert best.n == CHAT
    assert best.low > worst.high
    with pytest.raises(ConfigurationError, match="openai/nobody"):
        compare_models(engine, ["openai/good", "openai/nobody"])
    with pytest.raises(ConfigurationError, match="no id of a run"):
        run_report(engine, "yesterday")
