"""What a feature goes by while nothing is known about its models: pure, no database."""

from __future__ import annotations

from collections.abc import Mapping

from modelscout.core.types import UseCase

Weights = Mapping[UseCase, float]
"""How much each use case's score counts; sums to 1."""

SPEED: Weights = {UseCase.REAL_TIME: 1.0}
QUALITY: Weights = {UseCase.HIGH_ACCURACY: 1.0}
CONVERSATION: Weights = {UseCase.REAL_TIME: 0.5, UseCase.HIGH_ACCURACY: 0.5}
"""Somebody waits for the answer, and reads it."""
ANALYSIS: Weights = {UseCase.COMPLEX_ANALYSIS: 1.0}
COST: Weights = {UseCase.COST_SENSITIVE: 1.0}

_BY_FEATURE: Mapping[str, tuple[str, Weights]] = {
    "photo_tagging": ("speed", SPEED),
    "descriptions": ("quality", QUALITY),
    "chat": ("conversation", CONVERSATION),
    "search": ("analysis", ANALYSIS),
}


def default_order(feature_id: str, use_case: str | None) -> tuple[str, Weights]:
    """The word for what counts in `feature_id`, and its weights; an unknown feature goes by its own use case."""
    if feature_id in _BY_FEATURE:
        return _BY_FEATURE[feature_id]
    if use_case in set(UseCase):
        return str(use_case).replace("_", " "), {UseCase(str(use_case)): 1.0}
    return "cost", COST


def default_score(scores: Mapping[str, float], weights: Weights) -> float:
    """What a model's use-case scores (0 to 100) are worth under `weights`; a missing score counts as 0."""
    return sum(weight * scores.get(use_case.value, 0.0) for use_case, weight in weights.items())
