"""The choice among the models of a plan for one request. Pure but for the states that it reads; no waiting."""

from __future__ import annotations

from typing import NamedTuple

from modelscout.selection.plan import Assignment, Choice, Organization
from modelscout.selection.snapshot import Snapshot
from modelscout.selection.state import ModelState, Standing
from modelscout.selection.workload import Workload

States = dict[tuple[str, str], ModelState]


class Selection(NamedTuple):
    """Which model to call, and what to call if it fails. `explain()` says why in one sentence."""

    organization_id: str
    feature_id: str
    choice: Choice
    fallbacks: tuple[Choice, ...]
    """In the order in which to try them; each has all capabilities that are needed, verified."""
    workload: Workload
    organization: Organization
    assignment: Assignment
    snapshot: Snapshot
    passed_over: tuple[tuple[Choice, str], ...] = ()
    """What stood before the choice, and why it was not taken."""
    standing: Standing = Standing.READY
    """DOWN: nothing that may be called is known to work; the choice is the one to try."""

    @property
    def provider(self) -> str:
        """Who is called."""
        return self.choice.provider

    @property
    def model(self) -> str:
        """The provider's id of the model."""
        return self.choice.model

    def explain(self) -> str:
        """The reason in one sentence."""
        from modelscout.selection.explanation import explain

        return explain(self)


def choose(
    snapshot: Snapshot,
    organization: Organization,
    feature_id: str,
    assignment: Assignment,
    workload: Workload,
    states: States | None,
    *,
    now_s: float,
    monotonic_s: float,
) -> Selection | None:
    """The best of what may be called; None where nothing may. `now_s` counts from 1970."""
    passed: list[tuple[Choice, str]] = []
    fit = []
    for choice in _ordered(assignment, workload):
        problem = _unfit(choice, workload, now_s)
        if problem is None:
            fit.append(choice)
        else:
            passed.append((choice, problem))
    if not fit:
        return None
    if assignment.over_budget or workload.cost_sensitivity == "high":
        fit = _cheapest_first(fit, assignment, workload, passed)
    standing = Standing.READY
    if states is not None:
        fit, standing = _by_standing(fit, assignment, workload, states, monotonic_s, passed)
    return Selection(
        organization.id, feature_id, fit[0], tuple(fit[1:]), workload, organization, assignment, snapshot,
        tuple(passed), standing,
    )  # fmt: skip


def _ordered(assignment: Assignment, workload: Workload) -> tuple[Choice, ...]:
    """The choices for this kind of work: of the first rule that fits, else the feature's."""
    for rule in assignment.plan.rules:
        for name, levels in rule.when:
            if getattr(workload, name) not in levels:
                break
        else:
            return rule.choices
    return assignment.plan.choices


def _unfit(choice: Choice, workload: Workload, now_s: float) -> str | None:
    """Why the model may not answer this at all."""
    if choice.retires_at_s <= now_s:
        return "it is retired"
    if workload.requires and not workload.requires <= choice.capabilities:
        return f"it is not verified for {', '.join(sorted(workload.requires - choice.capabilities))}"
    if workload.accuracy in ("high", "critical") and not choice.trusted:
        return f"nothing proves it for work of {workload.accuracy} accuracy"
    return None


def _cheapest_first(
    fit: list[Choice], assignment: Assignment, workload: Workload, passed: list[tuple[Choice, str]]
) -> list[Choice]:
    """The cheapest of those that are good enough goes first, where it is cheaper than what would go first.

    Good enough is what is proven; under a budget that is used up also what people chose. A price that is not known
    is not low. Work of high accuracy keeps its model.
    """
    first = fit[0]
    if workload.accuracy in ("high", "critical") or first.usd_per_million_tokens is None:
        return fit
    enough = [c for c in fit[1:] if c.proven or (assignment.over_budget and c.trusted)]
    priced = [c for c in enough if c.usd_per_million_tokens is not None]
    cheapest = min(priced, key=lambda c: c.usd_per_million_tokens or 0.0, default=None)
    if cheapest is None or (cheapest.usd_per_million_tokens or 0.0) >= first.usd_per_million_tokens:
        return fit
    passed.append((first, "the month's budget is used up" if assignment.over_budget else "cost counts here"))
    return [cheapest, *(c for c in fit if c is not cheapest)]


def _by_standing(
    fit: list[Choice],
    assignment: Assignment,
    workload: Workload,
    states: States,
    now: float,
    passed: list[tuple[Choice, str]],
) -> tuple[list[Choice], Standing]:
    """The same models, those that may be called now first. Who can wait waits for a model that is only busy."""
    slowest_ms = workload.deadline_ms or assignment.plan.max_latency_ms
    patient = workload.urgency == "batch" or workload.accuracy == "critical"
    worst = Standing.READY
    standings = []
    for choice in fit:
        state = states.get(choice.key)
        standing = Standing.READY if state is None else state.standing(now, workload.requests, slowest_ms)
        if patient and standing is Standing.BUSY:
            standing = Standing.READY
        worst = max(worst, standing)
        standings.append(standing)
    if worst is Standing.READY:
        return fit, worst
    best = min(standings)
    for choice, standing in zip(fit, standings, strict=True):
        if standing is best:
            break
        passed.append((choice, states[choice.key].why(now, slowest_ms)))
    order = sorted(range(len(fit)), key=standings.__getitem__)
    return [fit[i] for i in order], best
