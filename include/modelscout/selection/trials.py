"""Trials: a declared small share of a feature's traffic goes to a candidate, by chance, so that it becomes evidence.

Chance decides only where both models may answer and work; such requests carry the experiment and the chance that their
model had. The rest of the traffic says nothing about either.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.selection.choosing import EXACT, Selection
from modelscout.selection.plan import Choice, Source
from modelscout.selection.state import ModelStates, Standing

LEAST_SHARE = Decimal("0.05")
"""Of less the evidence makes no use."""
MOST_SHARE = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A candidate beside the model in use of one feature. Raises ConfigurationError for what cannot be."""

    experiment_id: str
    organization: str
    """Id or slug."""
    feature: str
    candidate: str
    """`provider/model`."""
    share: Decimal
    """Of the requests, 0.05 to 0.5."""
    ends_at: datetime
    """It ends earlier where it is settled."""

    def __post_init__(self) -> None:
        if not self.experiment_id.strip():
            raise ConfigurationError("experiment_id is empty: name the trial")
        if not LEAST_SHARE <= self.share <= MOST_SHARE:
            raise ConfigurationError(f"share={self.share}: give {LEAST_SHARE} to {MOST_SHARE}")
        if "/" not in self.candidate:
            raise ConfigurationError(f"candidate={self.candidate!r}: write it as provider/model")
        if self.ends_at.tzinfo is None:
            raise ConfigurationError("ends_at has no offset: give one, such as +00:00")


class Draw(NamedTuple):
    """What chance decided for one request."""

    experiment_id: str
    first: Choice
    second: Choice
    """The other model of the trial: the first to stand in."""
    propensity: Decimal
    """The chance that `first` had."""


def draw(
    trials: Sequence[Trial],
    selection: Selection,
    states: ModelStates,
    *,
    now: datetime,
    key: str | None,
    rng: random.Random,
) -> Draw | None:
    """The model of a trial for a request; None where none is open for it. `key` makes the choice sticky."""
    for trial in trials:
        if not _is_about(trial, selection) or trial.ends_at <= now:
            continue
        candidate = _candidate(trial, selection, now.timestamp())
        if candidate is None or not _work(selection, candidate, states):
            continue
        fraction = rng.random() if key is None else _fraction(trial.experiment_id, key)
        if fraction < trial.share:
            return Draw(trial.experiment_id, candidate, selection.choice, trial.share)
        return Draw(trial.experiment_id, selection.choice, candidate, 1 - trial.share)
    return None


def unit_of(experiment_id: str, key: str) -> str:
    """What a sticky key is logged as: its requests share one draw and count once as evidence."""
    return hashlib.blake2b(f"{experiment_id}\0{key}".encode(), digest_size=12).hexdigest()


def _fraction(experiment_id: str, key: str) -> float:
    """0 to 1, evenly over keys, the same for a key whenever and wherever it is asked."""
    return int(unit_of(experiment_id, key)[:13], 16) / 16**13


def _is_about(trial: Trial, selection: Selection) -> bool:
    """Only ordinary work of the model in use: what a rule, a price or a state put first is no fair comparison."""
    organization = selection.organization
    return (
        trial.feature == selection.feature_id
        and trial.organization in (organization.id, organization.slug)
        and selection.choice.source is Source.ASSIGNED
        and selection.workload.accuracy not in EXACT
        and not selection.assignment.over_budget
    )


def _candidate(trial: Trial, selection: Selection, now_s: float) -> Choice | None:
    """The candidate as a choice; None where the trial is settled or the candidate may not answer this."""
    plan, planner = selection.assignment.plan, selection.snapshot.planner
    around = planner.surroundings(selection.organization)
    named = (m for m in around.usable.values() if f"{m.provider}/{m.name}" == trial.candidate)
    model = next(named, None)
    if model is None or model.retires_at_s <= now_s or model.id in plan.proven | plan.settled:
        return None
    if any(c.source is Source.ADVISED for c in plan.orders.ordinary.choices):
        # The recommendation in force names a model: there is nothing left to find out before somebody decides.
        return None
    needed = planner.features[selection.feature_id].required | selection.workload.requires
    if model.id == selection.choice.model_id or not needed <= model.verified:
        return None
    return planner.choice(around, model, Source.TRIAL, False, plan.parameters)


def _work(selection: Selection, candidate: Choice, states: ModelStates) -> bool:
    """Whether both could be called now: else it would not be chance that decides."""
    now, work = states.clock(), selection.workload
    slowest_ms = work.deadline_ms or selection.assignment.plan.max_latency_ms
    return all(
        states.of(selection.organization_id, *choice.key).standing(now, work.requests, slowest_ms)
        is Standing.READY
        for choice in (selection.choice, candidate)
    )
