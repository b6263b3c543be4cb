"""Shape of a suite file. `python -m modelscout.benchmarks.schema` writes the JSON schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from modelscout.benchmarks.graders import grader_names
from modelscout.benchmarks.photos import COLOURS

SUITE_FOLDER = Path(__file__).parent / "suites"
SCHEMA_FILE = SUITE_FOLDER / "suite.schema.json"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ShapesEntry(_Strict):
    """Some equal shapes."""

    shape: Literal["circle", "square", "triangle", "star"]
    colour: Name
    count: Annotated[StrictInt, Field(ge=1, le=25)] = 1

    @model_validator(mode="after")
    def _known_colour(self) -> Self:
        _check_colour("colour", self.colour)
        return self


class PhotoEntry(_Strict):
    """A photo to draw; its content is the truth."""

    shapes: list[ShapesEntry] = []
    background: Name = "white"
    text: Text | None = None
    low_light: StrictBool = False
    size_px: Annotated[StrictInt, Field(ge=64, le=1024)] = 192

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        _check_colour("background", self.background)
        if not self.shapes and self.text is None:
            raise ValueError("the photo shows nothing: give it shapes or text")
        return self


class CaseEntry(_Strict):
    """One question with a known answer."""

    key: Name
    """Unique in the suite; results are stored under it, so it is never reused for another question."""
    question: Text | None = None
    """Follows the suite's instructions."""
    photo: PhotoEntry | None = None
    reference: Any
    """The right answer, in the form that the grader takes."""
    wrong_answers: Annotated[list[Text], Field(min_length=1)]
    """Plausible answers that must score at most 0.4."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.question is None and self.photo is None:
            raise ValueError("the case asks nothing: give it a question or a photo")
        if self.reference is None:
            raise ValueError("reference is empty: write the right answer")
        return self


class SuiteFile(_Strict):
    """All cases of one feature."""

    feature: Name
    """Id of the feature, the same as the file's name."""
    version: Annotated[StrictInt, Field(ge=1)]
    """Raise it when the meaning of the cases changes: older results then no longer count."""
    instructions: Text
    grader: Name
    max_output_tokens: Annotated[StrictInt, Field(ge=1, le=4096)]
    """For the answer alone; reasoning gets head-room of its own."""
    stream: StrictBool = False
    """Ask for a stream where the model has streaming, to measure the time to the first token."""
    json_schema: dict[str, Any] | None = None
    cases: Annotated[list[CaseEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.grader not in grader_names():
            raise ValueError(f"grader {self.grader!r} is unknown: use one of {', '.join(grader_names())}")
        keys = [case.key for case in self.cases]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"cases hold the key {twice[0]!r} twice: rename one of them")
        return self


def _check_colour(field: str, colour: str) -> None:
    if colour not in COLOURS:
        raise ValueError(f"{field} {colour!r} is unknown: use one of {', '.join(COLOURS)}")


def json_schema_text() -> str:
    """The JSON schema of a suite file, as it stands in `suite.schema.json`."""
    return json.dumps(SuiteFile.model_json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json_schema_text(), encoding="utf-8")
