"""The rule behind the catalog's use-case scores; docs/catalog.md explains it.

A score is a weighted mean of what the classes and abilities are worth, before anything is measured. What
benchmarks and usage show replaces it in recommendations; here it only gives a new model a fair start.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from modelscout.catalog.models import PerformanceClass, PerformanceClasses, UseCaseScore
from modelscout.core.types import Capability, Provider, UseCase

_CHEAP = {"low": 100, "medium": 75, "high": 45, "very_high": 15}
_FAST = {"low": 25, "medium": 50, "high": 75, "very_high": 95}
_ACCURATE = {"low": 35, "medium": 60, "high": 80, "very_high": 95}

_BATCH_PROVIDERS = frozenset({Provider.OPENAI, Provider.ANTHROPIC, Provider.GOOGLE})
"""Vendors with a batch interface at half price (their price pages; Clarifai has none)."""

_WEIGHTS: Mapping[UseCase, Mapping[str, int]] = {
    UseCase.BATCH_PROCESSING: {"cost": 50, "accuracy": 30, "batch": 20},
    UseCase.REAL_TIME: {"speed": 65, "accuracy": 20, "streaming": 15},
    UseCase.COST_SENSITIVE: {"cost": 80, "accuracy": 20},
    UseCase.HIGH_ACCURACY: {"accuracy": 80, "reasoning": 20},
    UseCase.COMPLEX_ANALYSIS: {"accuracy": 50, "reasoning": 30, "large_context": 20},
    UseCase.QUALITY_CONTROL: {"accuracy": 40, "images": 30, "structured_output": 20, "cost": 10},
}
_ABILITIES = {
    "streaming": (Capability.STREAMING, "streaming"),
    "reasoning": (Capability.COMPLEX_REASONING, "reasoning"),
    "large_context": (Capability.LARGE_CONTEXT, "a large context"),
    "images": (Capability.IMAGE_ANALYSIS, "image analysis"),
    "structured_output": (Capability.STRUCTURED_OUTPUT, "structured output"),
}


def score_use_cases(
    provider: Provider, capabilities: Collection[Capability], performance: PerformanceClasses
) -> dict[UseCase, UseCaseScore]:
    """Score of every use case, 0 to 100, with the reason in words."""
    worth, words = _worth(provider, capabilities, performance)
    scores = {}
    for use_case, weights in _WEIGHTS.items():
        total = sum(weight * worth[criterion] for criterion, weight in weights.items())
        reason = ", ".join(words[criterion] for criterion in weights)
        scores[use_case] = UseCaseScore((total + 50) // 100, reason[0].upper() + reason[1:])
    return scores


def criteria_of(use_case: UseCase) -> Mapping[str, int]:
    """The criteria of a use case with their weights, which sum to 100."""
    return _WEIGHTS[use_case]


def documented_worth(
    provider: Provider, capabilities: Collection[Capability], performance: PerformanceClasses
) -> dict[str, int]:
    """What a model is worth by each criterion, 0 to 100, before anything is measured."""
    return _worth(provider, capabilities, performance)[0]


def ability_of(criterion: str) -> Capability | None:
    """The capability behind a criterion; None for cost, speed, accuracy and batch."""
    return _ABILITIES[criterion][0] if criterion in _ABILITIES else None


def _worth(
    provider: Provider, capabilities: Collection[Capability], performance: PerformanceClasses
) -> tuple[dict[str, int], dict[str, str]]:
    worth = {
        "cost": _CHEAP[performance.cost],
        "speed": _FAST[performance.speed],
        "accuracy": _ACCURATE[performance.accuracy],
        "batch": 100 if provider in _BATCH_PROVIDERS else 0,
    }
    words = {
        "cost": f"{_word(performance.cost)} cost",
        "speed": f"{_word(performance.speed)} speed",
        "accuracy": f"{_word(performance.accuracy)} accuracy",
        "batch": "half-price batch" if worth["batch"] else "no batch interface",
    }
    for criterion, (capability, name) in _ABILITIES.items():
        worth[criterion] = 100 if capability in capabilities else 0
        words[criterion] = name if worth[criterion] else f"no {name.removeprefix('a ')}"
    return worth, words


def _word(level: PerformanceClass) -> str:
    return level.value.replace("_", " ")
