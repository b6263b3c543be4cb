"""What may answer one feature, in order, worked out when the snapshot is made so that a request need not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

NEVER_S: Final = float("inf")


class Source(StrEnum):
    """Why a model is among the choices."""

    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    WORKLOAD = "workload"
    FALLBACK = "fallback"
    ADVISED = "advised"
    PROVEN = "proven"
    DEFAULT = "default"
    TRIAL = "trial"


CHOSEN_BY_PEOPLE = frozenset({Source.ACCEPTED, Source.ASSIGNED, Source.WORKLOAD, Source.FALLBACK})


@dataclass(frozen=True, slots=True)
class Model:
    """One model as the warehouse knows it. `retires_at_s` counts from 1970; the price is for a million tokens."""

    id: str
    provider: str
    name: str
    retires_at_s: float
    verified: frozenset[str]
    contradicted: frozenset[str]
    scores: Mapping[str, float] = field(hash=False)
    usd_per_million_tokens: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One model that may answer: all that a call needs but the key."""

    provider: str
    model: str
    """The provider's id of the model."""
    model_id: str
    """Id in `ai_models`."""
    capabilities: frozenset[str]
    """Verified ones."""
    parameters: Mapping[str, Any] = field(hash=False)
    """The model's own, and the feature's over them."""
    source: Source
    proven: bool
    """Proven not worse than the model in use on the organization's own items."""
    usd_per_million_tokens: float | None
    """A million tokens of which a fifth are output, for this organization; None where no price is known."""
    retires_at_s: float
    key: tuple[str, str] = field(repr=False)
    """(provider, model): under it the state of the model is kept."""

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"

    @property
    def trusted(self) -> bool:
        """Good enough for work that must be right: people chose it, or it is proven."""
        return self.proven or self.source in CHOSEN_BY_PEOPLE


@dataclass(frozen=True, slots=True)
class Order:
    """Models in the order in which they are taken, with what a request would otherwise have to work out."""

    choices: tuple[Choice, ...]
    rest: tuple[Choice, ...]
    """All but the first."""
    common: frozenset[str]
    """Capabilities that every one of them has."""
    all_trusted: bool
    passed_over: tuple[tuple[Choice, str], ...] = ()
    """What stepped back for the first, and why."""


@dataclass(frozen=True, slots=True)
class Orders:
    """The order for ordinary work, where cost counts, and where the month's budget is used up."""

    ordinary: Order
    cheap: Order
    frugal: Order


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of work with an order of its own. `when` holds (field of Workload, levels that fit)."""

    when: tuple[tuple[str, frozenset[str]], ...]
    orders: Orders


@dataclass(frozen=True, slots=True)
class Plan:
    """What may answer one feature. Shared by every organization for which it is the same."""

    orders: Orders
    first: Choice | None
    rest: tuple[Choice, ...]
    rules: tuple[Rule, ...]
    max_latency_ms: float | None
    ordered_by: str
    """What counts among models that nobody chose, such as `speed`."""
    left_out: tuple[tuple[str, str], ...]
    """(`provider/model`, why) of models that were chosen and cannot serve."""
    changes_at_s: float
    """When the first of the choices retires."""
    max_cost_per_request_usd: Decimal | None = None
    max_requests_per_minute: float | None = None
    parameters: str | None = None
    """The feature's own, as JSON."""
    proven: frozenset[str] = frozenset()
    """Ids of models that are proven not worse than the model in use."""
    settled: frozenset[str] = frozenset()
    """Ids of models that were tried and that the latest decision does not change to."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The plan of one feature of one organization."""

    plan: Plan
    over_budget: bool
    direct: bool
    """An ordinary request takes the first choice at once."""
    budget_left_usd: Decimal | None = None
    """Of the month's budget, as far as the database had counted; None where there is no budget."""
    counted_until_s: float = 0.0
    """Up to when the database had counted, in seconds since 1970."""


@dataclass(slots=True)
class Organization:
    """What the snapshot holds of one organization. Texts are the database's own: equal ones are the same object."""

    id: str
    slug: str | None
    usable: str
    model_parameters: str | None
    negotiated: str | None
    own_models: str | None
    features: dict[str, Assignment] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: what it always needs and what counts where nobody chose."""

    id: str
    use_case: str | None
    required: frozenset[str]


def order_of(choices: Sequence[Choice], passed_over: tuple[tuple[Choice, str], ...] = ()) -> Order:
    """The order of these choices."""
    common = frozenset.intersection(*(c.capabilities for c in choices)) if choices else frozenset[str]()
    return Order(tuple(choices), tuple(choices[1:]), common, all(c.trusted for c in choices), passed_over)


def orders_of(choices: Sequence[Choice]) -> Orders:
    """All three orders of these choices."""
    ordinary = order_of(choices)
    return Orders(
        ordinary, cheapest_first(ordinary, over_budget=False), cheapest_first(ordinary, over_budget=True)
    )


def cheapest_first(order: Order, *, over_budget: bool) -> Order:
    """The cheapest that is good enough goes first, where it is cheaper than what would go first.

    Good enough is what is proven; under a budget that is used up also what people chose. A price that is not known
    is not low.
    """
    first = order.choices[0] if order.choices else None
    if first is None or first.usd_per_million_tokens is None:
        return order
    enough = [c for c in order.rest if c.proven or (over_budget and c.trusted)]
    prices = [
        (c.usd_per_million_tokens, n) for n, c in enumerate(enough) if c.usd_per_million_tokens is not None
    ]
    if not prices or min(prices)[0] >= first.usd_per_million_tokens:
        return order
    cheapest = enough[min(prices)[1]]
    why = "the month's budget is used up" if over_budget else "cost counts here"
    return order_of(
        [cheapest, *(c for c in order.choices if c is not cheapest)], (*order.passed_over, (first, why))
    )
