"""Picks the model for a request: from memory, in microseconds, also while the database is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from modelscout.selection.choosing import Selection, choose, too_dear
from modelscout.selection.errors import CostLimitReached, NoModelAvailable
from modelscout.selection.plan import Assignment, Organization
from modelscout.selection.snapshot import Snapshot
from modelscout.selection.spend import OwnSpend
from modelscout.selection.state import ModelStates, Standing
from modelscout.selection.workload import ANY, Workload

_tuple_new = tuple.__new__
_READY = Standing.READY


class SnapshotHolder(Protocol):
    """Has the newest snapshot; `selection.keeper.SnapshotKeeper` is one."""

    snapshot: Snapshot
    processes: int
    """How many processes serve from such a snapshot under the same login, this one included."""


@dataclass(slots=True)
class FixedSnapshot:
    """A snapshot that nobody refreshes: for scripts and tests."""

    snapshot: Snapshot
    processes: int = 1


@dataclass(frozen=True, slots=True)
class SelectionContext:
    """Who asks, for what kind of work."""

    organization: str | UUID
    workload: Workload = ANY


class ModelSelector:
    """Selects models. Safe to use from any number of threads and tasks; never waits and never asks the network."""

    def __init__(
        self,
        holder: SnapshotHolder,
        states: ModelStates | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`states` is shared with whoever calls the models; `clock` gives seconds since 1970."""
        self._holder = holder
        self.states = ModelStates() if states is None else states
        self._clock = clock
        self.spend = OwnSpend()
        """What this process spent since the database last counted; whoever calls models adds to it."""

    def select(self, organization: str | UUID, feature: str, workload: Workload = ANY) -> Selection:
        """The model for a request, its fallbacks in order and its parameters.

        `organization` is an id or a slug; the id as text is the quickest. Raises UnknownOrganization,
        UnknownFeature, or NoModelAvailable where nothing that is allowed can do what is asked.
        """
        snapshot = self._holder.snapshot
        try:
            known = snapshot.organizations[organization]  # type: ignore[index]
            assignment = known.features[feature]
        except KeyError:
            known, assignment = snapshot.find(organization, feature)
        states = self.states.by_organization.get(known.id)
        now_s = self._clock()
        plan = assignment.plan
        # The ordinary case: nothing is known against the first choice.
        if assignment.direct and workload.plain and now_s < plan.changes_at_s:
            state = None if states is None else states.get(plan.first.key)  # type: ignore[union-attr]
            if (
                state is None
                or state.standing(self.states.clock(), workload.requests, workload.deadline_ms) is _READY
            ):
                return _tuple_new(
                    Selection,
                    (
                        known.id,
                        feature,
                        plan.first,
                        plan.rest,
                        workload,
                        known,
                        assignment,
                        snapshot,
                        (),
                        _READY,
                    ),
                )
        if assignment.budget_left_usd is not None and not assignment.over_budget:
            assignment = self._with_own_spend(known.id, feature, assignment, now_s)
        found = choose(
            snapshot,
            known,
            feature,
            assignment,
            workload,
            states,
            now_s=now_s,
            monotonic_s=self.states.clock(),
        )
        if found is None:
            raise _nothing(known, feature, assignment, workload, now_s)
        return found

    def select_optimal_model(self, feature: str, context: SelectionContext) -> Selection:
        """The same, for who has the circumstances in one object."""
        return self.select(context.organization, feature, context.workload)

    def _with_own_spend(
        self, organization_id: str, feature: str, assignment: Assignment, now_s: float
    ) -> Assignment:
        own_usd = self.spend.since(organization_id, feature, assignment.counted_until_s, now_s)
        left_usd = assignment.budget_left_usd
        return assignment if left_usd is None or own_usd < left_usd else replace(assignment, over_budget=True)

    def processes(self) -> int:
        """How many processes select under this login, this one included, as far as the database knows."""
        return max(1, self._holder.processes)

    def age_s(self) -> float:
        """How old the knowledge is, in seconds: what the database said so long ago is what selection goes by."""
        return max(0.0, self._clock() - self._holder.snapshot.known_at_s)


def _nothing(
    organization: Organization, feature: str, assignment: Assignment, workload: Workload, now_s: float
) -> NoModelAvailable:
    asked = f" with {', '.join(sorted(workload.requires))}" if workload.requires else ""
    plan = assignment.plan
    whose = f"{feature} of {organization.slug or organization.id}"
    reasons = (
        "; ".join(f"{name}: {why}" for name, why in plan.left_out) or "no usable model has what it needs"
    )
    if plan.first is not None:
        reasons = "none of " + ", ".join(c.name for c in plan.orders.ordinary.choices) + " fits"
    dear = too_dear(assignment, workload, now_s)
    if dear:
        return CostLimitReached(
            f"no model answers {whose}{asked} for at most limits.max_cost_per_request_usd="
            f"{plan.max_cost_per_request_usd} ({'; '.join(f'{c.name}: {why}' for c, why in dear)}): "
            "raise the limit, make the request smaller, or load prices"
        )
    return NoModelAvailable(
        f"no model may answer {whose}{asked} at accuracy {workload.accuracy} ({reasons}): "
        "check its keys, its settings and the tests of its models' capabilities"
    )
