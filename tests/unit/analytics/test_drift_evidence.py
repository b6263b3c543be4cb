"""The test for drift on simulated traffic: what it may never do, and what it must see in time."""

from __future__ import annotations

import csv
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drift_simulation import Scenario, log_e_by_night, simulate, until
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscout.analytics.drift_evidence import (
    MINIMUM_REQUESTS,
    REFERENCE_POINTS,
    WATCHED_POINTS,
    gather_points,
    select_by_e_bh,
)
from modelscout.analytics.drift_signals import ALPHA, ERROR_PER_YEAR, Days, weigh_streams

FLAGGED = -np.log(ALPHA)
STABLE = {
    "plain": Scenario(),
    "overdispersed": Scenario(overdispersion=0.015),
    "heavy tails": Scenario(overdispersion=0.015, heavy_tails=True),
    "weekends": Scenario(weekend_effect=0.03, overdispersion=0.01),
    "growing": Scenario(growth_per_day=0.03, overdispersion=0.01),
    "shrinking": Scenario(growth_per_day=-0.03, overdispersion=0.01),
    "few requests": Scenario(requests=60, success=0.99),
    "nearly perfect": Scenario(success=0.999),
    "larger requests": Scenario(sizes_change_on=50, overdispersion=0.01),
    "autocorrelated": Scenario(overdispersion=0.015, autocorrelation=0.6),
    "autocorrelated a little": Scenario(overdispersion=0.015, autocorrelation=0.3),
    "autocorrelated, near the noise of requests": Scenario(overdispersion=0.01, autocorrelation=0.6),
    "autocorrelated, far from it": Scenario(overdispersion=0.03, autocorrelation=0.6),
    "everything": Scenario(overdispersion=0.02, weekend_effect=0.03, growth_per_day=0.02, sizes_change_on=60),
}
LLMDRIFT = Path(__file__).parents[4] / "shared" / "data" / "llmdrift" / "outcomes.csv"


def share_ever_flagged(scenario: Scenario, *, streams: int, nights: int, seed: int) -> float:
    days = simulate(np.random.default_rng(seed), scenario, streams, REFERENCE_POINTS + nights)
    looks = range(REFERENCE_POINTS + 1, REFERENCE_POINTS + nights + 1)
    return float((log_e_by_night(days, looks).max(axis=1) >= FLAGGED).mean())


@pytest.mark.parametrize("name", ["overdispersed", "autocorrelated", "everything"])
def test_stable_models_are_hardly_ever_flagged(name: str) -> None:
    assert share_ever_flagged(STABLE[name], streams=60, nights=60, seed=1) <= ERROR_PER_YEAR


@pytest.mark.verify
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", STABLE)
def test_of_200_stable_models_at_most_5_percent_are_ever_flagged_in_60_nights(name: str) -> None:
    for seed in range(5):
        assert share_ever_flagged(STABLE[name], streams=200, nights=60, seed=seed) <= ERROR_PER_YEAR


@pytest.mark.verify
def test_the_mean_of_the_e_values_is_at_most_one() -> None:
    days = simulate(np.random.default_rng(5), Scenario(overdispersion=0.015), 4000, REFERENCE_POINTS + 60)
    e = np.exp(weigh_streams(days).log_e)
    assert e.mean() - 3 * e.std() / np.sqrt(len(e)) <= 1.0


def nights_until_flagged(scenario: Scenario, *, seed: int = 3, streams: int = 100) -> Any:
    assert scenario.changes_on is not None
    days = simulate(np.random.default_rng(seed), scenario, streams, scenario.changes_on + 30)
    looks = range(scenario.changes_on + 1, scenario.changes_on + 31)
    hit = log_e_by_night(days, looks) >= FLAGGED
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, np.inf)


@pytest.mark.parametrize(
    ("scenario", "nights"),
    [
        (Scenario(changes_on=45, success_change=-0.03), 7),
        (Scenario(changes_on=45, success_change=-0.9), 3),
        (Scenario(changes_on=45, slowness_change=0.08, overdispersion=0.01), 7),
        (Scenario(changes_on=45, cost_change=0.15), 7),
    ],
    ids=["success -3 points", "collapse", "slower", "dearer by 15 %"],
)
def test_what_matters_is_flagged_within_a_week(scenario: Scenario, nights: int) -> None:
    delays = nights_until_flagged(scenario)
    assert np.mean(delays <= nights) >= 0.9


def test_a_single_bad_day_is_no_drift() -> None:
    days = simulate(np.random.default_rng(4), Scenario(), 50, 60)
    days.successes[:, 50] = np.floor(days.requests[:, 50] * 0.2)
    assert log_e_by_night(days, range(51, 60)).max() < FLAGGED


