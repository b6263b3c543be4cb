"""Tries the recommender on outcomes: it sees one part of each task's items, its verdicts are scored on the other.

Tasks stand for features. For every seed the items of a task are shuffled and split; the first part is shown in
nightly batches, each batch a look at the evidence; then the decision of the nightly publish (`decide`) is made for
every model in use. Trials of one item are one item with their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from modelscout.recommender import betting
from modelscout.recommender.betting import Indices
from modelscout.recommender.candidates import Tried, candidates
from modelscout.recommender.case import Decision, FeatureCase
from modelscout.recommender.decide import decide
from modelscout.recommender.evidence import Evidence, summarise
from modelscout.recommender.moments import Array, PairTable
from modelscout.recommender.outcomes import TaskOutcomes
from modelscout.recommender.spending import error_share

NIGHTS = 30
DAY = date(2000, 1, 1)
"""Any day: in a backtest nothing retires."""
REQUESTS_PER_MONTH = Decimal(1000)
"""Any number: a backtest reports savings as shares of the spend."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to try it."""

    margin: float
    seeds: Sequence[int]
    holdout: float = 0.5
    """Share of the items that verdicts are scored on."""
    nights: int = NIGHTS
    objective: str = "cost"


class Split(NamedTuple):
    """What one seed shows and holds out of one task, as sums of all pairs of models."""

    task: TaskOutcomes
    seed: int
    shown: PairTable
    shown_costs: PairTable
    held_out: PairTable
    held_out_costs: PairTable


class Tryout(NamedTuple):
    """One decision: a task with a model in use, under one seed."""

    split: Split
    incumbent: int
    """Index of the model in use."""
    decision: Decision


def parts(task: TaskOutcomes, plan: Plan, seed: int) -> tuple[Indices, Indices]:
    """Rows of the items that are shown, in the order of the nights, and of those held out, in an order of chance."""
    order = np.random.default_rng([seed, *task.task.encode()]).permutation(len(task.scores))
    held = round(plan.holdout * len(order))
    return order[held:], order[:held]


def try_out(task: TaskOutcomes, plan: Plan, incumbents: Sequence[str]) -> list[Tryout]:
    """The decisions for one task: every incumbent that it has, every seed."""
    in_use = [i for i, name in enumerate(task.models) if name in incumbents]
    looks = [_show(task, plan, seed, in_use) for seed in plan.seeds]
    evidence = _evidence(looks, plan, len(task.models) - 1)
    size = len(in_use) * len(task.models)
    found = []
    for number, (split, _, _) in enumerate(looks):
        of_seed = evidence[number * size : (number + 1) * size]
        for row, incumbent in enumerate(in_use):
            of_incumbent = of_seed[row * len(task.models) : (row + 1) * len(task.models)]
            case = _case(split, incumbent, of_incumbent, plan)
            found.append(Tryout(split, incumbent, decide(case, today=DAY, horizon_days=0)))
    return found


class _Looks(NamedTuple):
    split: Split
    counts: Array
    """Histograms of differences after the last night: (incumbents x models) by grid values."""
    peaks: Array
    """Largest log capitals over the nights, in the same order."""


def _show(task: TaskOutcomes, plan: Plan, seed: int, in_use: Sequence[int]) -> _Looks:
    shown, held_out = parts(task, plan, seed)
    split = Split(
        task,
        seed,
        PairTable.of(task.scores[shown]),
        PairTable.of(task.costs[shown]),
        PairTable.of(task.scores[held_out]),
        PairTable.of(task.costs[held_out]),
    )
    looks = [_nightly(task.scores[shown], incumbent, plan) for incumbent in in_use]
    return _Looks(split, np.concatenate([c for c, _ in looks]), np.concatenate([p for _, p in looks]))


def _nightly(scores: Array, incumbent: int, plan: Plan) -> tuple[Array, Array]:
    """Histograms after the last night and largest log capitals over the nights, one per model."""
    models = scores.shape[1]
    differences = scores - scores[:, [incumbent]]
    night = np.arange(len(scores)) * plan.nights // max(len(scores), 1)
    rows = np.arange(models)[None, :] * plan.nights + night[:, None]
    known = ~np.isnan(differences)
    counts = betting.histograms(differences[known], rows[known], models * plan.nights)
    since = counts.reshape(models, plan.nights, -1).cumsum(axis=1)
    capital = betting.log_capital(since, -plan.margin, betting.log_weights(plan.margin))
    return since[:, -1, :], np.maximum(capital.max(axis=1), 0.0)


def _evidence(looks: Sequence[_Looks], plan: Plan, tried: int) -> list[Evidence]:
    counts = np.concatenate([look.counts for look in looks])
    size = len(counts)
    # The items were shuffled, so that nothing depends on its neighbours.
    independent = np.ones(size)
    return summarise(
        counts,
        counts @ betting.VALUES,
        np.concatenate([look.peaks for look in looks]),
        np.full(size, plan.margin),
        np.full(size, error_share(1, tried)),
        independent,
    )


def _case(split: Split, incumbent: int, evidence: Sequence[Evidence], plan: Plan) -> FeatureCase:
    models = split.task.models
    answered = np.diag(split.shown.n)
    overall = float(np.trace(split.shown.total) / max(answered.sum(), 1.0))
    cost = mean_cost(split.shown_costs, incumbent)
    tried = [
        Tried(
            model_id=name,
            provider="",
            model=name,
            evidence=evidence[i],
            scores=split.shown.pair(i, incumbent),
            costs=split.shown_costs.pair(i, incumbent),
            cost_per_item_usd=mean_cost(split.shown_costs, i),
            expected_quality=overall,
        )
        for i, name in enumerate(models)
        if i != incumbent
    ]
    return FeatureCase(
        organization_id="backtest",
        organization="backtest",
        feature_id=split.task.task,
        objective=plan.objective,
        margin=plan.margin,
        switching_cost_usd=Decimal(0),
        current_model_id=models[incumbent],
        current_model=models[incumbent],
        current_status=None,
        retires_on=None,
        catalog_successor=None,
        successor_model_id=None,
        requests_per_month=REQUESTS_PER_MONTH,
        cost_per_request_usd=None if cost is None else Decimal(repr(cost)),
        exposure_usd_per_day=None,
        current_quality=None,
        current_mean_ms=None,
        samples=int(answered[incumbent]),
        data_window=None,
        unpriced_requests=0,
        candidates=candidates(tried),
    )


def mean_cost(costs: PairTable, model: int) -> float | None:
    """USD per call of a model; None where no cost is known."""
    known = float(costs.n[model, model])
    return float(costs.total[model, model]) / known if known else None
