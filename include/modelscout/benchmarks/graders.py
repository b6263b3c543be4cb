"""Scores an answer from 0 (wrong) to 1 (right) against its reference.

Answers under the grader `rubric` are not scored here but by a judge model, later: see judging.py.

A new grader is one function, here or in a package that names it by an entry point of the group `modelscout.graders`;
see docs/extend-suite.md.
"""

from __future__ import annotations

import functools
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from modelscout.benchmarks.rubric import read_rubric
from modelscout.core.errors import ConfigurationError

Grader = Callable[[str, Any], float]

RUBRIC = "rubric"
"""Graded by a judge model."""
ENTRY_POINT_GROUP = "modelscout.graders"
CONCEPT_THRESHOLD = 0.5
"""A concept model's tag counts from this confidence on: Clarifai returns unlikely concepts as well."""

_REGISTRY: dict[str, Grader] = {}
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_FENCE = re.compile(r"^```\w*\s*\n(?P<body>.*?)\n?```$", re.DOTALL)


def grader(name: str) -> Callable[[Grader], Grader]:
    """Register a function as the grader `name`."""

    def register(function: Grader) -> Grader:
        _REGISTRY[name] = function
        return function

    return register


def grader_names() -> tuple[str, ...]:
    """Ours and those of installed packages."""
    return tuple(sorted({*_REGISTRY, *_added(), RUBRIC}))


def is_judged(name: str) -> bool:
    """Whether a judge model grades, rather than a function here."""
    return name == RUBRIC


def check_reference(name: str, reference: Any) -> None:
    """Raises what grading an answer with this reference would raise, before one is paid."""
    if is_judged(name):
        read_rubric(reference)
    else:
        grade(name, "", reference)


@functools.cache
def _added() -> dict[str, EntryPoint]:
    """Graders of installed packages by name; none may replace one of ours."""
    found = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return {name: entry for name, entry in found.items() if name not in _REGISTRY and name != RUBRIC}


def grade(name: str, answer_text: str, reference: Any) -> float:
    """Score of `answer_text`, 0 to 1. Raises ConfigurationError for a grader that is no function of ours."""
    if name not in _REGISTRY and name in _added():
        _REGISTRY[name] = _added()[name].load()
    function = _REGISTRY.get(name)
    if function is None:
        raise ConfigurationError(f"grader={name!r} is unknown: use one of {', '.join(grader_names())}")
    return min(1.0, max(0.0, function(answer_text, reference)))


def answer_of(name: str, reference: Any) -> str:
    """The text that a model gives when it is right, for an answer key."""
    if is_judged(name):
        return read_rubric(reference).right_answer
    if name == "numeric":
        return f"{_target(reference)[0]:.15g}"
    if isinstance(reference, str):
        return reference
    if name == "json_schema":
        return json.dumps(reference["example"])
    if name in ("exact", "normalised", "similarity"):
        return str(_options(reference)[0])
    return json.dumps(reference, ensure_ascii=False)


@grader("exact")
def _exact(answer: str, reference: Any) -> float:
    """The same text, apart from white space at both ends; `reference` may list several."""
    return float(answer.strip() in [str(option).strip() for option in _options(reference)])


@grader("normalised")
def _normalised(answer: str, reference: Any) -> float:
    """The same words, whatever their case, punctuation and articles; `reference` may list several."""
    return float(_normalise(answer) in [_normalise(str(option)) for option in _options(reference)])


@grader("numeric")
def _numeric(answer: str, reference: Any) -> float:
    """The last number of the answer within the tolerance.

    `reference` is a number, or {value, tolerance} with an absolute tolerance.
    """
    value, tolerance = _target(reference)
    numbers = _NUMBER.findall(answer)
    if not numbers:
        return 0.0
    given = float(numbers[-1].replace(",", ""))
    return float(math.isclose(given, value, rel_tol=1e-9, abs_tol=tolerance))


