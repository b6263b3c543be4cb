"""Fixed APIs against selection on outcomes: what is chosen, what it costs and what is proven of it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from modelscout.recommender.backtest import Plan, parts
from modelscout.recommender.outcomes import TaskOutcomes

PLAN = Plan(0.03, range(2))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[3] / "benchmarks"), *sys.path])
    import replay_outcomes

    return replay_outcomes


def task(items: int = 4000) -> TaskOutcomes:
    """A dear model, a cheap one that is as good, and a free one that is much worse."""
    rng = np.random.default_rng(5)
    hard = rng.random(items)
    scores = np.stack([hard < 0.9, hard < 0.9, hard < 0.6], axis=1).astype(np.float64)
    costs = np.tile([0.004, 0.001, 0.00001], (items, 1))
    return TaskOutcomes("photos", ("dear", "cheap", "GitHub(free)"), scores, costs)


def test_the_dear_model_is_left_for_the_cheap_one_and_not_for_the_worse(bench: ModuleType) -> None:
    found = {(r.incumbent, r.seed): r for r in bench.replay_task(task(), PLAN)}
    for seed in PLAN.seeds:
        dear, cheap = found["dear", seed], found["cheap", seed]
        assert (dear.verdict, dear.selected, dear.items) == ("switch", "cheap", 2000)
        assert 1 - dear.selected_usd / dear.fixed_usd == pytest.approx(0.75)
        assert dear.quality_change == 0
        assert -0.03 <= dear.quality_bound <= 0
        assert (cheap.selected, cheap.fixed_usd) == ("cheap", cheap.selected_usd)


def test_what_is_replayed_was_not_shown() -> None:
    shown, replayed = parts(task(), PLAN, 1)
    assert not set(shown.tolist()) & set(replayed.tolist())
    assert len(shown) + len(replayed) == 4000


def test_open_models_can_be_left_out(bench: ModuleType) -> None:
    [left] = bench.commercial_only([task(10)])
    assert left.models == ("dear", "cheap")
    assert left.costs.shape == left.scores.shape == (10, 2)
