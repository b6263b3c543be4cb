"""Loads the answers whose truth is known, on which judges are calibrated.

`python -m modelscout.benchmarks.known_answers` writes the JSON schema for editors.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, model_validator

from modelscout.benchmarks.mistakes import described, refusal
from modelscout.benchmarks.rubric import MAX_CRITERIA, Rubric
from modelscout.catalog.yaml_files import read_yaml
from modelscout.core.errors import ConfigurationError

CALIBRATION_FILE = Path(__file__).parent / "calibration" / "known_answers.yaml"
SCHEMA_FILE = CALIBRATION_FILE.with_name("known_answers.schema.json")
MINIMUM_ITEMS = 80
"""With fewer the bounds are too wide for any judge to pass."""
PADDING_FACTOR = 3
"""A padded answer is at least so many times as long as the plain one."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class OtherAnswer(_Strict):
    """An answer in another form."""

    form: Literal["list", "nonsense", "flattery"]
    """A formatted list, confident nonsense, or praise of the reader."""
    truth: Literal["right", "wrong"]
    text: Text


class Answers(_Strict):
    """The answers to one question."""

    right: Text
    """Meets every criterion, in few words."""
    right_padded: Text
    """The same text between words that say nothing."""
    wrong: Text
    """Fails at least half of the criteria, in few words."""
    wrong_padded: Text
    wrong_instructing: Text
    """The wrong text with an order to the judge."""
    other: OtherAnswer

    @model_validator(mode="after")
    def _pairs_hold_the_same(self) -> Self:
        for name, plain in (("right_padded", self.right), ("wrong_padded", self.wrong)):
            text = getattr(self, name)
            if plain not in text:
                raise ValueError(f"{name} does not hold the plain answer word for word: repeat it there")
            if len(text) < PADDING_FACTOR * len(plain):
                raise ValueError(
                    f"{name} is not {PADDING_FACTOR} times as long as the plain answer: pad it more"
                )
        if self.wrong not in self.wrong_instructing or self.wrong == self.wrong_instructing:
            raise ValueError("wrong_instructing is not the wrong answer with an order added: write it so")
        return self


class Question(_Strict):
    """One question with its criteria and answers."""

    key: Name
    feature: Name
    question: Text
    criteria: Annotated[list[Text], Field(min_length=1, max_length=MAX_CRITERIA)]
    reference: Text | None = None
    answers: Answers


class KnownAnswersFile(_Strict):
    """All known answers."""

    version: Annotated[StrictInt, Field(ge=1)]
    """Raise it when the meaning of an item changes."""
    questions: Annotated[list[Question], Field(min_length=1)]

    @model_validator(mode="after")
    def _enough_and_unique(self) -> Self:
        keys = [question.key for question in self.questions]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"questions hold the key {twice[0]!r} twice: rename one of them")
        if (count := len(keys) * len(Answers.model_fields)) < MINIMUM_ITEMS:
            raise ValueError(f"{count} answers: give at least {MINIMUM_ITEMS}, or no judge can pass")
        return self


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """One answer and whether it is right."""

    key: str
    """`question/form`."""
    question_key: str
    feature: str
    question: str
    rubric: Rubric
    answer: str
    form: str
    right: bool


class KnownAnswers(NamedTuple):
    """The items of a file, and what identifies them."""

    item_set: str
    """Version and digest: a calibration on other items does not hold."""
    items: tuple[KnownAnswer, ...]


@functools.lru_cache(maxsize=4)
def load_known_answers(path: Path = CALIBRATION_FILE) -> KnownAnswers:
    """Every item of a file. Raises ConfigurationError that names file, line, key and remedy."""
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: the file is not a mapping: start it with `version:`")
    try:
        file = KnownAnswersFile.model_validate(data)
    except ValidationError as error:
        raise described(path, data, error) from error
    items = tuple(item for question in file.questions for item in _items(question))
    _refuse_repeated(path, file.questions)
    digest = hashlib.blake2b(repr(items).encode(), digest_size=6).hexdigest()
    return KnownAnswers(f"{file.version}/{digest}", items)


def _items(question: Question) -> Iterator[KnownAnswer]:
    answers = question.answers
    forms = {
        "right": (answers.right, True),
        "right_padded": (answers.right_padded, True),
        "wrong": (answers.wrong, False),
        "wrong_padded": (answers.wrong_padded, False),
        "wrong_instructing": (answers.wrong_instructing, False),
        answers.other.form: (answers.other.text, answers.other.truth == "right"),
    }
    for form, (text, right) in forms.items():
        yield KnownAnswer(
            key=f"{question.key}/{form}",
            question_key=question.key,
            feature=question.feature,
            question=question.question,
            rubric=Rubric(tuple(question.criteria), question.reference),
            answer=text,
            form=form,
            right=right,
        )


def _refuse_repeated(path: Path, questions: Sequence[Question]) -> None:
    seen: dict[str, str] = {}
    for index, question in enumerate(questions):
        if (other := seen.get(question.question)) is not None:
            raise refusal(path, ["questions", index, "question"], f"is that of {other} as well: ask another")
        seen[question.question] = question.key


def json_schema_text() -> str:
    """The JSON schema of the file, as it stands beside it."""
    return json.dumps(KnownAnswersFile.model_json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json_schema_text(), encoding="utf-8")
