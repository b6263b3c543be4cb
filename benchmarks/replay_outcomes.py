"""Fixed models against selection on real outcomes of real APIs, that nobody here made.

The first part of each task's items, in an order of chance, is evidence in thirty nightly looks, from which the
recommender decides as every night does; on the other part the API in use is compared with the one that selection then
has: the recommended one where the verdict is `switch`, else the one in use. Each API of a task is in use once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelscout.core.types import Verdict
from modelscout.recommender.backtest import Plan, Tryout, parts, try_out
from modelscout.recommender.betting import Streams
from modelscout.recommender.evidence import weigh_many
from modelscout.recommender.outcomes import TaskOutcomes

MARGIN = 0.03
ALPHA = 0.05
OPEN_MODELS = "GitHub("
"""How the data name models that somebody runs himself."""


@dataclass(frozen=True)
class Replayed:
    """One task with one API in use, on the items that the recommender has not seen."""

    task: str
    seed: int
    incumbent: str
    verdict: str
    selected: str
    items: int
    fixed_usd: float
    selected_usd: float
    quality_change: float
    """Mean score of the selected minus the fixed one, over all items."""
    quality_bound: float
    """What it is at least, with error ALPHA at all looks together."""

    @property
    def switched(self) -> bool:
        return self.selected != self.incumbent


def replay_outcomes(tasks: Sequence[TaskOutcomes], plan: Plan) -> list[Replayed]:
    """Every task, every API in use, every seed."""
    return [found for task in tasks for found in replay_task(task, plan)]


def commercial_only(tasks: Sequence[TaskOutcomes]) -> list[TaskOutcomes]:
    """The tasks without the open models, whose price in the data is next to nothing."""
    found = []
    for task in tasks:
        kept = [n for n, name in enumerate(task.models) if not name.startswith(OPEN_MODELS)]
        names = tuple(task.models[n] for n in kept)
        found.append(TaskOutcomes(task.task, names, task.scores[:, kept], task.costs[:, kept]))
    return found


def replay_task(task: TaskOutcomes, plan: Plan) -> list[Replayed]:
    """One task: every API in use, every seed."""
    tryouts = try_out(task, plan, task.models)
    selected = [_selected(task, t) for t in tryouts]
    rows = {seed: parts(task, plan, seed)[1] for seed in plan.seeds}
    differences = [
        task.scores[rows[t.split.seed], new] - task.scores[rows[t.split.seed], t.incumbent]
        for t, new in zip(tryouts, selected, strict=True)
    ]
    known = [d[~np.isnan(d)] for d in differences]
    count = len(known)
    evidence = weigh_many(Streams.of(known), margins=[plan.margin] * count, alphas=[ALPHA] * count)
    found = []
    for tryout, new, proof in zip(tryouts, selected, evidence, strict=True):
        costs = task.costs[rows[tryout.split.seed]]
        found.append(
            Replayed(
                task.task, tryout.split.seed, task.models[tryout.incumbent], str(tryout.decision.verdict),
                task.models[new], proof.n, float(np.nansum(costs[:, tryout.incumbent])),
                float(np.nansum(costs[:, new])), proof.effect or 0.0,
                0.0 if new == tryout.incumbent else proof.lower_bound,
            )
        )  # fmt: skip
    return found


def _selected(task: TaskOutcomes, tryout: Tryout) -> int:
    if tryout.decision.verdict is not Verdict.SWITCH:
        return tryout.incumbent
    return task.models.index(str(tryout.decision.recommended_model))


def show_outcomes(name: str, found: Sequence[Replayed], seconds: float, *, margin: float = MARGIN) -> None:
    """The table by API in use, and what came of the switches."""
    tasks, seeds = len({r.task for r in found}), len({r.seed for r in found})
    print(f"\n{name}: {tasks} tasks, {seeds} seeds, margin {100 * margin:g} points, {seconds:.0f} s")
    columns = (
        "API in use", "tasks", "$ per 1,000 calls", "saved", "quality change", "switched", "bound above the margin",
    )  # fmt: skip
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    by_name: dict[str, list[Replayed]] = defaultdict(list)
    for row in found:
        by_name[row.incumbent].append(row)
    for incumbent in sorted(by_name):
        print(_line(incumbent, by_name[incumbent], margin))
    print(_line("all", found, margin))
    savings = [1 - r.selected_usd / r.fixed_usd for r in found if r.fixed_usd]
    print(f"mean saving over (task, API in use), each counted alike: {100 * np.mean(savings):.1f} %")
    print(f"verdicts: {dict(Counter(r.verdict for r in found))}")
    print("latency and failures: not in these data")


def _line(name: str, rows: Sequence[Replayed], margin: float) -> str:
    items, fixed, selected = (sum(r.items for r in rows), sum(r.fixed_usd for r in rows),
                              sum(r.selected_usd for r in rows))  # fmt: skip
    change = sum(r.items * r.quality_change for r in rows) / items
    switches = [r for r in rows if r.switched]
    held = sum(r.quality_bound >= -margin for r in switches)
    lowest = f", lowest {100 * min(r.quality_bound for r in switches):+.1f}" if switches else ""
    return (
        f"| {name} | {len({r.task for r in rows})} | {1000 * fixed / items:.4f} → {1000 * selected / items:.4f} | "
        f"{100 * (1 - selected / fixed):.1f} % | {100 * change:+.2f} | {len(switches)} of {len(rows)} | "
        f"{held} of {len(switches)}{lowest} |"
    )
