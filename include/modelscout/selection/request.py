"""What an application asks of the adaptive service, and what it gets back."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from modelscout.core.errors import ConfigurationError
from modelscout.providers.parameters import SAMPLING, takes_sampling
from modelscout.providers.protocol import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    Image,
    ReasoningEffort,
    Tool,
    ToolCall,
)
from modelscout.selection.analysis import Request, analyze_workload
from modelscout.selection.choosing import Selection
from modelscout.selection.plan import Choice, Source
from modelscout.selection.workload import Workload

DEFAULT_OUTPUT_TOKENS = 1024
OUTPUT_LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
"""Names under which the most output tokens may be configured; the first counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveRequest:
    """One request. Which model answers is decided when it is processed; what is asked for here never changes.

    Raises ConfigurationError for a value that no call could be made with.
    """

    organization: str
    """Id or slug."""
    feature: str
    prompt: str
    images: tuple[Image, ...] = ()
    system: str | None = None
    json_schema: Mapping[str, Any] | None = None
    tools: tuple[Tool, ...] = ()
    max_output_tokens: int | None = None
    """None: what is configured, else 1,024."""
    reasoning_effort: ReasoningEffort | None = None
    """None: what is configured."""
    deadline_s: float = 60.0
    """From the call of `process` to its answer, whatever is tried in between."""
    workload: Workload | None = None
    """The kind of work; None derives it from sizes. What the request needs is required of every model besides."""
    repeatable: bool = True
    """False: once a model may have worked on it, no other call is made, whatever became of the first."""
    hedge_after_s: float | None = None
    """Real-time work: where no answer is there after so long, the next model is asked too; the first answer counts."""
    max_cost_usd: Decimal | None = None
    """A model whose worst case is above what is left of it, or whose price is unknown, is not called."""
    stop_over_budget: bool = False
    """Refuse where the feature's monthly budget is used up; else the cheapest that is good enough answers."""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Under which usage is recorded and outcomes are reported."""
    item_key: str | None = None
    user_hash: str | None = None
    trial_key: str | None = None
    """Requests with the same key get the same model of a trial; None draws anew for each."""

    def __post_init__(self) -> None:
        for name in ("deadline_s", "hedge_after_s", "max_cost_usd", "max_output_tokens"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ConfigurationError(f"{name}={value}: give a number above 0")
        if self.hedge_after_s is not None and not self.repeatable:
            raise ConfigurationError("hedge_after_s asks a second model: it needs repeatable=True")

    def kind_of_work(self) -> Workload:
        """The workload with everything that the request needs."""
        shape = Request(
            text=f"{self.system or ''}{self.prompt}",
            images=[image.data for image in self.images],
            structured=self.json_schema is not None,
            tools=bool(self.tools),
        )
        derived = analyze_workload([shape], self.feature, deadline_s=self.deadline_s)
        if self.workload is None:
            return derived
        deadline_ms = self.workload.deadline_ms or derived.deadline_ms
        requires = self.workload.requires | derived.requires
        return replace(self.workload, requires=requires, deadline_ms=deadline_ms)

    def call_of(self, choice: Choice, timeout_s: float, patience_s: float) -> GenerateRequest:
        """The call of one model: what was asked for, and what is configured where nothing was."""
        configured = choice.parameters
        effort = self.reasoning_effort or _effort(configured.get("reasoning_effort"))
        return GenerateRequest(
            model=choice.model,
            prompt=self.prompt,
            images=self.images,
            system=self.system,
            json_schema=self.json_schema,
            tools=self.tools,
            max_output_tokens=self.max_output_tokens or _output_limit(configured),
            reasoning_effort=effort,
            temperature=configured.get("temperature"),
            top_p=configured.get("top_p"),
            timeout_s=timeout_s,
            patience_s=patience_s,
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of one model, as its row of `ai_usage_events` has it."""

    number: int
    choice: Choice
    error_type: str | None
    """None: it was answered. `canceled`: another answer came first, or the caller went away."""
    duration_ms: float
    cost_usd: Decimal | None
    """None: unknown. A call that was refused costs nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """One answer, and how it came about."""

    answer: GenerateResult
    choice: Choice
    """Who was asked for this answer; `answer.served_model` is who gave it."""
    selection: Selection
    attempts: tuple[Attempt, ...]
    request_id: str
    duration_ms: float
    own_ms: float
    """Of it, what was spent here and not waiting for a model."""
    experiment_id: str | None = None
    propensity: Decimal | None = None
    ignored_parameters: tuple[str, ...] = ()
    """What is configured for the model and it does not take, such as `temperature`."""

    @property
    def text(self) -> str:
        """The answer's text."""
        return self.answer.text

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """What the model wants called."""
        return self.answer.tool_calls

    @property
    def is_refusal(self) -> bool:
        """Whether the model declined to answer."""
        return self.answer.finish_reason is FinishReason.REFUSAL

    @property
    def is_fallback(self) -> bool:
        """Whether another model answers than the one that was selected."""
        return self.choice.key != self.selection.choice.key

    @property
    def cost_usd(self) -> Decimal | None:
        """Of all attempts; None where that of one is unknown."""
        costs = [attempt.cost_usd for attempt in self.attempts]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None

    def _why(self) -> str:
        first = min(self.attempts, key=lambda attempt: attempt.number).choice
        if first.source is not Source.TRIAL:
            return self.selection.explain()
        chosen = self.selection
        whose = f"{chosen.feature_id} of {chosen.organization.slug or chosen.organization_id}"
        return (
            f"{first.name} answers {whose} because chance gave it this request of trial {self.experiment_id}."
        )

    def explain(self) -> str:
        """Who answers and why, in one sentence."""
        sentence = self._why()
        failed = [a for a in self.attempts if a.error_type is not None]
        if not failed:
            return sentence
        went = ", then ".join(f"{a.choice.name} ended with {a.error_type}" for a in failed)
        return f"{sentence.removesuffix('.')}; {went}, and {self.choice.name} gave the answer."


def ignored_of(choice: Choice) -> tuple[str, ...]:
    """Names of what is configured for a model and does not go into a call of it."""
    configured = set(choice.parameters)
    limit = next((name for name in OUTPUT_LIMITS if name in configured), None)
    taken = {limit, *(SAMPLING if takes_sampling(choice.provider, choice.model) else ())}
    if _effort(choice.parameters.get("reasoning_effort")) is not None:
        taken.add("reasoning_effort")
    return tuple(sorted(configured - taken))


def _output_limit(configured: Mapping[str, Any]) -> int:
    found = next((configured[name] for name in OUTPUT_LIMITS if name in configured), DEFAULT_OUTPUT_TOKENS)
    return int(found)


def _effort(value: object) -> ReasoningEffort | None:
    """What is configured, where the adapters have a word for it."""
    return next((effort for effort in ReasoningEffort if effort.value == value), None)
