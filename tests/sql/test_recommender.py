"""Publishing and training on a small warehouse made by hand, as the nightly role."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from recommender_rows import (
    ACME,
    GLOBEX,
    ITEMS,
    MODELS,
    NIGHT,
    NOW,
    block,
    change,
    good,
    night,
    recommendation,
    replay,
    rows,
    tried,
)
from rich.console import Console
from sqlalchemy import Engine, text

from modelscout.demo.report import print_report
from modelscout.recommender.case import ModelEstimate
from modelscout.recommender.estimates import Asked, load_estimates
from modelscout.recommender.read import list_recommendations
from modelscout.recommender.training import train

pytestmark = pytest.mark.usefixtures("two_organizations")


# What is written


@pytest.mark.usefixtures("cheap_is_proven")
def test_what_is_proven_on_own_items_is_a_switch_with_its_evidence(pipeline: Engine) -> None:
    assert night(pipeline) == {"switch": 1, "insufficient_evidence": 1}
    row = recommendation(pipeline)
    assert (row["verdict"], row["current_model"], row["recommended_model"]) == (
        "switch",
        "incumbent",
        "cheap",
    )
    assert (row["n"], row["evidence"]["chosen"]["proven"]) == (ITEMS, True)
    assert row["quality_bound"] > -0.05
    # A thousand answers a day at a cent each, half of which is saved.
    assert row["saving_usd_per_month"] == pytest.approx(1000 * 30.4375 * 0.01 / 2, rel=0.001)
    assert row["evidence"]["price_date"] == "2026-11-23"
    assert recommendation(pipeline, "globex")["verdict"] == "insufficient_evidence"


@pytest.mark.usefixtures("cheap_is_proven")
def test_what_is_expected_of_both_models_stands_in_the_row_with_its_intervals(
    pipeline: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    night(pipeline)
    row = recommendation(pipeline)
    quality = row["performance_estimate"]["expected_quality"]
    cost = row["cost_estimate"]["expected_usd_per_request"]
    latency = row["performance_estimate"]["expected_latency_ms"]
    for which in ("current", "chosen"):
        assert 0.9 < quality[which]["low"] <= quality[which]["estimate"] <= quality[which]["high"] <= 1.0
    assert cost["current"]["low"] <= 0.01 <= cost["current"]["high"]
    # Replayed at two cents beside a cent of real requests: its traffic is expected to be cheaper than its replay.
    assert cost["chosen"]["low"] < 0.01 < cost["chosen"]["high"]
    assert latency["chosen"]["low"] < 500 < latency["chosen"]["high"]
    assert row["performance_estimate"]["current_quality"] == quality["current"]["estimate"]
    print_report([row], [], Console(width=250))
    assert f"{100 * quality['chosen']['low']:.0f} to 100 %" in capsys.readouterr().out
    assert recommendation(pipeline, "globex")["performance_estimate"]["expected_quality"]["chosen"] is None


@pytest.mark.usefixtures("cheap_is_proven")
def test_publishing_twice_gives_the_same_rows(pipeline: Engine) -> None:
    everything = "SELECT * FROM ai_model_recommendations ORDER BY id"
    streams = "SELECT * FROM evidence_streams"
    night(pipeline)
    first = rows(pipeline, everything), rows(pipeline, streams), rows(pipeline, "SELECT * FROM alerts")
    night(pipeline)
    assert (
        rows(pipeline, everything),
        rows(pipeline, streams),
        rows(pipeline, "SELECT * FROM alerts"),
    ) == first
    assert len(first[0]) == 2


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize("status", ["accepted", "rejected", "snoozed"])
def test_a_decided_row_keeps_its_decision(pipeline: Engine, engine: Engine, status: str) -> None:
    night(pipeline)
    change(
        engine,
        "UPDATE ai_model_recommendations SET status = :s, decided_by = 'ann', decided_at = :now "
        "WHERE verdict = 'switch'",
        s=status,
        now=NOW,
    )
    decided = "SELECT * FROM ai_model_recommendations WHERE decided_by = 'ann'"
    before = rows(pipeline, decided)
    replay(engine, "other", good(), cost_usd=0.001)
    night(pipeline)
    assert rows(pipeline, decided) == before
    night(pipeline, 1)
    [kept] = rows(pipeline, decided)
    assert kept["status"] == status
    assert recommendation(pipeline)["status"] == "open"


@pytest.mark.usefixtures("cheap_is_proven")
def test_an_older_open_row_is_superseded_by_a_newer_one(pipeline: Engine) -> None:
    night(pipeline)
    night(pipeline, 1)
    found = rows(pipeline, "SELECT decision_date, status FROM ai_model_recommendations WHERE organization_id = :o "
                 "ORDER BY 1", o=ACME)  # fmt: skip
    assert [(r["decision_date"].day, r["status"]) for r in found] == [(23, "superseded"), (24, "open")]
    assert recommendation(pipeline)["decision_date"] == date(2026, 11, 24)


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize("model", ["cheap", "incumbent"])
def test_what_was_measured_before_a_model_changed_proves_nothing(
    pipeline: Engine, engine: Engine, model: str
) -> None:
    event = (
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
        "VALUES (:o, :m, 'drifted', :key, :at)"
    )
    change(engine, event, o=GLOBEX, m=MODELS[model], key="elsewhere", at=NOW + NIGHT / 2)
    assert night(pipeline, 1)["switch"] == 1
    change(engine, event, o=ACME, m=MODELS[model], key="here", at=NOW + NIGHT / 2)
    assert night(pipeline, 1) == {"insufficient_evidence": 2}
    change(engine, "UPDATE ai_benchmark_results SET finished_at = :at", at=NOW + NIGHT)
    assert night(pipeline, 1)["switch"] == 1


@pytest.mark.usefixtures("cheap_is_proven")
def test_the_proof_of_a_model_that_changed_begins_anew_with_a_share_of_its_own(
    pipeline: Engine, engine: Engine
) -> None:
    night(pipeline)
    assert tried(pipeline)["cheap"]["alpha"] == pytest.approx(0.05 * 0.8)
    change(
        engine,
        "INSERT INTO model_events (organization_id, model_id, kind, natural_key, occurred_at) "
        "VALUES (:o, :m, 'drifted', 'here', :at)",
        o=ACME, m=MODELS["cheap"], at=NOW + NIGHT / 2,
    )  # fmt: skip
    replay(engine, "cheap", good(20), first=ITEMS)
    replay(engine, "incumbent", good(20), first=ITEMS)
    change(engine, "UPDATE ai_benchmark_results SET finished_at = :at WHERE split_part(case_key, '/i', 2)::int >= :n",
           at=NOW + NIGHT, n=ITEMS)  # fmt: skip
    night(pipeline, 1)
    anew = tried(pipeline)["cheap"]
    assert (anew["n"], anew["alpha"]) == (20, pytest.approx(0.05 * 0.2 / 2))
    assert not anew["proven"]


# The order of the evidence and its error


def test_each_candidate_spends_its_own_share_of_the_error_and_keeps_it(
    pipeline: Engine, engine: Engine
) -> None:
    replay(engine, "incumbent", good(40))
    replay(engine, "other", good(40))
    night(pipeline)
    assert tried(pipeline)["other"]["alpha"] == pytest.approx(0.05 * 0.8)
    replay(engine, "cheap", good(40))
    night(pipeline, 1)
    assert tried(pipeline)["other"]["alpha"] == pytest.approx(0.05 * 0.8)
    assert tried(pipeline)["cheap"]["alpha"] == pytest.approx(0.05 * 0.2 / 2)
    replay(engine, "cheap", good(10), first=40)
    replay(engine, "incumbent", good(10), first=40)
    night(pipeline, 2)
    found = rows(
        pipeline, "SELECT candidate_model_id AS c, ordinal, n FROM evidence_streams ORDER BY ordinal"
    )
    assert [(r["c"], r["ordinal"], r["n"]) for r in found] == [
        (MODELS["other"], 1, 40),
        (MODELS["cheap"], 2, 50),
    ]


def test_candidates_of_one_night_share_a_round_equally(pipeline: Engine, engine: Engine) -> None:
    replay(engine, "incumbent", good(40))
    replay(engine, "cheap", good(40))
    replay(engine, "other", good(40))
    night(pipeline)
    found = rows(pipeline, "SELECT ordinal, error_share FROM evidence_streams")
    assert [(r["ordinal"], r["error_share"]) for r in found] == [(1, pytest.approx(0.05 * 0.8 / 2))] * 2


def test_a_new_model_in_use_opens_new_streams_that_pay_their_own_share(
    pipeline: Engine, engine: Engine
) -> None:
    for name in ("incumbent", "cheap", "other"):
        replay(engine, name, good(40))
    night(pipeline)
    change(engine, "UPDATE ai_feature_settings SET current_model_id = :m", m=MODELS["cheap"])
    night(pipeline, 1)
    found = rows(pipeline, "SELECT ordinal FROM evidence_streams WHERE reference_model_id = :m ORDER BY 1",
                 m=MODELS["cheap"])  # fmt: skip
    assert [r["ordinal"] for r in found] == [2, 2]


def test_the_proof_sees_the_items_in_the_order_in_which_they_came(pipeline: Engine, engine: Engine) -> None:
    """Early losses and late wins are another path than the reverse, with the same mean."""
    replay(engine, "incumbent", [1.0, 0.0] * 60)
    replay(engine, "cheap", [0.0] * 10 + [1.0] * 110)
    replay(engine, "other", [1.0] * 110 + [0.0] * 10)
    night(pipeline)
    found = tried(pipeline)
    assert found["cheap"]["effect"] == pytest.approx(found["other"]["effect"])
    assert found["other"]["log_e_value"] > found["cheap"]["log_e_value"] + 0.5


@pytest.mark.usefixtures("cheap_is_proven")
def test_what_was_proven_stays_proven_on_later_nights(pipeline: Engine, engine: Engine) -> None:
    night(pipeline)
    [first] = rows(pipeline, "SELECT log_e_value, n FROM evidence_streams")
    # A run of losses afterwards: the measured effect falls, the proof of that night stands.
    replay(engine, "incumbent", good(60), first=ITEMS)
    replay(engine, "cheap", [0.0] * 60, first=ITEMS)
    night(pipeline, 1)
    [later] = rows(pipeline, "SELECT log_e_value, n FROM evidence_streams")
    assert later == {"log_e_value": first["log_e_value"], "n": ITEMS + 60}
    assert tried(pipeline)["cheap"]["proven"]


@pytest.mark.usefixtures("cheap_is_proven")
def test_evidence_whose_older_results_expired_begins_anew(pipeline: Engine, engine: Engine) -> None:
    night(pipeline)
    change(engine, "DELETE FROM ai_benchmark_results WHERE model_id = :m AND case_key < :last", m=MODELS["cheap"],
           last=f"{ACME}/i40")  # fmt: skip
    night(pipeline, 1)
    [stream] = rows(pipeline, "SELECT ordinal, error_share, n FROM evidence_streams")
    assert (stream["ordinal"], stream["error_share"]) == (2, pytest.approx(0.05 * 0.2 / 2))
    assert stream["n"] < ITEMS


# The reference that the margin is fixed to


def references(engine: Engine) -> list[uuid.UUID]:
    found = rows(
        engine, "SELECT reference_model_id AS r FROM ai_feature_settings WHERE organization_id = :o", o=ACME
    )
    return [r["r"] for r in found]


def assign(engine: Engine, model: str) -> None:
    change(engine, "UPDATE ai_feature_settings SET current_model_id = :m WHERE organization_id = :o",
           m=MODELS[model], o=ACME)  # fmt: skip


@pytest.mark.usefixtures("cheap_is_proven")
def test_losses_do_not_add_up_from_switch_to_switch(pipeline: Engine, engine: Engine) -> None:
    """`other` equals `cheap`, which lost 6 points since; against the first model that is more than 5 points."""
    night(pipeline)
    assert recommendation(pipeline)["recommended_model"] == "cheap"
    assign(engine, "cheap")
    change(engine, "UPDATE ai_model_analytics SET model_id = :m", m=MODELS["cheap"])
    replay(engine, "incumbent", [1.0] * 360, first=ITEMS, cost_usd=0.02)
    worse: list[float | None] = [0.0 if n % 10 == 0 else 1.0 for n in range(360)]
    replay(engine, "cheap", worse, first=ITEMS, cost_usd=0.01)
    replay(engine, "other", worse, first=ITEMS, cost_usd=0.001)
    replay(engine, "other", good(), cost_usd=0.001)
    night(pipeline, 1)
    assert references(pipeline) == [MODELS["incumbent"]]
    found = tried(pipeline)["other"]
    assert (found["effect"], found["proven"]) == (0.0, True)
    assert found["against_reference"]["effect"] == pytest.approx(-0.06)
    assert not found["against_reference"]["proven"]
    assert recommendation(pipeline)["verdict"] != "switch"
    # Fixed to the model in use alone, the same night would have been a switch.
    change(engine, "UPDATE ai_feature_settings SET reference_model_id = current_model_id")
    night(pipeline, 1)
    assert recommendation(pipeline)["recommended_model"] == "other"


@pytest.mark.usefixtures("cheap_is_proven")
def test_a_model_chosen_by_a_person_or_after_a_retirement_is_a_new_reference(
    pipeline: Engine, engine: Engine
) -> None:
    night(pipeline)
    assign(engine, "other")
    night(pipeline, 1)
    assert references(pipeline) == [MODELS["other"]]
    assign(engine, "cheap")
    night(pipeline, 2)
    assert references(pipeline) == [MODELS["other"]], "it was recommended as a switch"
    change(engine, "UPDATE ai_models SET retires_on = '2026-11-01' WHERE id = :m", m=MODELS["other"])
    night(pipeline, 3)
    assert references(pipeline) == [MODELS["cheap"]]


def test_an_item_counts_once_however_often_it_was_replayed(pipeline: Engine, engine: Engine) -> None:
    replay(engine, "incumbent", good(40))
    replay(engine, "cheap", good(40))
    replay(engine, "cheap", [0.0] * 40, suite="again")
    night(pipeline)
    found = tried(pipeline)["cheap"]
    assert (found["n"], found["effect"]) == (40, 0.0)


@pytest.mark.parametrize(
    ("error", "n", "effect"),
    [
        ("rate_limited", 40, 0.0),
        ("provider_unavailable", 40, 0.0),
        ("malformed_answer", 50, -0.2),
        ("bad_request", 50, -0.2),
        ("refusal", 50, -0.2),
    ],
)
def test_a_failure_of_the_model_is_a_loss_and_one_of_the_network_is_nothing(
    pipeline: Engine, engine: Engine, error: str, n: int, effect: float
) -> None:
    replay(engine, "incumbent", good(50))
    replay(engine, "cheap", [*good(40), *[None] * 10], error_type=error)
    night(pipeline)
    found = tried(pipeline)["cheap"]
    assert (found["n"], found["effect"]) == (n, pytest.approx(effect))


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize(
    "closed",
    [
        "UPDATE ai_model_availability SET status = 'unavailable' WHERE model_id = :m",
        "UPDATE organization_provider_keys SET enabled = FALSE",
        "INSERT INTO ai_model_settings (organization_id, model_id, enabled) SELECT id, :m, FALSE FROM organizations",
        "UPDATE ai_models SET retires_on = '2026-12-20' WHERE id = :m",
    ],
)
def test_a_proven_model_that_cannot_be_used_is_not_recommended(
    pipeline: Engine, engine: Engine, closed: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(closed), {"m": MODELS["cheap"]} if ":m" in closed else {})
    night(pipeline)
    assert recommendation(pipeline)["recommended_model"] != "cheap"


# The money


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize(
    "changed",
    [
        # One attempt in ten fails without cost: what is paid stays the same.
        "UPDATE ai_model_analytics SET total_requests = 1111, priced_requests = 1111",
        # Used on every third day only: a third of the spend.
        "DELETE FROM ai_model_analytics WHERE extract(day FROM date)::integer % 3 <> 1",
        # Nine in ten calls have no price: the tenth tells what one costs.
        "UPDATE ai_model_analytics SET priced_requests = 100, unpriced_requests = 900, total_cost = 1",
    ],
    ids=["failed attempts", "idle days", "unpriced calls"],
)
def test_the_saving_is_a_share_of_what_is_really_spent(
    pipeline: Engine, engine: Engine, changed: str
) -> None:
    change(engine, changed)
    night(pipeline)
    [spent] = rows(
        pipeline,
        "SELECT sum(total_cost * total_requests / priced_requests) / 30 * 30.4375 AS month FROM ai_model_analytics "
        "WHERE organization_id = :o",
        o=ACME,
    )
    assert recommendation(pipeline)["saving_usd_per_month"] == pytest.approx(
        float(spent["month"]) / 2, rel=0.02
    )


@pytest.mark.usefixtures("cheap_is_proven")
def test_an_unknown_price_gives_no_switch(pipeline: Engine, engine: Engine) -> None:
    change(engine, "UPDATE ai_benchmark_results SET cost_usd = NULL WHERE model_id = :m", m=MODELS["cheap"])
    night(pipeline)
    row = recommendation(pipeline)
    assert row["verdict"] == "keep"
    assert row["saving_usd_per_month"] == 0
    # It keeps the model in use, and so its cost.
    cost = row["cost_estimate"]
    assert cost["recommended_cost_per_request_usd"] == cost["current_cost_per_request_usd"]


# What holds publication up


def test_an_organization_that_does_not_reconcile_gets_no_row_and_others_do(
    pipeline: Engine, engine: Engine
) -> None:
    block(engine)
    night(pipeline)
    assert [r["organization"] for r in list_recommendations(pipeline)] == ["globex"]
    change(engine, "UPDATE alerts SET resolved_at = :now", now=NOW)
    night(pipeline)
    assert [r["organization"] for r in list_recommendations(pipeline)] == ["acme", "globex"]


# Training


def judged(
    engine: Engine, score: Callable[[uuid.UUID, date], float], *, days: int = 30, until: date | None = None
) -> None:
    """Outcomes of a thousand answers a day of each organization and model."""
    last = until or NOW.date()
    values = [
        {"o": o, "m": m, "d": last - timedelta(days=n), "s": 1000 * score(o, last - timedelta(days=n))}
        for o in (ACME, GLOBEX)
        for m in MODELS.values()
        for n in range(days)
    ]
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_model_analytics (organization_id, feature_id, model_id, date, outcome_count, "
                "outcome_score_sum) VALUES (:o, 'search', :m, :d, 1000, :s) ON CONFLICT DO NOTHING"
            ),
            values,
        )


def by_organization(organization: uuid.UUID, day: date) -> float:
    return 0.9 if organization == ACME else 0.6


def estimate(
    engine: Engine, organization: uuid.UUID, feature: str, model: str, workload: str | None = None
) -> tuple[uuid.UUID | None, ModelEstimate]:
    with engine.connect() as connection:
        loaded = load_estimates(connection, now=NOW)
    [found] = loaded.of([Asked(str(organization), feature, str(MODELS[model]), workload)])
    return loaded.version_id, found


def test_too_little_to_train_on_is_said(pipeline: Engine) -> None:
    report = train(pipeline, run_key="a", now=NOW)
    assert (report.published, report.reason) == (False, "too few judged days to train on")
    version, found = estimate(pipeline, ACME, "search", "cheap")
    assert version is None
    assert found.quality.estimate == 0.5
    assert (found.latency_ms, found.cost_usd, found.own_answers) == (None, None, 0)


def test_a_version_that_is_better_on_later_days_is_published_and_loads(
    pipeline: Engine, engine: Engine
) -> None:
    judged(engine, by_organization)
    report = train(pipeline, run_key="a", now=NOW)
    assert report.published, report.reason
    assert report.error is not None
    assert report.baseline_error is not None
    assert report.error < report.baseline_error
    [run] = rows(pipeline, "SELECT * FROM recommender_runs")
    assert run["data_to"] == NOW.date()
    assert set(run["library_versions"]) >= {"scikit-learn", "skops"}
    for organization, quality in ((ACME, 0.9), (GLOBEX, 0.6)):
        version, found = estimate(pipeline, organization, "search", "cheap")
        assert version == report.run_id
        assert found.quality.estimate == pytest.approx(quality, abs=0.05)
        assert found.quality.low <= quality <= found.quality.high


def test_training_again_for_the_same_run_replaces_its_row(pipeline: Engine, engine: Engine) -> None:
    judged(engine, by_organization)
    first = train(pipeline, run_key="a", now=NOW)
    again = train(pipeline, run_key="a", now=NOW)
    assert again == first
    assert len(rows(pipeline, "SELECT FROM recommender_runs")) == 1


def test_a_version_that_fails_on_later_days_is_not_published(pipeline: Engine, engine: Engine) -> None:
    turn = NOW.date() - timedelta(days=10)
    judged(engine, lambda o, day: by_organization(o if day < turn else GLOBEX if o == ACME else ACME, day))
    report = train(pipeline, run_key="a", now=NOW)
    assert not report.published
    assert "not better than the shrunken mean" in report.reason
    assert rows(pipeline, "SELECT artifact FROM recommender_runs") == [{"artifact": None}]


def test_the_version_in_use_is_judged_on_days_that_it_has_not_seen(pipeline: Engine, engine: Engine) -> None:
    """On days that it was fitted to it would look better than it is, and never be replaced."""
    judged(engine, by_organization, until=NOW.date() - timedelta(days=10))
    first = train(pipeline, run_key="old", now=NOW - 10 * NIGHT)
    assert first.published
    again = train(pipeline, run_key="nothing new", now=NOW - 10 * NIGHT + timedelta(hours=1))
    assert (again.published, again.in_use_error) == (False, None)
    assert "no judged day since" in again.reason
    judged(engine, by_organization, days=10)
    assert train(pipeline, run_key="new days", now=NOW).published


def test_a_version_in_use_that_is_better_stays(pipeline: Engine, engine: Engine) -> None:
    judged(engine, by_organization, until=NOW.date() - timedelta(days=12))
    assert train(pipeline, run_key="old", now=NOW - 12 * NIGHT).published
    judged(engine, by_organization, days=12)
    # Days that only the new version learns from were bad ones for one organization, and are over.
    change(
        engine,
        "UPDATE ai_model_analytics SET outcome_score_sum = 100 WHERE organization_id = :o AND date BETWEEN :a AND :b",
        o=GLOBEX,
        a=NOW.date() - timedelta(days=11),
        b=NOW.date() - timedelta(days=7),
    )
    report = train(pipeline, run_key="new", now=NOW)
    assert not report.published
    assert "not better than the version in use" in report.reason
    assert estimate(pipeline, ACME, "search", "cheap")[0] != report.run_id
