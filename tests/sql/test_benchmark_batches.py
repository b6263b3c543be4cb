"""Benchmark runs by batch: real Postgres, the vendors' real SDKs, the emulator over HTTP, and kills."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import batch_worker
import httpx2
import pytest
from batch_worker import KEY, NOW, SETTINGS
from killable import Killable
from sqlalchemy import Engine, text

from emulator_thread import served
from modelscout.benchmarks.answer_key import answer_key
from modelscout.benchmarks.batch_rows import BatchRows
from modelscout.benchmarks.control import cancel_run
from modelscout.benchmarks.plan import create_run
from modelscout.benchmarks.suites import load_suites
from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.warehouse.engine import run_sql

ORGANIZATION = uuid.UUID(int=7)
MODELS = {"openai": "gpt-6-luna", "anthropic": "claude-haiku-5-5", "google": "gemini-3.8-flash"}
OTHER = ("openai", "gpt-6-terra")
PREFIXES = {"openai": "/openai/v1", "anthropic": "/anthropic", "google": "/gemini"}
FEATURES = ("search", "moderation")
CASES = sum(len(suite.cases) for suite in load_suites() if suite.feature_id in FEATURES)
CONTROL = "control-0123456789"
STANDARD, BATCH = Decimal("1.7"), Decimal("0.83")
"""USD per million input tokens; output costs five times as much."""

providers = pytest.mark.parametrize("provider", list(MODELS))


class Vendor:
    """The emulator and what it counts."""

    def __init__(self, url: str) -> None:
        self.url = url

    def base_url(self, provider: str) -> str:
        return self.url + PREFIXES[provider]

    def control(self, method: str, path: str, **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {CONTROL}"}
        response = httpx2.request(method, f"{self.url}/control/{path}", json=body or None, headers=headers)
        response.raise_for_status()
        return response.json()

    def paid(self, provider: str) -> tuple[int, int]:
        """Answers that were billed: by batch, live."""
        calls = self.control("GET", "calls")["calls"]
        billed = [c for c in calls if c["provider"] == provider and c["model"] and c["status"] == 200]
        return (
            sum(c["count"] for c in billed if c["batch"]),
            sum(c["count"] for c in billed if not c["batch"]),
        )


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    able = {"capabilities": ["text_generation", "streaming"], "quality": {"default": 0.9}}
    profile = {
        "now": NOW.isoformat(),
        "latency_scale": 0,
        "batch_ms": 100,
        "control_token": CONTROL,
        "keys": {KEY: {"organization": "acme", "provider": "openai"}},
        "models": {f"{provider}/{name}": able for provider, name in (*MODELS.items(), OTHER)},
    }
    with served(create_app(parse_profile(profile), AnswerKey(answer_key()))) as url:
        yield Vendor(url)


def prepare(
    engine: Engine,
    vendor: Vendor,
    provider: str,
    *,
    allows: bool = True,
    batch_price: bool = True,
    models: Sequence[str] = (),
) -> None:
    """One organization whose key reaches one model of `provider`, or `models`."""
    vendor.control("PUT", "profile", keys={KEY: {"organization": "acme", "provider": provider}})
    with engine.begin() as connection:

        def run(statement: str, **values: Any) -> None:
            connection.execute(text(statement), values)

        run("TRUNCATE organizations, ai_models, ai_model_prices, ai_features, ai_benchmark_runs CASCADE")
        run(
            "INSERT INTO organizations (id, name, slug, simulated, allows_batch_benchmarks) "
            "VALUES (:id, 'acme', 'acme', TRUE, :allows)",
            id=ORGANIZATION,
            allows=allows,
        )
        run(
            "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference, health) "
            "VALUES (:id, :provider, 'llm__acme', 'valid')",
            id=ORGANIZATION,
            provider=provider,
        )
        run(
            "INSERT INTO ai_features (id, name, required_capabilities, use_case) "
            "SELECT f, f, '{text_generation}', 'real_time' FROM unnest(cast(:f AS text[])) AS f",
            f=list(FEATURES),
        )
        run(
            "INSERT INTO ai_models (provider, provider_model_id, name) "
            "SELECT :p, n, n FROM unnest(cast(:n AS text[])) AS n",
            p=provider,
            n=list(models or (MODELS[provider],)),
        )
        for processing, usd in (("standard", STANDARD), ("batch", BATCH))[: 1 + batch_price]:
            run(
                "INSERT INTO ai_model_prices (provider, provider_model_id, processing, valid_from, "
                "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
                "SELECT provider, provider_model_id, :processing, '2026-01-01', :usd, 5 * :usd, 'test' FROM ai_models",
                processing=processing,
                usd=usd,
            )
        run(
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) SELECT :o, id, 'available', :now, :now, :now FROM ai_models",
            o=ORGANIZATION,
            now=NOW,
        )
        run(
            "INSERT INTO ai_model_capabilities (model_id, capability, result, tested_at) "
            "SELECT id, c, 'verified', :now FROM ai_models, unnest(ARRAY['text_generation', 'streaming']) AS c",
            now=NOW,
        )


def plan(engine: Engine, key: str = "batches", limit: Decimal = Decimal(100), about: str = "accuracy") -> str:
    return create_run(
        engine, SETTINGS, run_key=key, now=NOW, replay=False, about=about, spend_limit_usd=limit
    ).run_id


def in_process(engine: Engine, vendor: Vendor, provider: str, run_id: str, **more: Any) -> dict[str, int]:
    url = engine.url.render_as_string(hide_password=False)
    return batch_worker.run(url, vendor.base_url(provider), provider, run_id, "never", **more)


def killed(engine: Engine, vendor: Vendor, provider: str, run_id: str, moment: str) -> None:
    url = engine.url.render_as_string(hide_password=False)
    task = Killable(batch_worker.run, url, vendor.base_url(provider), provider, run_id, moment)
    assert task.wait(timeout=120) == -9


def one(engine: Engine, statement: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(statement)).one()


def assert_each_case_has_one_row(engine: Engine) -> None:
    counted = one(
        engine,
        "SELECT count(*), count(DISTINCT (model_id, suite, case_key, trial)) FROM ai_benchmark_results",
    )
    assert tuple(counted) == (CASES, CASES)


@providers
def test_a_run_by_batch_pays_each_case_once_at_the_batch_price(
    engine: Engine, vendor: Vendor, provider: str
) -> None:
    prepare(engine, vendor, provider)
    counts = in_process(engine, vendor, provider, plan(engine))
    assert (counts["answered"], counts["sent_in_batches"], counts["failed"]) == (CASES, CASES, 0)
    assert vendor.paid(provider) == (CASES, 0)
    assert_each_case_has_one_row(engine)
    row = one(
        engine,
        "SELECT array_agg(DISTINCT processing), count(duration_ms), count(score), sum(cost_usd) AS paid, "
        "sum(standard_cost_usd) AS standard, sum(input_tokens + 5 * output_tokens) AS weighted, "
        "bool_and(simulated), avg(score) FROM ai_benchmark_results",
    )
    assert row[0] == ["batch"]
    assert (row[1], row[2]) == (0, CASES)
    assert row.paid == row.weighted * BATCH / 1_000_000
    assert row.standard == row.weighted * STANDARD / 1_000_000
    assert row[6]
    assert 0.75 < row[7] < 1
    spent = one(engine, "SELECT sum(settled_usd), bool_and(settled_usd IS NOT NULL) FROM spend_reservations")
    assert tuple(spent) == (row.paid, True)
    batches = one(
        engine,
        "SELECT bool_and(state = 'collected'), bool_or(jsonb_path_exists(items, '$[*].reference')) "
        "FROM ai_benchmark_batches",
    )
    assert tuple(batches) == (True, False), "references leave with the last use"


def test_a_batch_scores_as_live_calls_do(engine: Engine, vendor: Vendor) -> None:
    scores = (
        "SELECT array_agg(score ORDER BY suite, case_key), array_agg(input_tokens ORDER BY suite, case_key) "
    )
    prepare(engine, vendor, "openai", allows=False)
    counts = in_process(engine, vendor, "openai", plan(engine))
    assert "sent_in_batches" not in counts
    assert vendor.paid("openai") == (0, CASES)
    live = one(engine, scores + "FROM ai_benchmark_results WHERE processing = 'standard'")
    prepare(engine, vendor, "openai")
    in_process(engine, vendor, "openai", plan(engine))
    assert one(engine, scores + "FROM ai_benchmark_results WHERE processing = 'batch'") == live


def test_what_is_about_speed_is_asked_live(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai")
    run_id = plan(engine, about="speed")
    counts = in_process(engine, vendor, "openai", run_id, phases=["suites", "replay", "speed"])
    batched, live = vendor.paid("openai")
    assert (batched, live) == (0, counts["answered"])
    assert live > 0


def test_without_a_batch_price_calls_are_live(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai", batch_price=False)
    in_process(engine, vendor, "openai", plan(engine))
    assert vendor.paid("openai") == (0, CASES)


@pytest.mark.parametrize(
    ("provider", "moment"),
    [
        *(pytest.param(provider, "after_submit") for provider in MODELS),
        pytest.param("openai", "after_results"),
        *(
            pytest.param(provider, moment, marks=pytest.mark.verify)
            for provider in MODELS
            for moment in ("after_results", "after_commit")
            if (provider, moment) != ("openai", "after_results")
        ),
    ],
)
def test_a_kill_after_the_vendor_took_the_batch_pays_nothing_twice(
    engine: Engine, vendor: Vendor, provider: str, moment: str
) -> None:
    prepare(engine, vendor, provider)
    run_id = plan(engine)
    killed(engine, vendor, provider, run_id, moment)
    assert one(engine, "SELECT count(*) FROM ai_benchmark_batches")[0] == 1
    in_process(engine, vendor, provider, run_id)
    assert vendor.paid(provider) == (CASES, 0)
    assert_each_case_has_one_row(engine)
    paid, settled, unsettled = one(
        engine,
        "SELECT (SELECT sum(cost_usd) FROM ai_benchmark_results), sum(settled_usd), "
        "count(*) FILTER (WHERE settled_usd IS NULL) FROM spend_reservations",
    )
    assert (settled, unsettled) == (paid, 0)


def test_a_batch_that_never_reached_the_vendor_is_asked_live(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai")
    run_id = plan(engine)
    killed(engine, vendor, "openai", run_id, "before_submit")
    in_process(engine, vendor, "openai", run_id)
    assert vendor.paid("openai") == (0, CASES)
    assert_each_case_has_one_row(engine)
    state, settled = one(
        engine,
        "SELECT b.state, s.settled_usd FROM ai_benchmark_batches AS b "
        "JOIN spend_reservations AS s ON b.reservation_id = s.id",
    )
    assert (state, settled) == ("lost", 0)


def test_an_acceptance_that_got_lost_is_found_in_the_same_task(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai")
    vendor.control("POST", "faults", provider="openai", kind="malformed", operation="batch")
    in_process(engine, vendor, "openai", plan(engine))
    assert vendor.paid("openai") == (CASES, 0)
    assert_each_case_has_one_row(engine)


def test_a_vendor_that_refuses_the_batch_is_asked_live(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai")
    vendor.control("POST", "faults", provider="openai", kind="http", status=403, operation="batch")
    in_process(engine, vendor, "openai", plan(engine))
    assert vendor.paid("openai") == (0, CASES)
    assert_each_case_has_one_row(engine)


@providers
def test_what_fails_in_a_batch_for_now_is_asked_live_and_what_fails_for_good_is_a_row(
    engine: Engine, vendor: Vendor, provider: str
) -> None:
    prepare(engine, vendor, provider)
    for status, times in ((503, 5), (429, 2), (400, 3)):
        fault = {"kind": "http", "status": status, "times": times}
        vendor.control("POST", "faults", provider=provider, operation="batch_item", **fault)
    counts = in_process(engine, vendor, provider, plan(engine))
    assert vendor.paid(provider) == (CASES - 10, 7)
    assert_each_case_has_one_row(engine)
    assert counts["failed"] == 3
    refused = one(engine, "SELECT count(*), array_agg(DISTINCT error_type), array_agg(DISTINCT processing) "
                  "FROM ai_benchmark_results WHERE error_type IS NOT NULL")  # fmt: skip
    assert tuple(refused) == (3, ["bad_request"], ["batch"])


def test_half_a_batch_expires_and_the_rest_is_asked_live(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "anthropic")
    vendor.control("PUT", "profile", batch_ms=400, batch_expires_ms=200)
    in_process(engine, vendor, "anthropic", plan(engine))
    batched, live = vendor.paid("anthropic")
    assert batched + live == CASES
    assert 0 < batched < CASES
    assert_each_case_has_one_row(engine)


def test_what_takes_too_long_is_left_and_collected_by_the_next_run(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai")
    vendor.control("PUT", "profile", batch_ms=1500)
    impatient = replace(SETTINGS, batch_wait_s=0)
    first = in_process(engine, vendor, "openai", plan(engine, "first"), settings=impatient)
    assert (first["left_in_batches"], first["answered"]) == (CASES, 0)
    second = in_process(engine, vendor, "openai", plan(engine, "second"), settings=impatient)
    assert second["answered"] == 0, "what waits in a batch is not asked again"
    wait_for(lambda: vendor.paid("openai")[0] == CASES)
    third = in_process(engine, vendor, "openai", plan(engine, "third"))
    assert third["answered"] == CASES
    assert vendor.paid("openai") == (CASES, 0)
    assert_each_case_has_one_row(engine)


def test_a_cancelled_run_calls_its_batches_off(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai")
    vendor.control("PUT", "profile", batch_ms=60_000)
    run_id = plan(engine)
    patient = replace(SETTINGS, batch_wait_s=40)
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(in_process, engine, vendor, "openai", run_id, settings=patient)
        wait_for(lambda: one(engine, "SELECT count(*) FROM ai_benchmark_batches WHERE state = 'open'")[0] > 0)
        cancel_run(engine, run_id, by="mira", now=NOW)
        assert work.result(timeout=20)["left_in_batches"] == CASES
    called_off = vendor.paid("openai")[0]
    assert called_off < CASES, "the vendor answered what it had begun, and no more"
    vendor.control("PUT", "profile", batch_ms=0)
    in_process(engine, vendor, "openai", plan(engine, "second"))
    assert sum(vendor.paid("openai")) == CASES, "what it had answered is collected and not paid again"
    assert_each_case_has_one_row(engine)


def test_a_replay_by_batch_is_evidence_at_the_price_of_live_traffic(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai", models=("gpt-6-luna", "gpt-6-terra"))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_workload_samples (organization_id, feature_id, item_key, prompt, reference, grader, "
                "max_output_tokens, baseline_usage, sampled_at, expires_at) "
                "SELECT :o, 'search', 'item-' || n, 'Question ' || n, '\"yes\"', 'normalised', 20, "
                """'{"input_tokens": 100, "output_tokens": 40}', :now, cast(:now AS timestamptz) + interval '9 days' """
                "FROM generate_series(1, 30) AS n"
            ),
            {"o": ORGANIZATION, "now": NOW},
        )
        connection.execute(
            text(
                "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                "SELECT :o, 'search', id FROM ai_models WHERE provider_model_id = 'gpt-6-luna'"
            ),
            {"o": ORGANIZATION},
        )
    run_id = create_run(engine, SETTINGS, run_key="replay", now=NOW, suites=False).run_id
    in_process(engine, vendor, "openai", run_id, phases=["replay"])
    assert vendor.paid("openai") == (60, 0)
    standard, paid = one(
        engine,
        "SELECT sum(standard_cost_usd), sum(cost_usd) FROM ai_benchmark_results AS r "
        "JOIN ai_models AS m ON r.model_id = m.id "
        f"WHERE m.provider_model_id = 'gpt-6-terra' AND r.organization_id = '{ORGANIZATION}'",
    )
    assert paid == standard * BATCH / STANDARD
    with engine.connect() as connection:
        pairs = run_sql(connection, "queries/recommender_pairs", {"now": NOW})
    assert [(pair["model"], pair["n"], round(Decimal(pair["candidate_cost"]), 9)) for pair in pairs] == [
        ("gpt-6-terra", 30, round(standard, 9))
    ]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_of_two_that_collect_a_batch_one_writes_it(engine: Engine, vendor: Vendor) -> None:
    prepare(engine, vendor, "openai")
    vendor.control("PUT", "profile", batch_ms=600_000)
    impatient = replace(SETTINGS, batch_wait_s=0)
    in_process(engine, vendor, "openai", plan(engine), settings=impatient)
    tasks = [BatchRows(engine, plan(engine, key)) for key in ("one", "two")]
    (batch,) = tasks[0].pending([str(ORGANIZATION)], NOW)
    case = dict(batch.items[0].columns) | {"finished_at": NOW.isoformat(), "simulated": True, "score": 1}
    written = [
        rows.close(batch, "collected", now=NOW, spent_usd=Decimal(number), rows=[case])
        for number, rows in enumerate(tasks, start=1)
    ]
    assert written == [True, False]
    counted = one(engine, "SELECT (SELECT count(*) FROM ai_benchmark_results), "
                  "(SELECT sum(settled_usd) FROM spend_reservations)")  # fmt: skip
    assert tuple(counted) == (1, 1)
    assert tasks[1].pending([str(ORGANIZATION)], NOW) == []


def test_a_batch_that_nobody_can_collect_is_given_up_and_its_money_stays_held(
    engine: Engine, vendor: Vendor
) -> None:
    prepare(engine, vendor, "openai")
    vendor.control("PUT", "profile", batch_ms=600_000)
    in_process(engine, vendor, "openai", plan(engine), settings=replace(SETTINGS, batch_wait_s=0))
    rows = BatchRows(engine, plan(engine, "later"))
    assert len(rows.pending([str(ORGANIZATION)], NOW + timedelta(days=2))) == 1
    assert rows.pending([str(ORGANIZATION)], NOW + timedelta(days=4)) == []
    assert rows.asked().pending == frozenset()
    held = one(engine, "SELECT s.settled_usd, s.reserved_usd > 0 FROM spend_reservations AS s "
               "JOIN ai_benchmark_batches AS b ON b.reservation_id = s.id")  # fmt: skip
    assert tuple(held) == (None, True)


@pytest.mark.parametrize("limit", ["0.000001", "0.05", "0.3", "1"])
def test_no_limit_is_ever_passed(engine: Engine, vendor: Vendor, limit: str) -> None:
    prepare(engine, vendor, "openai")
    counts = in_process(engine, vendor, "openai", plan(engine, limit=Decimal(limit)))
    reserved, spent, paid = one(
        engine,
        "SELECT coalesce(sum(reserved_usd), 0), coalesce(sum(coalesce(settled_usd, reserved_usd)), 0), "
        "(SELECT coalesce(sum(cost_usd), 0) FROM ai_benchmark_results) FROM spend_reservations",
    )
    assert spent <= Decimal(limit)
    assert paid == spent
    assert reserved >= paid
    assert counts["answered"] + counts.get("skipped_for_budget", 0) == CASES
    held = one(engine, "SELECT coalesce(sum((i ->> 'worst_usd')::numeric), 0) "
               "FROM ai_benchmark_batches AS b, jsonb_array_elements(b.items) AS i")[0]  # fmt: skip
    assert held <= Decimal(limit) / 2, "batches hold at most half of the limit"
    assert (held > 0) == (limit != "0.000001")
