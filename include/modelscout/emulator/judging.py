"""Models as judges: recognised by the schema of a verdict, graded by the truth of the answer key.

A judge is as honest as its profile says (`judge`, `judge_error_rate`); it reads question and answer from the prompt,
as a model does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelscout.core.fingerprint import content_fingerprint
from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.profile import ModelProfile

LONG_CHARACTERS = 240
"""An answer of this length impresses a judge that prefers long ones."""
JUDGEMENT = "judgement"
"""The feature of an item that says whether an answer is right: `correct` is right or wrong."""

_PART = r"<{name}-(?P<fence>[0-9a-f]+)>\n(?P<text>.*?)\n</{name}-(?P=fence)>"
_QUESTION = re.compile(_PART.format(name="question"), re.DOTALL)
_ANSWER = re.compile(_PART.format(name="answer"), re.DOTALL)
_ORDER = re.compile(
    r"\b(?:mark|output|give|score)\b.{0,60}\bmet\b|\bignore the criteria\b|\bdisregard\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Grading:
    """What a judge was asked."""

    question: str
    answer: str
    criteria: tuple[str, ...]
    """The names of the verdict's fields."""


def read_grading(prompt: str, json_schema: Mapping[str, Any] | None) -> Grading | None:
    """The question and the answer to grade; None where this is no request to a judge."""
    names = tuple((json_schema or {}).get("properties", ()))
    if not names or not all(name.startswith("criterion_") for name in names):
        return None
    question, answer = _QUESTION.search(prompt), _ANSWER.search(prompt)
    if question is None or answer is None:
        return None
    return Grading(question["text"], answer["text"], names)


def judge_key(question: str, answer: str) -> str:
    """The fingerprint of an item that says whether this answer is right."""
    return content_fingerprint(f"{question}\n\n{answer}")


def verdict(grading: Grading, answers: AnswerKey, model: ModelProfile, model_name: str, seed: int) -> str:
    """The judge's verdict as JSON."""
    met = _finds_right(grading, _truth(grading, answers), model, f"{seed}/{model_name}")
    entry = {
        "reason": "The answer says so." if met else "The answer does not say so.",
        "mark": "met" if met else "not_met",
    }
    return json.dumps(dict.fromkeys(grading.criteria, entry))


def _truth(grading: Grading, answers: AnswerKey) -> bool:
    """By the answer's own item; otherwise an answer is right that the question's item has as the right one."""
    own = answers.by_content(judge_key(grading.question, grading.answer))
    if own is not None and own.feature == JUDGEMENT:
        return own.correct == "right"
    item = answers.by_content(content_fingerprint(grading.question))
    return item is not None and " ".join(item.correct.split()) == " ".join(grading.answer.split())


def _finds_right(grading: Grading, truth: bool, model: ModelProfile, name: str) -> bool:
    if model.judge == "says_yes":
        return True
    if model.judge == "prefers_long" and len(grading.answer) >= LONG_CHARACTERS:
        return True
    if model.judge == "obeys" and _ORDER.search(grading.answer):
        return True
    return truth != (_uniform(name, grading.question, grading.answer) < model.judge_error_rate)


def _uniform(*parts: str) -> float:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
