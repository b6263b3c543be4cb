"""The proof: error rates by simulation, bounds by properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscout.recommender.betting import Streams, dependence, path_peak
from modelscout.recommender.evidence import cases_to_settle, weigh, weigh_many
from modelscout.recommender.spending import error_share

scores = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), max_size=60)


def paired(
    rng: np.random.Generator, n: int, effect: float, discordant: float
) -> tuple[np.ndarray, np.ndarray]:
    """Binary outcomes with mean difference `effect` and this share of discordant pairs."""
    better, worse = (discordant + effect) / 2, (discordant - effect) / 2
    kind = rng.choice(3, size=n, p=[better, worse, 1 - discordant])
    candidate = np.where(kind == 0, 1.0, np.where(kind == 1, 0.0, 1.0))
    reference = np.where(kind == 0, 0.0, 1.0)
    return candidate, reference


def test_a_candidate_at_the_margin_is_approved_at_any_look_in_at_most_five_percent() -> None:
    rng = np.random.default_rng(1)
    approved = 0
    runs = 400
    for _ in range(runs):
        candidate, reference = paired(rng, 900, effect=-0.03, discordant=0.12)
        # The largest capital so far stands for thirty nightly looks and every look between them.
        approved += weigh(candidate, reference, margin=0.03, alpha=0.05).proven
    assert approved / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)


def test_an_equal_candidate_is_approved_often_with_many_items() -> None:
    rng = np.random.default_rng(2)
    approved = sum(
        weigh(*paired(rng, 3000, effect=0.0, discordant=0.12), margin=0.03, alpha=0.05).proven
        for _ in range(60)
    )
    assert approved >= 57


def test_the_lower_bound_covers_the_truth_at_all_looks() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(150):
        candidate, reference = paired(rng, 400, effect=0.02, discordant=0.2)
        bounds = [
            weigh(candidate[:n], reference[:n], margin=0.05, alpha=0.1).lower_bound for n in (25, 100, 400)
        ]
        missed += max(bounds) > 0.02
    assert missed / 150 <= 0.1


@given(scores)
@settings(max_examples=60, deadline=None)
def test_bounds_enclose_the_effect_and_agree_with_the_proof(pairs: list[tuple[float, float]]) -> None:
    evidence = weigh([c for c, _ in pairs], [r for _, r in pairs], margin=0.05, alpha=0.05)
    assert -1.0 <= evidence.lower_bound <= evidence.upper_bound <= 1.0
    if evidence.effect is not None:
        assert evidence.lower_bound <= evidence.effect + 1e-9
        assert evidence.upper_bound >= evidence.effect - 1e-9
    if evidence.lower_bound > -0.05 + 1e-6:
        assert evidence.proven


@given(scores, st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_what_was_proven_earlier_is_never_lost(pairs: list[tuple[float, float]], first: int) -> None:
    x = np.array([c - r for c, r in pairs])
    earlier = weigh_many(Streams.of([x[:first]]), margins=[0.05], alphas=[0.05])[0].log_e_value
    [later] = weigh_many(Streams.of([x]), margins=[0.05], alphas=[0.05], earlier_log_e_values=[earlier])
    assert later.log_e_value >= earlier


def test_many_streams_at_once_give_what_each_gives_alone() -> None:
    rng = np.random.default_rng(5)
    rows = [rng.choice([-1.0, -0.5, 0.0, 0.3, 1.0], size=n) for n in (0, 1, 15, 16, 17, 400, 90, 0)]
    margins, alphas = [0.03, 0.05, 0.03, 0.05, 0.1, 0.03, 0.05, 0.03], [0.05, 0.01] * 4
    together = weigh_many(Streams.of(rows), margins=margins, alphas=alphas)
    for row, margin, alpha, found in zip(rows, margins, alphas, together, strict=True):
        [alone] = weigh_many(Streams.of([row]), margins=[margin], alphas=[alpha])
        assert found.n == len(row)
        assert found.log_e_value == pytest.approx(alone.log_e_value)
        assert (found.lower_bound, found.upper_bound) == (alone.lower_bound, alone.upper_bound)


def test_a_score_between_the_grid_never_adds_capital() -> None:
    """Splitting a value between its neighbours keeps the mean and lowers the capital."""
    rng = np.random.default_rng(6)
    x = rng.uniform(-0.3, 0.4, size=300)
    stakes = np.geomspace(0.01, 0.9, 20)
    exact = max(np.log1p(s * (x[:n] + 0.05)).sum() for s in stakes for n in (100, 200, 300))
    assert path_peak(Streams.of([x]), 0.05)[0] <= exact
    assert weigh(list(x.clip(0)), list((-x).clip(0)), margin=0.05, alpha=0.05).effect == pytest.approx(
        x.mean()
    )


def test_items_that_go_like_the_one_before_are_recognised_and_others_left_alone() -> None:
    rng = np.random.default_rng(7)
    free = [rng.choice([-1.0, 0.0, 1.0], size=800, p=[0.1, 0.8, 0.1]) for _ in range(200)]
    assert dependence(Streams.of(free)).mean() < 1.15
    assert (dependence(Streams.of([np.repeat(x[:200], 4) for x in free])) > 2).mean() > 0.95
    # Constant, short and empty streams depend on nothing.
    assert dependence(Streams.of([np.zeros(50), np.ones(1), np.ones(0)])).tolist() == [1.0, 1.0, 1.0]


def test_the_shares_of_all_rounds_never_sum_to_more_than_the_whole() -> None:
    for candidates in (1, 5, 29):
        spent = sum(candidates * error_share(r, candidates) for r in range(1, 10_000))
        assert 0.9 * 0.05 < spent <= 0.05
    for wrong in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="count from 1"):
            error_share(*wrong)


def test_a_hopeless_candidate_is_never_settled_and_a_good_one_soon() -> None:
    worse = weigh([0.0] * 50, [1.0] * 50, margin=0.05, alpha=0.05)
    assert worse.proven_worse
    assert cases_to_settle(worse, 0.1) is None
    equal = weigh([1.0] * 40, [1.0] * 40, margin=0.05, alpha=0.05)
    assert 1 <= (cases_to_settle(equal, 0.05) or 0) < 1000


def test_unpaired_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="pair them"):
        weigh([1.0], [], margin=0.05, alpha=0.05)
