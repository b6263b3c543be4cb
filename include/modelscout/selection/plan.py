"""What may answer one feature, in order, worked out when the snapshot is made so that a request need not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Rule:
    """A kind of work with an order of its own. `when` holds (field of Workload, levels that fit)."""

    when: tuple[tuple[str, frozenset[str]], ...]
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What may answer one feature. Shared by every organization for which it is the same."""

    choices: tuple[Choice, ...]
    rest: tuple[Choice, ...]
    """All but the first."""
    rules: tuple[Rule, ...]
    max_latency_ms: float | None
    ordered_by: str
    """What counts among models that nobody chose, such as `speed`."""
    left_out: tuple[tuple[str, str], ...]
    """(`provider/model`, why) of models that were chosen and cannot serve."""
    changes_at_s: float
    """When the first of the choices retires."""
    simple: bool
    """Neither rules nor limits: an ordinary request takes the first choice."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The plan of one feature of one organization."""

    plan: Plan
    over_budget: bool
    direct: bool
    """An ordinary request takes the first choice at once."""


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
