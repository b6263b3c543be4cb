"""The choice among the models of a plan for one request. Pure but for the states that it reads; no waiting."""

from __future__ import annotations

from typing import NamedTuple

from modelscout.selection.plan import (
    Assignment,
    Choice,
    Order,
    Orders,
    Organization,
    cheapest_first,
    order_of,
)
from modelscout.selection.snapshot import Snapshot
from modelscout.selection.state import ModelState, Standing
from modelscout.selection.workload import Workload

EXACT = frozenset({"high", "critical"})
"""Accuracies for which only trusted models will do."""
TOKENS_PER_INPUT_TOKEN = 1.25
"""A request's tokens with its answer, of which a fifth are output: as `Choice.usd_per_million_tokens` has it."""
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
    order = _order(assignment, workload, now_s)
    if not order.choices:
        return None
    first, rest, passed, standing = order.choices[0], order.rest, order.passed_over, Standing.READY
    if states is not None:
        state = states.get(first.key)
        if state is not None:
            slowest_ms = workload.deadline_ms or assignment.plan.max_latency_ms
            standing = state.standing(monotonic_s, workload.requests, slowest_ms)
            if standing is not Standing.READY:
                first, rest, passed, standing = _by_standing(order, assignment, workload, states, monotonic_s)
    return Selection(
        organization.id,
        feature_id,
        first,
        rest,
        workload,
        organization,
        assignment,
        snapshot,
        passed,
        standing,
    )


def _order(assignment: Assignment, workload: Workload, now_s: float) -> Order:
    """The models that may answer, in order. Work of high accuracy keeps its model, whatever it costs."""
    plan = assignment.plan
    orders = _orders(assignment, workload) if plan.rules else plan.orders
    exact = workload.accuracy in EXACT
    if exact:
        order = orders.ordinary
    elif assignment.over_budget:
        order = orders.frugal
    else:
        order = orders.cheap if workload.cost_sensitivity == "high" else orders.ordinary
    all_alive = now_s < plan.changes_at_s
    limited = plan.max_cost_per_request_usd is not None and workload.input_tokens is not None
    if all_alive and not limited and workload.requires <= order.common and (order.all_trusted or not exact):
        return order
    return _fitting(orders, assignment, workload, now_s)


def _orders(assignment: Assignment, workload: Workload) -> Orders:
    """The orders for this kind of work: of the first rule that fits, else the feature's."""
    for rule in assignment.plan.rules:
        for name, levels in rule.when:
            if getattr(workload, name) not in levels:
                break
        else:
            return rule.orders
    return assignment.plan.orders


def _fitting(orders: Orders, assignment: Assignment, workload: Workload, now_s: float) -> Order:
    """Only the models that may answer this, and again the cheapest first where cost counts."""
    fit, passed = [], []
    for choice in orders.ordinary.choices:
        problem = _unfit(choice, workload, now_s) or _dearer(choice, assignment, workload)
        if problem is None:
            fit.append(choice)
        else:
            passed.append((choice, problem))
    narrowed = order_of(fit, tuple(passed))
    if workload.accuracy in EXACT or not (assignment.over_budget or workload.cost_sensitivity == "high"):
        return narrowed
    return cheapest_first(narrowed, over_budget=assignment.over_budget)


def _unfit(choice: Choice, workload: Workload, now_s: float) -> str | None:
    """Why the model may not answer this at all."""
    if choice.retires_at_s <= now_s:
        return "it is retired"
    if not workload.requires <= choice.capabilities:
        return f"it is not verified for {', '.join(sorted(workload.requires - choice.capabilities))}"
    if workload.accuracy in EXACT and not choice.trusted:
        return f"nothing proves it for work of {workload.accuracy} accuracy"
    return None


def too_dear(assignment: Assignment, workload: Workload, now_s: float) -> list[tuple[Choice, str]]:
    """The models that only the feature's limit on cost keeps from answering, and why."""
    choices = _orders(assignment, workload).ordinary.choices
    able = [c for c in choices if _unfit(c, workload, now_s) is None]
    return [(c, problem) for c in able if (problem := _dearer(c, assignment, workload)) is not None]


def _dearer(choice: Choice, assignment: Assignment, workload: Workload) -> str | None:
    """Why the model is above what a request of the feature may cost; a price that is not known may be."""
    limit_usd = assignment.plan.max_cost_per_request_usd
    if limit_usd is None or workload.input_tokens is None:
        return None
    if choice.usd_per_million_tokens is None:
        return "its price is unknown and limits.max_cost_per_request_usd is set"
    usd = workload.input_tokens * TOKENS_PER_INPUT_TOKEN * choice.usd_per_million_tokens / 1_000_000
    if usd <= limit_usd:
        return None
    return f"it would cost about ${usd:.2g}, above limits.max_cost_per_request_usd={limit_usd}"


def _by_standing(
    order: Order, assignment: Assignment, workload: Workload, states: States, now: float
) -> tuple[Choice, tuple[Choice, ...], tuple[tuple[Choice, str], ...], Standing]:
    """The same models, those that may be called now first. Who can wait waits for a model that is only busy."""
    slowest_ms = workload.deadline_ms or assignment.plan.max_latency_ms
    patient = workload.urgency == "batch" or workload.accuracy == "critical"
    standings = []
    for choice in order.choices:
        state = states.get(choice.key)
        standing = Standing.READY if state is None else state.standing(now, workload.requests, slowest_ms)
        standings.append(Standing.READY if patient and standing is Standing.BUSY else standing)
    best = min(standings)
    ranked = [order.choices[n] for n in sorted(range(len(standings)), key=standings.__getitem__)]
    before = order.choices[: standings.index(best)]
    passed = tuple((c, states[c.key].why(now, slowest_ms)) for c in before)
    return ranked[0], tuple(ranked[1:]), (*order.passed_over, *passed), best
