"""Proof from randomised traffic: how often it is wrong, and how soon it is found."""

from __future__ import annotations

import numpy as np
import pytest

from modelscout.recommender.moments import LogSums
from modelscout.recommender.randomised import (
    LEAST_PROPENSITY,
    Traffic,
    cost_ratio,
    effect_sums,
    is_judged_evenly,
    weigh_traffic,
)

MARGIN, ALPHA = 0.03, 0.04
RUNS = 200


def drawn(
    rng: np.random.Generator, n: int, candidate: float, reference: float, share: np.ndarray | float
) -> Traffic:
    """Good or bad answers; the candidate gets `share` of the requests."""
    chance = np.broadcast_to(share, n)
    is_candidate = rng.random(n) < chance
    scores = (rng.random(n) < np.where(is_candidate, candidate, reference)).astype(np.float64)
    return Traffic(scores, is_candidate, np.where(is_candidate, chance, 1.0 - chance))


def proven(traffic: Traffic) -> bool:
    return weigh_traffic(traffic, margin=MARGIN, alpha=ALPHA).proven


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_a_model_worse_by_the_margin_is_proven_in_at_most_five_percent(share: float) -> None:
    rng = np.random.default_rng(20261125)
    wrong = sum(proven(drawn(rng, 4000, 0.80 - MARGIN, 0.80, share)) for _ in range(RUNS))
    assert wrong <= 0.05 * RUNS


def test_chances_that_follow_what_was_seen_mislead_nobody() -> None:
    # More traffic to the candidate where requests are easy: plain means of the two groups are 12 points apart.
    rng = np.random.default_rng(20261125)
    wrong = 0
    for _ in range(RUNS):
        easy = rng.random(4000) < 0.5
        chance = np.where(easy, 0.8, 0.2)
        is_candidate = rng.random(4000) < chance
        quality = np.where(easy, 0.9, 0.7) - MARGIN * is_candidate
        scores = (rng.random(4000) < quality).astype(np.float64)
        wrong += proven(Traffic(scores, is_candidate, np.where(is_candidate, chance, 1.0 - chance)))
    assert wrong <= 0.05 * RUNS


def test_an_equal_model_is_proven_on_even_chances_in_most_cases_after_twenty_thousand_requests() -> None:
    rng = np.random.default_rng(20261125)
    found = sum(proven(drawn(rng, 20_000, 0.85, 0.85, 0.5)) for _ in range(40))
    assert found >= 30


def test_bounds_hold_the_truth_at_every_look() -> None:
    rng = np.random.default_rng(20261125)
    missed = 0
    for _ in range(60):
        traffic = drawn(rng, 3000, 0.75, 0.85, 0.3)
        looks = [
            weigh_traffic(Traffic(*(a[:n] for a in traffic)), margin=MARGIN, alpha=ALPHA)
            for n in (30, 300, 1000, 3000)
        ]
        missed += any(not e.lower_bound <= -0.10 <= e.upper_bound for e in looks)
    assert missed <= 60 * 2 * ALPHA


def test_the_effect_is_in_units_of_the_score_and_what_was_proven_stays() -> None:
    rng = np.random.default_rng(20261125)
    traffic = drawn(rng, 5000, 0.95, 0.60, 0.5)
    evidence = weigh_traffic(traffic, margin=MARGIN, alpha=ALPHA)
    assert evidence.effect == pytest.approx(0.35, abs=0.05)
    assert evidence.proven_better
    few = Traffic(*(a[:10] for a in traffic))
    again = weigh_traffic(few, margin=MARGIN, alpha=ALPHA, earlier_log_e_value=evidence.log_e_value)
    assert again.proven
    assert again.lower_bound >= -MARGIN
    mean, variance = effect_sums(traffic).difference()
    assert mean == pytest.approx(evidence.effect)
    # Two independent groups of half the requests each: p (1 - p) / 0.5 of both.
    assert variance == pytest.approx(2 * (0.95 * 0.05 + 0.6 * 0.4) + 0.35**2, rel=0.25)


def test_a_smaller_chance_than_the_least_is_refused() -> None:
    traffic = Traffic(np.ones(2), np.asarray([True, False]), np.asarray([LEAST_PROPENSITY / 2, 0.9]))
    with pytest.raises(ValueError, match="propensity"):
        weigh_traffic(traffic, margin=MARGIN, alpha=ALPHA)


def test_shares_judged_that_chance_does_not_explain_are_noticed() -> None:
    assert is_judged_evenly((500, 1000), (470, 1000))
    assert not is_judged_evenly((700, 1000), (500, 1000))
    assert not is_judged_evenly((0, 0), (500, 1000))


def test_the_ratio_of_costs_covers_the_truth_in_nine_of_ten() -> None:
    rng = np.random.default_rng(20261125)
    covered = 0
    for _ in range(400):
        candidate, reference = rng.lognormal(0, 1, 400), rng.lognormal(1, 1, 400)
        found = cost_ratio(*((len(c), c.sum(), (c**2).sum()) for c in (candidate, reference)))
        assert found is not None
        covered += found.low <= np.exp(-1) <= found.high
    assert 0.86 <= covered / 400 <= 0.94
    assert cost_ratio((1, 1.0, 1.0), (100, 1.0, 1.0)) is None
    assert cost_ratio((100, 1.0, 1.0), (100, 0.0, 0.0)) is None


def test_ratios_of_response_times_are_geometric_means_with_their_error() -> None:
    rng = np.random.default_rng(20261125)
    covered = 0
    for _ in range(400):
        fast, slow = rng.normal(-0.5, 0.6, 80), rng.normal(0.0, 0.6, 120)
        sums = [LogSums(len(g), g.sum(), (g**2).sum()) for g in (fast, slow)]
        apart = sums[0].ratio(sums[1])
        assert apart is not None
        covered += apart.low <= np.exp(-0.5) <= apart.high
    assert 0.86 <= covered / 400 <= 0.94
    ratios = np.log([0.5, 0.5, 0.5])
    same = LogSums(3, ratios.sum(), (ratios**2).sum()).ratio()
    assert same is not None
    assert (same.low, same.estimate, same.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-6)
    assert LogSums(1, 0.0, 0.0).ratio() is None
