"""What the recommender is compared with in a backtest: rules that choose a model per task from the same items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from modelscout.recommender.backtest import Plan, Split
from modelscout.recommender.moments import PairSums, PairTable

Choices = Mapping[str, str]
"""Task to the model chosen for it; tasks that stay with the model in use are left out."""


def stay(_splits: Sequence[Split], _incumbent: str, _plan: Plan) -> Choices:
    """Change nothing."""
    return {}


def cheapest_within_margin(splits: Sequence[Split], incumbent: str, plan: Plan) -> Choices:
    """Per task the cheapest model whose shown mean is within the margin: a point estimate, as others decide."""
    return _per_task([(s, s.shown, s.shown_costs) for s in splits], incumbent, plan)


def oracle(splits: Sequence[Split], incumbent: str, plan: Plan) -> Choices:
    """The same rule with the held-out items themselves: what nobody can know, the upper end."""
    return _per_task([(s, s.held_out, s.held_out_costs) for s in splits], incumbent, plan)


def one_model(splits: Sequence[Split], incumbent: str, plan: Plan) -> Choices:
    """The one model that the point rule chooses over all tasks together, wherever it is available."""
    names = {name for s in splits for name in s.task.models} - {incumbent}
    ranked = [(rank, name) for name in sorted(names) if (rank := _pooled_rank(splits, incumbent, name, plan))]
    if not ranked:
        return {}
    _, chosen = max(ranked)
    return {s.task.task: chosen for s in splits if chosen in s.task.models}


def one_model_every_task(splits: Sequence[Split], incumbent: str, plan: Plan) -> Choices:
    """The one model for everything that is within the margin, as shown, on every task that has it."""
    names = {name for s in splits for name in s.task.models} - {incumbent}
    ranked = [
        (rank, name)
        for name in sorted(names)
        if _is_within_everywhere(splits, incumbent, name, plan)
        and (rank := _pooled_rank(splits, incumbent, name, plan))
    ]
    chosen = max(ranked)[1] if ranked else None
    return {s.task.task: chosen for s in splits if chosen is not None and chosen in s.task.models}


POLICIES = {
    "stay": stay,
    "cheapest_within_margin": cheapest_within_margin,
    "one_model": one_model,
    "one_model_every_task": one_model_every_task,
    "oracle": oracle,
}

Rank = tuple[float, float]
"""The higher the better; by saving or by quality, as the objective is."""


def _per_task(
    tables: Sequence[tuple[Split, PairTable, PairTable]], incumbent: str, plan: Plan
) -> dict[str, str]:
    chosen = {}
    for split, scores, costs in tables:
        models = split.task.models
        at = models.index(incumbent)
        ranked = [
            (rank, name)
            for i, name in enumerate(models)
            if i != at and (rank := _rank(scores.pair(i, at), costs.pair(i, at), plan)) is not None
        ]
        if ranked:
            chosen[split.task.task] = max(ranked)[1]
    return chosen


def _rank(scores: PairSums, costs: PairSums, plan: Plan) -> Rank | None:
    """None where the rule would not choose it."""
    if not scores.n:
        return None
    change, _ = scores.difference()
    if plan.objective == "quality":
        return (change, 0.0) if change > 0.0 else None
    if not costs.n or costs.reference <= 0.0 or change < -plan.margin:
        return None
    saving = 1.0 - costs.candidate / costs.reference
    return (saving, change) if saving > 0.0 else None


def _pooled_rank(splits: Sequence[Split], incumbent: str, name: str, plan: Plan) -> Rank | None:
    both = [s for s in splits if name in s.task.models]
    scores = [s.shown.pair(s.task.models.index(name), s.task.models.index(incumbent)) for s in both]
    costs = [s.shown_costs.pair(s.task.models.index(name), s.task.models.index(incumbent)) for s in both]
    rank = _rank(_sum(scores), _sum(costs), plan)
    if rank is None:
        return None
    # What it brings over all tasks, also those that it is not available for.
    items = sum(s.shown.n[i, i] for s in splits for i in [s.task.models.index(incumbent)])
    share = sum(p.n for p in scores) / max(items, 1.0)
    return (rank[0] * share, rank[1])


def _is_within_everywhere(splits: Sequence[Split], incumbent: str, name: str, plan: Plan) -> bool:
    both = [s for s in splits if name in s.task.models]
    pairs = [s.shown.pair(s.task.models.index(name), s.task.models.index(incumbent)) for s in both]
    return all(p.difference()[0] >= -plan.margin for p in pairs)


def _sum(parts: Sequence[PairSums]) -> PairSums:
    return PairSums(
        sum(p.n for p in parts),
        *(math.fsum(column) for column in zip(*(p[1:] for p in parts), strict=True)),
    )
