"""Scores verdicts on the items that were held out, and sums them up beside the baselines."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Verdict
from modelscout.recommender.backtest import Plan, Split, Tryout, try_out
from modelscout.recommender.backtest_policies import POLICIES, Choices, oracle
from modelscout.recommender.case import NORMAL_90, Interval
from modelscout.recommender.outcomes import TaskOutcomes


@dataclass(frozen=True, slots=True)
class Switch:
    """One task that moves to another model, scored on the held-out items."""

    task: str
    to: str
    n_held_out: int
    quality_change: float
    """Mean score of the new model minus that of the one in use."""
    saving_fraction: float | None
    """Share of the spend that is saved; None where a cost is unknown."""
    violates_margin: bool
    """Whether the held-out loss exceeds the margin by more than its sampling error (one-sided, 95 %)."""
    exceeds_margin: bool
    """Whether the held-out loss exceeds the margin at all, chance included."""


@dataclass(frozen=True, slots=True)
class Run:
    """All tasks of one model in use under one seed. Changes and savings are over all its held-out items."""

    incumbent: str
    seed: int
    verdicts: dict[str, int]
    switches: list[Switch]
    saving_fraction: float | None
    quality_change: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Means over runs; shares of switches."""

    saving_fraction: float | None
    quality_change: float
    switches: int
    violations: int
    violation_share: float | None
    exceeding_share: float | None


class Promise(NamedTuple):
    """What was promised for a chosen model beside what the held-out items showed."""

    promised: Interval
    realised: float
    realised_error: float
    """Standard error of the realised value."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How promises were kept. `coverage`: share within the 90 % interval widened by the held-out error."""

    n: int
    mean_promised: float
    mean_realised: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Report:
    """What `modelscout backtest --json` prints."""

    runs: list[Run]
    baselines: dict[str, list[Run]]
    summary: dict[str, object] = field(default_factory=dict)


def backtest(tasks: Sequence[TaskOutcomes], plan: Plan, *, incumbent: str = "all") -> Report:
    """Try the recommender on every task, for one model in use or for all.

    Raises ConfigurationError where no task has the model.
    """
    names = sorted({name for task in tasks for name in task.models})
    if incumbent != "all" and incumbent not in names:
        raise ConfigurationError(f"--incumbent {incumbent}: no such model; there are {', '.join(names)}")
    chosen = names if incumbent == "all" else [incumbent]
    by_run: dict[tuple[str, int], list[Tryout]] = defaultdict(list)
    for task in tasks:
        for found in try_out(task, plan, chosen):
            by_run[task.models[found.incumbent], found.split.seed].append(found)
    runs = [_run(key, tryouts, plan) for key, tryouts in sorted(by_run.items())]
    baselines = {
        name: [_baseline(key, tryouts, plan, policy) for key, tryouts in sorted(by_run.items())]
        for name, policy in POLICIES.items()
    }
    return Report(runs, baselines, _summary(tasks, plan, by_run, runs, baselines))


def _run(key: tuple[str, int], tryouts: Sequence[Tryout], plan: Plan) -> Run:
    verdicts = Counter(t.decision.verdict.value for t in tryouts)
    choices = {
        t.split.task.task: str(t.decision.recommended_model)
        for t in tryouts
        if t.decision.verdict is Verdict.SWITCH
    }
    return _score(key, [t.split for t in tryouts], choices, dict(sorted(verdicts.items())), plan)


def _baseline(
    key: tuple[str, int],
    tryouts: Sequence[Tryout],
    plan: Plan,
    policy: Callable[[Sequence[Split], str, Plan], Choices],
) -> Run:
    splits = [t.split for t in tryouts]
    choices = policy(splits, key[0], plan)
    counts = {Verdict.SWITCH.value: len(choices), Verdict.KEEP.value: len(splits) - len(choices)}
    return _score(key, splits, choices, {k: n for k, n in counts.items() if n}, plan)


def _score(
    key: tuple[str, int], splits: Sequence[Split], choices: Choices, verdicts: dict[str, int], plan: Plan
) -> Run:
    incumbent, seed = key
    switches, change, saved, spend, items = [], 0.0, 0.0, 0.0, 0.0
    for split in splits:
        at = split.task.models.index(incumbent)
        answered, spent = float(split.held_out.n[at, at]), float(split.held_out_costs.total[at, at])
        items, spend = items + answered, spend + spent
        to = choices.get(split.task.task)
        if to is None:
            continue
        switch = score_switch(split, incumbent, to, plan.margin)
        switches.append(switch)
        change += answered * switch.quality_change
        saved += spent * (switch.saving_fraction or 0.0)
    return Run(
        incumbent,
        seed,
        verdicts,
        switches,
        saved / spend if spend else None,
        change / items if items else 0.0,
    )


