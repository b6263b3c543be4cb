"""What is asked of a model: the characteristics that selection goes by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import WORKLOAD_LEVELS

Complexity = Literal["low", "medium", "high"]
Volume = Literal["light", "moderate", "heavy"]
Urgency = Literal["real-time", "near-real-time", "batch"]
Accuracy = Literal["basic", "standard", "high", "critical"]
Sensitivity = Literal["low", "medium", "high"]

_LEVELS = {**WORKLOAD_LEVELS, "cost_sensitivity": ("low", "medium", "high")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One request or a batch of them. Made once and used often: checking it costs more than selecting.

    Raises ConfigurationError for a level that does not exist.
    """

    complexity: Complexity = "medium"
    volume: Volume = "light"
    urgency: Urgency = "near-real-time"
    """`batch` may wait for a model that is busy; `real-time` never does."""
    accuracy: Accuracy = "standard"
    """`high` and `critical` take only models that the organization chose or that are proven for it."""
    cost_sensitivity: Sensitivity = "medium"
    """`high` takes the cheapest model that is proven not worse, where accuracy is basic or standard."""
    requires: frozenset[str] = frozenset()
    """Capabilities beyond what the feature always needs, such as `structured_output`; each must be verified."""
    requests: int = 1
    """Calls that are about to be made; a model whose rate limit leaves fewer is busy."""
    input_tokens: int | None = None
    """Of one request, text and images; None where unknown."""
    deadline_ms: float | None = None
    """A model that lately took longer is passed over; None asks for none."""
    plain: bool = field(init=False, repr=False, compare=False, default=True)
    """Nothing here narrows the choice by itself."""

    def __post_init__(self) -> None:
        for name, levels in _LEVELS.items():
            if getattr(self, name) not in levels:
                raise ConfigurationError(
                    f"workload.{name}={getattr(self, name)!r}: give one of {', '.join(levels)}"
                )
        if self.requests < 1:
            raise ConfigurationError(f"workload.requests={self.requests}: give a whole number of at least 1")
        if self.deadline_ms is not None and not self.deadline_ms > 0:
            raise ConfigurationError(f"workload.deadline_ms={self.deadline_ms}: give milliseconds above 0")
        object.__setattr__(self, "requires", frozenset(self.requires))
        narrow = self.requires or self.cost_sensitivity == "high" or self.accuracy in ("high", "critical")
        object.__setattr__(self, "plain", not narrow)


ANY = Workload()
"""An ordinary request that nothing is known about."""