def test_weekends_are_compared_with_weekends() -> None:
    scenario = Scenario(weekend_effect=0.05, changes_on=45, success_change=-0.03)
    days = simulate(np.random.default_rng(6), scenario, 100, 60)
    # To a watch that knew no weekends they would be noise that hides the change.
    unaware = replace(days, weekend=np.zeros_like(days.weekend))
    seen, missed = (log_e_by_night(d, range(46, 60)).max(axis=1) >= FLAGGED for d in (days, unaware))
    assert seen.mean() > 0.9
    assert missed.mean() < 0.5


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(0, 200), min_size=1, max_size=80),
    rate=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_points_hold_every_request_of_full_runs_once_and_in_order(
    counts: list[int], rate: float, seed: int
) -> None:
    requests = np.array([counts], dtype=float)
    total = np.random.default_rng(seed).binomial(counts, rate).astype(float)[None, :]
    points = gather_points(requests, total, np.zeros_like(requests), np.ones_like(requests))
    held = points.requests[points.filled]
    assert (held >= MINIMUM_REQUESTS).all()
    assert requests.sum() - held.sum() < MINIMUM_REQUESTS
    starts = points.first_day[points.filled]
    assert (np.diff(starts) > 0).all()
    for i, start in enumerate(starts):
        end = starts[i + 1] if i + 1 < len(starts) else None
        if end is not None:
            assert points.total[0, i] == total[0, start:end].sum()
    # A prefix of the days gives a prefix of the points: what was shown once does not change.
    half = len(counts) // 2
    if half:
        first = gather_points(
            requests[:, :half], total[:, :half], np.zeros((1, half)), np.ones((1, half))
        ).requests
        n = int((first > 0).sum())
        assert (points.requests[0, :n] == first[0, :n]).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    requests=st.floats(1, 3000),
    success=st.floats(0.0, 1.0),
    length=st.integers(1, REFERENCE_POINTS + WATCHED_POINTS + 20),
)
def test_evidence_is_a_number_for_any_traffic_and_does_not_depend_on_the_other_streams(
    seed: int, requests: float, success: float, length: int
) -> None:
    days = simulate(np.random.default_rng(seed), Scenario(requests=requests, success=success), 3, length)
    together = weigh_streams(days).log_e
    assert np.isfinite(together).all()
    alone = Days(**{f.name: getattr(days, f.name)[1:2] for f in fields(Days)})
    assert weigh_streams(alone).log_e[0] == pytest.approx(together[1], abs=1e-9)
    if length <= REFERENCE_POINTS:
        assert together == pytest.approx(0.0, abs=1e-12)


def test_unsettled_outcomes_wait_and_hold_up_nothing_else() -> None:
    days = simulate(np.random.default_rng(2), Scenario(), 5, 60)
    waiting = replace(days, judged=days.judged.copy())
    waiting.judged[:, 53:] = np.nan
    settled = until(days, 53)
    found, known = weigh_streams(waiting), weigh_streams(settled)
    assert found.shifts["quality"].log_e == pytest.approx(known.shifts["quality"].log_e)
    assert found.points["success"].filled.sum(axis=1).tolist() == [60] * 5


@settings(max_examples=60, deadline=None)
@given(data=st.lists(st.tuples(st.integers(0, 3), st.floats(-2, 20)), min_size=1, max_size=30))
def test_e_bh_is_what_its_definition_says_and_never_selects_below_one_over_alpha(
    data: list[tuple[int, float]],
) -> None:
    group = np.array([g for g, _ in data])
    log_e = np.array([e for _, e in data])
    selected = select_by_e_bh(log_e, group, 0.05)
    for g in set(group.tolist()):
        e = np.sort(np.exp(log_e[group == g]))[::-1]
        k = max((k for k in range(1, len(e) + 1) if k * e[k - 1] * (1 + 1e-12) >= len(e) / 0.05), default=0)
        assert selected[group == g].sum() == k
    assert (log_e[selected] >= -np.log(0.05) - 1e-9).all()


def test_fleets_of_stable_streams_bring_few_false_alarms() -> None:
    days = simulate(np.random.default_rng(9), Scenario(overdispersion=0.01), 1000, 70)
    log_e = weigh_streams(days).log_e
    assert select_by_e_bh(log_e, np.arange(1000) // 100, ALPHA).sum() == 0


# --- the same model id in March and in June 2023: lchen001/LLMDrift, Apache-2.0 -----------------------------------


def llmdrift_days(model: str, task: str, *, a_day: int, days_each: int) -> Days:
    """Days of `a_day` answers drawn from those of March, then from those of June."""
    with LLMDRIFT.open() as lines:
        found = [
            r for r in csv.DictReader(lines) if r["task"] == task and model in r["model"] and r["success"]
        ]
    rng = np.random.default_rng(11)
    halves = []
    for version in ("0301" if "3.5" in model else "0314", "0613"):
        answers = [r for r in found if r["model"].endswith(version)]
        halves += [[answers[i] for i in rng.integers(0, len(answers), a_day)] for _ in range(days_each)]
    median = np.median([float(r["latency_s"]) for day in halves[:days_each] for r in day])
    shape = (1, len(halves))
    n = np.full(shape, float(a_day))

    def total(value: Any) -> Any:
        return np.array([[sum(value(r) for r in day) for day in halves]])

    return Days(
        requests=n, successes=n, judged=n, score_sum=total(lambda r: float(r["success"])), timed=n,
        slowness_sum=total(lambda r: float(float(r["latency_s"]) > median)), priced=n,
        cost_sum=total(lambda r: float(r["cost_usd"])), weekend=np.zeros(shape), size=np.zeros(shape),
    )  # fmt: skip


@pytest.mark.skipif(not LLMDRIFT.exists(), reason=f"no data at {LLMDRIFT}")
def test_gpt_4_on_prime_is_flagged_between_march_and_june() -> None:
    days = llmdrift_days("gpt-4", "prime", a_day=60, days_each=40)
    by_night = log_e_by_night(days, range(29, 81))[0]
    flagged = int(np.argmax(by_night >= FLAGGED)) + 29
    assert 40 < flagged <= 43
    quality = weigh_streams(until(days, flagged)).shifts["quality"]
    assert quality.log_e[0] > FLAGGED
    # From 97.6 % to 2.4 %: the interval holds the June figure.
    low, high = (
        np.sin(np.arcsin(np.sqrt(0.976)) + quality.effect[0] + s * quality.half_width[0]) ** 2
        for s in (-1, 1)
    )
    assert low < 0.024 < high < 0.2