def score_switch(split: Split, incumbent: str, to: str, margin: float) -> Switch:
    """One task moved from `incumbent` to another model."""
    models = split.task.models
    at, new = models.index(incumbent), models.index(to)
    pair = split.held_out.pair(new, at)
    change, variance = pair.difference()
    costs = split.held_out_costs.pair(new, at)
    saving = 1.0 - costs.candidate / costs.reference if costs.n and costs.reference > 0.0 else None
    error = math.sqrt(variance / pair.n) if pair.n else 0.0
    return Switch(
        split.task.task,
        to,
        pair.n,
        change,
        saving,
        violates_margin=change < -margin - NORMAL_90 * error,
        exceeds_margin=change < -margin,
    )


def totals(runs: Sequence[Run]) -> Totals:
    """Means and shares over runs."""
    switches = [s for run in runs for s in run.switches]
    savings = [r.saving_fraction for r in runs if r.saving_fraction is not None]
    violations = sum(s.violates_margin for s in switches)
    return Totals(
        sum(savings) / len(savings) if savings else None,
        sum(r.quality_change for r in runs) / len(runs) if runs else 0.0,
        len(switches),
        violations,
        violations / len(switches) if switches else None,
        sum(s.exceeds_margin for s in switches) / len(switches) if switches else None,
    )


def _summary(
    tasks: Sequence[TaskOutcomes],
    plan: Plan,
    by_run: Mapping[tuple[str, int], Sequence[Tryout]],
    runs: Sequence[Run],
    baselines: Mapping[str, Sequence[Run]],
) -> dict[str, object]:
    verdicts: Counter[str] = Counter()
    for run in runs:
        verdicts.update(run.verdicts)
    return {
        "tasks": len(tasks),
        "items": sum(len(t.scores) for t in tasks),
        "models": len({name for t in tasks for name in t.models}),
        "incumbents": len({incumbent for incumbent, _ in by_run}),
        "seeds": len(plan.seeds),
        "margin": plan.margin,
        "holdout": plan.holdout,
        "nights": plan.nights,
        "objective": plan.objective,
        "verdicts": dict(sorted(verdicts.items())),
        "recommender": totals(runs),
        "power": _power(by_run, runs, plan),
        "promised_quality_change": _kept(_quality_promises(by_run)),
        "promised_saving_fraction": _kept(_saving_promises(by_run)),
        "baselines": {name: totals(found) for name, found in baselines.items()},
    }


def _power(
    by_run: Mapping[tuple[str, int], Sequence[Tryout]], runs: Sequence[Run], plan: Plan
) -> dict[str, object]:
    """Of the tasks where the held-out items show something to gain, the share that got a `switch`."""
    possible = gained = 0
    for run in runs:
        splits = [t.split for t in by_run[run.incumbent, run.seed]]
        worth = oracle(splits, run.incumbent, plan)
        possible += len(worth)
        gained += sum(s.task in worth for s in run.switches)
    return {"possible": possible, "switched": gained, "share": gained / possible if possible else None}


def _switched(by_run: Mapping[tuple[str, int], Sequence[Tryout]]) -> list[Tryout]:
    return [t for tryouts in by_run.values() for t in tryouts if t.decision.verdict is Verdict.SWITCH]


def _quality_promises(by_run: Mapping[tuple[str, int], Sequence[Tryout]]) -> list[Promise]:
    promises = []
    for found in _switched(by_run):
        chosen = found.decision.chosen
        if chosen is None or chosen.quality_change is None:
            continue
        models = found.split.task.models
        pair = found.split.held_out.pair(models.index(chosen.model), found.incumbent)
        change, variance = pair.difference()
        if pair.n > 1:
            promises.append(Promise(chosen.quality_change, change, math.sqrt(variance / pair.n)))
    return promises


def _saving_promises(by_run: Mapping[tuple[str, int], Sequence[Tryout]]) -> list[Promise]:
    promises = []
    for found in _switched(by_run):
        chosen = found.decision.chosen
        if chosen is None or chosen.cost_ratio is None:
            continue
        models = found.split.task.models
        realised = found.split.held_out_costs.pair(models.index(chosen.model), found.incumbent).ratio()
        if realised is not None:
            ratio = chosen.cost_ratio
            promised = Interval(1 - ratio.estimate, 1 - ratio.high, 1 - ratio.low)
            error = (realised.high - realised.estimate) / NORMAL_90
            promises.append(Promise(promised, 1 - realised.estimate, error))
    return promises


def _kept(promises: Sequence[Promise]) -> Kept | None:
    if not promises:
        return None
    n = len(promises)
    within = sum(_is_within(p) for p in promises)
    promised = sum(p.promised.estimate for p in promises) / n
    return Kept(n, promised, sum(p.realised for p in promises) / n, within / n)


def _is_within(promise: Promise) -> bool:
    """Whether the realised value is where the interval and its own sampling error let expect it."""
    distance = promise.realised - promise.promised.estimate
    half = promise.promised.high - promise.promised.estimate
    if distance < 0:
        half = promise.promised.estimate - promise.promised.low
    # Prices are the same on both sides: a distance of rounding is none.
    return abs(distance) <= math.hypot(half, NORMAL_90 * promise.realised_error) + 1e-9
