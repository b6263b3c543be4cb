"""What came of recommendations: latency and quality after the switch."""

from __future__ import annotations

import pytest
from recommender_rows import (
    NIGHT,
    NOW,
    change,
    good,
    night,
    replay,
    rows,
)
from review_support import LOW, after, judge, look, outcome, traffic
from sqlalchemy import Engine

from modelscout.analytics.rollup import roll_up
from modelscout.recommender.review import review

pytestmark = pytest.mark.usefixtures("two_organizations")


@pytest.mark.usefixtures("applied")
def test_latency_has_its_promise_and_an_interval(pipeline: Engine, engine: Engine) -> None:
    for n in range(1, 6):
        after(engine, n)
    change(engine, "UPDATE ai_usage_events SET duration_ms = duration_ms / 2 WHERE requested_model = 'cheap'")
    look(pipeline, 6)
    found = outcome(pipeline)
    # Both took 500 ms in replay: the promise is the former median.
    former = found["details"]["former_median_ms"]
    assert float(found["promised_median_ms"]) == pytest.approx(former)
    [exact] = rows(
        engine,
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) AS ms FROM ai_usage_events "
        "WHERE requested_model = 'cheap'",
    )
    assert float(found["realised_median_ms"]) == pytest.approx(exact["ms"], rel=0.01)
    low, high = float(found["realised_median_low_ms"]), float(found["realised_median_high_ms"])
    assert low < float(found["realised_median_ms"]) < high
    # Of 500 durations spread evenly over 500 ms the median is known to about 5 %.
    assert high / low < 1.15


@pytest.mark.usefixtures("applied")
def test_without_outcomes_replay_or_a_hold_out_quality_is_not_verified(
    pipeline: Engine, engine: Engine
) -> None:
    after(engine, 1)
    look(pipeline, 2)
    found = outcome(pipeline)
    assert (found["quality_verified"], found["quality_violated"], found["realised_quality"]) == (
        False,
        None,
        None,
    )
    assert found["details"]["quality"] == "not verified"


@pytest.mark.usefixtures("priced")
def test_judged_answers_on_both_sides_verify_it(pipeline: Engine, engine: Engine) -> None:
    judge(engine, "incumbent", NOW - 30 * NIGHT, "(i % 10 <> 0)::integer")
    change(engine, "UPDATE ai_feature_settings SET auto_apply = TRUE")
    roll_up(pipeline, now=NOW)
    night(pipeline)
    review(pipeline, now=NOW)
    after(engine, 1)
    judge(engine, "cheap", NOW, "(i % 5 <> 0)::integer")
    look(pipeline, 2)
    found = outcome(pipeline)
    assert (found["quality_source"], found["quality_violated"]) == ("outcomes", False)
    assert float(found["realised_quality"]) == pytest.approx(0.8)
    assert float(found["quality_change"]) == pytest.approx(-0.1)
    # Newcombe's example is of this form: 80/100 against 270/300 gives -0.176 to -0.032 at 90 %.
    assert float(found["quality_change_low"]) == pytest.approx(-0.176, abs=0.003)
    assert float(found["quality_change_high"]) == pytest.approx(-0.032, abs=0.003)


@pytest.mark.usefixtures("applied")
def test_replays_after_the_switch_verify_it_and_earlier_ones_do_not(pipeline: Engine, engine: Engine) -> None:
    look(pipeline, 1)
    assert not outcome(pipeline)["quality_verified"]
    replay(engine, "incumbent", good(60), first=1000)
    replay(engine, "cheap", [0.0] * 6 + good(54), first=1000)
    change(
        engine,
        "UPDATE ai_benchmark_results SET finished_at = :at WHERE case_key LIKE '%/i1___'",
        at=NOW + NIGHT,
    )
    # Ten points fewer on 60 items look like a loss of more than the margin and prove none.
    assert look(pipeline, 2).rolled_back == 0
    found = outcome(pipeline)
    assert (found["quality_source"], found["details"]["guard"]["replayed"]) == ("replay", 60)
    assert float(found["quality_change"]) == pytest.approx(-0.1)
    assert found["quality_change_low"] < found["quality_change"] < found["quality_change_high"]


@pytest.mark.usefixtures("applied")
def test_a_hold_out_comes_before_everything_else(pipeline: Engine, engine: Engine) -> None:
    """A fifth of the traffic stays on the former model; its requests weigh five times as much."""
    for n in (1, 2):
        traffic(engine, "cheap", NOW + n * NIGHT, LOW, 200, answered=80, propensity=0.8)
        traffic(engine, "incumbent", NOW + n * NIGHT, LOW, 60, answered=80, propensity=0.2)
    judge(engine, "cheap", NOW, "(i % 4 <> 0)::integer")
    judge(engine, "incumbent", NOW, "1")
    look(pipeline, 3)
    found = outcome(pipeline)
    assert found["quality_source"] == "hold_out"
    assert float(found["quality_change"]) == pytest.approx(-0.25, abs=0.03)
    assert found["quality_violated"] is True