@grader("set_f1")
def _set_f1(answer: str, reference: Any) -> float:
    """F1 of two sets of tags. The answer is a JSON array, a comma list, or concepts with their confidence."""
    wanted = {_normalise(str(tag)) for tag in reference}
    given = {_normalise(tag) for tag in _tags(answer)} - {""}
    if not wanted or not given:
        return float(not wanted and not given)
    return 2 * len(wanted & given) / (len(wanted) + len(given))


@grader("any_tag")
def _any_tag(answer: str, reference: Any) -> float:
    """At least one tag of the reference, among whatever others."""
    wanted = {_normalise(str(tag)) for tag in reference}
    return float(any(_normalise(tag) in wanted for tag in _tags(answer)))


@grader("json_fields")
def _json_fields(answer: str, reference: Any) -> float:
    """Fraction of the reference's fields that the answer's JSON object has equal; invalid JSON scores 0."""
    given = _parse_json(answer)
    if not isinstance(given, Mapping) or not reference:
        return 0.0
    right = sum(name in given and _equal(given[name], value) for name, value in reference.items())
    return right / len(reference)


@grader("json_schema")
def _json_schema(answer: str, reference: Any) -> float:
    """Whether the answer is JSON that is valid under `reference["schema"]`; `example` is one that is."""
    from jsonschema import Draft202012Validator

    given = _parse_json(answer)
    return float(given is not None and Draft202012Validator(reference["schema"]).is_valid(given))


@grader("similarity")
def _similarity(answer: str, reference: Any) -> float:
    """F1 of the words that answer and reference share, each counted as often as it occurs; the best of several.

    The measure of SQuAD (Rajpurkar et al. 2016, section 6.1). It forgives order and filler, not another content.
    """
    given = Counter(_normalise(answer).split())
    scores = [_overlap(given, Counter(_normalise(str(option)).split())) for option in _options(reference)]
    return max(scores, default=0.0)


def _overlap(given: Counter[str], wanted: Counter[str]) -> float:
    shared = (given & wanted).total()
    return 2 * shared / (given.total() + wanted.total()) if shared else 0.0


def _options(reference: Any) -> list[Any]:
    return list(reference) if isinstance(reference, list | tuple) else [reference]


def _normalise(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(c if c.isalnum() or c in "+-" else " " for c in folded)
    # "A" alone is an answer, such as that of a multiple choice.
    return " ".join(_ARTICLES.sub(" ", words).split()) or " ".join(words.split())


def _target(reference: Any) -> tuple[float, float]:
    if isinstance(reference, Mapping):
        return float(reference["value"]), float(reference.get("tolerance", 0))
    return float(reference), 0.0


def _parse_json(text: str) -> Any:
    """The JSON value of an answer, also inside a code fence; None where there is none."""
    clean = text.strip()
    fenced = _FENCE.match(clean)
    try:
        return json.loads(fenced["body"] if fenced else clean)
    except ValueError:
        return None


def _tags(answer: str) -> list[str]:
    value = _parse_json(answer)
    # Some vendors' structured output needs an object at the root: {"tags": […]}.
    if isinstance(value, Mapping) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, list):
        return [_tag(entry) for entry in value]
    return re.split(r"[,;\n]", answer)


def _tag(entry: Any) -> str:
    if not isinstance(entry, Mapping):
        return str(entry)
    confidence = entry.get("value", 1.0)
    certain = isinstance(confidence, int | float) and confidence >= CONCEPT_THRESHOLD
    return str(entry.get("name", "")) if certain else ""


def _equal(given: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(given, bool):
        return given is wanted
    if isinstance(wanted, int | float):
        return isinstance(given, int | float) and math.isclose(given, wanted, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(wanted, str):
        return isinstance(given, str) and _normalise(given) == _normalise(wanted)
    if isinstance(wanted, list):
        return isinstance(given, list) and sorted(map(str, given)) == sorted(map(str, wanted))
    return bool(given == wanted)
