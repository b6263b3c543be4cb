"""What recommendations promise against what the simulated next month brings: intervals and scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from decision_simulation import Published, simulate_decisions
from modelscout.core.types import Verdict


def coverage(rows: Sequence[Published]) -> tuple[float, float]:
    """Shares of the 90 % intervals of the saving and of the quality change that hold what came."""
    saving = np.mean([r.saving.low <= r.saved <= r.saving.high for r in rows])
    quality = np.mean([r.quality_change.low <= r.true_change <= r.quality_change.high for r in rows])
    return float(saving), float(quality)


def benefits(rows: Sequence[Published], parts: int) -> list[float]:
    """Mean benefit of each part of the rows, in the order of their scores."""
    ordered = sorted(rows, key=lambda r: r.score)
    return [float(np.mean([r.benefit for r in ordered[p[0] : p[-1] + 1]])) for p in _parts(len(rows), parts)]


def realised(rows: Sequence[Published], parts: int) -> list[float]:
    """The same of what is realised at once: a trial is not switched to yet."""
    kept = [r if r.verdict is Verdict.SWITCH else r._replace(benefit=0.0) for r in rows]
    return benefits(kept, parts)


def _parts(count: int, parts: int) -> list[np.ndarray]:
    return [p for p in np.array_split(np.arange(count), parts) if len(p)]


def of_verdict(rows: Sequence[Published], verdict: Verdict) -> list[Published]:
    return [r for r in rows if r.verdict is verdict]


def test_published_intervals_hold_and_higher_scores_bring_more() -> None:
    rows = simulate_decisions(500, seed=3)
    saving, quality = coverage(rows)
    assert 0.85 <= saving <= 0.95
    assert 0.85 <= quality <= 0.95
    for found in (realised(rows, 4), benefits(of_verdict(rows, Verdict.TRIAL), 3)):
        assert found == sorted(found)


@pytest.mark.verify
@pytest.mark.timeout(3600)
def test_between_87_and_93_percent_hold_and_score_deciles_are_monotone() -> None:
    rows = simulate_decisions(20_000, seed=4)
    deciles = realised(rows, 10)
    trials = benefits(of_verdict(rows, Verdict.TRIAL), 5)
    print(
        coverage(rows), coverage(of_verdict(rows, Verdict.SWITCH)), coverage(of_verdict(rows, Verdict.TRIAL))
    )
    print([round(b, 3) for b in deciles], [round(b, 3) for b in trials])
    for some in (rows, of_verdict(rows, Verdict.SWITCH), of_verdict(rows, Verdict.TRIAL)):
        assert all(0.87 <= share <= 0.93 for share in coverage(some)), coverage(some)
    assert deciles == sorted(deciles)
    assert trials == sorted(trials)
