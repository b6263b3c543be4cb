"""What a feature may be set to. Each refusal names the field, what is wrong and the remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import WORKLOAD_LEVELS

MOST_FALLBACKS = 8
MOST_WORKLOAD_MODELS = 16
MOST_JSON_CHARACTERS = 4_000
MARGIN_STEP = Decimal("0.0001")
BUDGET_LIMIT_USD = Decimal(10) ** 12
_SECRET_WORDS = ("key", "secret", "token", "password", "authorization", "credential")
_TOKEN_COUNTS = {"max_output_tokens", "max_tokens", "max_completion_tokens", "thinking_budget_tokens"}
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""As JSON writes it; a backslash before it makes it a text about one."""
_LIMITS = {"max_requests_per_minute", "max_latency_ms", "max_cost_per_request_usd"}
_OBJECTIVES = ("cost", "quality", "latency")
_EFFORTS = ("none", "minimal", "low", "medium", "high")


def check_margin(margin: object) -> None:
    """A share of a score of 0 to 1, at most four decimals."""
    if margin is None:
        return
    if not isinstance(margin, Decimal) or not margin.is_finite() or not 0 < margin < 1:
        raise ConfigurationError(
            f"margin={margin!s} is no share: give a decimal between 0 and 1, such as 0.03"
        )
    if margin != margin.quantize(MARGIN_STEP):
        raise ConfigurationError(f"margin={margin} has more than four decimals: round it")


def check_budget(budget_usd: object) -> None:
    """An exact amount of at least 0; None is no budget."""
    if budget_usd is None:
        return
    fits = isinstance(budget_usd, Decimal) and budget_usd.is_finite() and 0 <= budget_usd < BUDGET_LIMIT_USD
    if not fits:
        raise ConfigurationError(
            f"monthly_budget_usd={budget_usd!s} is no amount: give a decimal of at least 0, such as 250.00"
        )


def check_objective(objective: object) -> None:
    """One of the known ones; None leaves it to the feature."""
    if objective is not None and objective not in _OBJECTIVES:
        raise ConfigurationError(f"objective={objective!r} is unknown: give one of {', '.join(_OBJECTIVES)}")


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Parameters of a call: plain JSON without secrets; well-known ones within their range."""
    check_json(parameters, "parameters")
    for name, value in parameters.items():
        words = name.lower().replace("-", "_").split("_")
        if name not in _TOKEN_COUNTS and any(
            word in words or name.lower() == f"api{word}" for word in _SECRET_WORDS
        ):
            raise ConfigurationError(
                f"parameters.{name} looks like a secret: keys belong into connections only"
            )
        _check_parameter(name, value)


def _check_parameter(name: str, value: Any) -> None:
    field = f"parameters.{name}={value!r}"
    if name in ("temperature", "top_p"):
        highest = 2 if name == "temperature" else 1
        if not is_number(value) or not 0 <= value <= highest:
            raise ConfigurationError(f"{field} is out of range: give a number from 0 to {highest}")
    elif name in _TOKEN_COUNTS:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigurationError(f"{field} is no count: give a whole number of at least 1")
    elif name == "reasoning_effort" and value not in _EFFORTS:
        raise ConfigurationError(f"{field} is unknown: give one of {', '.join(_EFFORTS)}")


def check_limits(limits: Mapping[str, Any]) -> None:
    """Known limits, each a positive number."""
    check_json(limits, "limits")
    for name, value in limits.items():
        if name not in _LIMITS:
            raise ConfigurationError(f"limits.{name} is unknown: give some of {', '.join(sorted(_LIMITS))}")
        if not is_number(value) or value <= 0:
            raise ConfigurationError(f"limits.{name}={value!r} is out of range: give a number above 0")


def check_when(when: Mapping[str, Sequence[str]], position: int) -> None:
    """The condition of a workload model: known words and levels, at least one."""
    if not when:
        raise ConfigurationError(f"workload_models[{position}].when is empty: name at least one level")
    for word, levels in when.items():
        if word not in WORKLOAD_LEVELS:
            raise ConfigurationError(
                f"workload_models[{position}].when.{word} is unknown: give some of {', '.join(WORKLOAD_LEVELS)}"
            )
        if isinstance(levels, str) or not levels:
            raise ConfigurationError(f"workload_models[{position}].when.{word} is no list of levels")
        for level in levels:
            if level not in WORKLOAD_LEVELS[word]:
                raise ConfigurationError(
                    f"workload_models[{position}].when.{word}={level!r} is unknown: "
                    f"give some of {', '.join(WORKLOAD_LEVELS[word])}"
                )


def check_number(field: str, items: Sequence[Any], most: int) -> None:
    """A list, not a text, of at most so many."""
    if isinstance(items, str):
        raise ConfigurationError(f"{field} is one text: give a list")
    if len(items) > most:
        raise ConfigurationError(f"{field} has {len(items)} entries: give at most {most}")


def is_number(value: Any) -> bool:
    """A number that is one: no truth value, not NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def check_json(value: Mapping[str, Any], field: str) -> None:
    """A small object of plain JSON."""
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{field} is no object: give names with values")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{field} is not plain JSON ({error}): give numbers, texts, lists"
        ) from error
    if _NUL.search(text):
        raise ConfigurationError(f"{field} holds a NUL, which the database takes in no text: remove it")
    if len(text) > MOST_JSON_CHARACTERS:
        raise ConfigurationError(f"{field} has {len(text)} characters: give at most {MOST_JSON_CHARACTERS}")
