"""Shape of a suite file. `python -m modelscout.benchmarks.schema` writes the JSON schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from modelscout.benchmarks.graders import grader_names
from modelscout.benchmarks.photos import COLOURS, SAMPLE_LIMIT_PX, TEXT_ROOM, PhotoSpec, Shapes, text_size_px

SUITE_FOLDER = Path(__file__).parent / "suites"
SCHEMA_FILE = SUITE_FOLDER / "suite.schema.json"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Label = Annotated[str, Field(min_length=1, max_length=6, pattern=r"\S")]
Place = Literal[
    "top_left", "top", "top_right", "left", "middle", "right", "bottom_left", "bottom", "bottom_right"
]


About = Literal["accuracy", "speed", "cost"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class _ShapeEntry(_Strict):
    shape: Literal["circle", "square", "triangle", "star"]
    colour: Name

    @model_validator(mode="after")
    def _known_colour(self) -> Self:
        _check_colour("colour", self.colour)
        return self


class ShapesEntry(_ShapeEntry):
    """Some equal shapes."""

    count: Annotated[StrictInt, Field(ge=1, le=25)] = 1


class PlacedEntry(_ShapeEntry):
    """One shape at a place of its own."""

    size: Literal["small", "medium", "large"] = "medium"


class ChartEntry(_Strict):
    """Labelled values as bars, as a line or as a pie."""

    kind: Literal["bar", "line", "pie"]
    labels: Annotated[list[Label], Field(min_length=2, max_length=8)]
    values: list[Annotated[StrictInt, Field(ge=1, le=10_000)]]
    colours: Annotated[list[Name], Field(min_length=1)] = ["blue"]
    """One for all, or one for each label."""
    show_values: StrictBool = True
    """Without them a bar or a point is read off the axis: take values that lie on its lines."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for colour in self.colours:
            _check_colour("colours", colour)
        if len(self.values) != len(self.labels):
            raise ValueError(
                f"{len(self.labels)} labels, {len(self.values)} values: give each label one value"
            )
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("labels hold the same text twice: rename one of them")
        self._check_number_of_colours()
        return self

    def _check_number_of_colours(self) -> None:
        if self.kind == "line" and len(self.colours) != 1:
            raise ValueError("a line has one colour: give colours one entry")
        if len(self.colours) not in (1, len(self.labels)):
            raise ValueError("colours fit no label: give one for all, or one for each label")
        if self.kind == "pie" and len(set(self.colours)) < len(self.labels):
            raise ValueError("slices of one colour cannot be told apart: give each label its own colour")


class PhotoEntry(_Strict):
    """A photo to draw; its content is the truth."""

    shapes: list[ShapesEntry] = []
    """Stand anywhere: only their number is known."""
    positions: dict[Place, PlacedEntry] = {}
    """Stand at known places."""
    chart: ChartEntry | None = None
    sample: Literal["china", "flower"] | None = None
    """A real photo that scikit-learn ships."""
    background: Name = "white"
    text: Text | None = None
    text_px: Annotated[StrictInt, Field(ge=12, le=400)] | None = None
    """Height of the text; a short word needs none."""
    low_light: StrictBool = False
    size_px: Annotated[StrictInt, Field(ge=64, le=1024)] = 192
    """Width and height; of a sample the longer side."""

    @model_validator(mode="after")
    def _shows_something(self) -> Self:
        _check_colour("background", self.background)
        shown = [name for name in ("shapes", "positions", "chart", "sample") if getattr(self, name)]
        if not shown and self.text is None:
            raise ValueError("the photo shows nothing: give it shapes, positions, text, a chart or a sample")
        if len(shown) > 1:
            raise ValueError(f"{shown[0]} and {shown[1]} would cover each other: keep one of them")
        if self.text is not None and (self.chart or self.sample):
            raise ValueError(f"text would cover the {shown[0]}: remove one of them")
        return self

    @model_validator(mode="after")
    def _can_be_seen(self) -> Self:
        shapes: list[_ShapeEntry] = [*self.shapes, *self.positions.values()]
        inks = [entry.colour for entry in shapes] + (self.chart.colours if self.chart else [])
        if self.background in inks:
            raise ValueError(f"{self.background} on {self.background} cannot be seen: change one of them")
        return self

    @model_validator(mode="after")
    def _sample_is_shown_as_it_is(self) -> Self:
        if self.sample is None:
            return self
        if self.size_px > SAMPLE_LIMIT_PX:
            raise ValueError(f"a sample has {SAMPLE_LIMIT_PX} px at most: lower size_px")
        if self.background != "white":
            raise ValueError("a sample has its own background: remove background")
        return self

    @model_validator(mode="after")
    def _text_fits(self) -> Self:
        if self.text is None:
            if self.text_px is not None:
                raise ValueError("text_px without text: remove it or give text")
            return self
        beside = bool(self.shapes or self.positions)
        spec = PhotoSpec((Shapes("star", "red"),) * beside, size_px=self.size_px, text_px=self.text_px)
        width, height = text_size_px(self.text, spec.font_px)
        room = self.size_px * (TEXT_ROOM if beside else 1)
        if width > self.size_px or height > room:
            raise ValueError(
                f"text takes {width:.0f} x {height:.0f} px of {self.size_px} x {room:.0f}: "
                "lower text_px, raise size_px or break the text into lines"
            )
        return self


class CaseEntry(_Strict):
    """One question with a known answer."""

    key: Name
    """Unique in the suite; results are stored under it, so it is never reused for another question."""
    question: Text | None = None
    """Follows the suite's instructions."""
    photo: PhotoEntry | None = None
    bucket: Name | None = None
    """Kind of call, such as `long`; in a speed or cost suite only."""
    padding_tokens: Annotated[StrictInt, Field(ge=0, le=60_000)] = 0
    """About so many tokens of notes that do not matter stand before the question."""
    same_padding: StrictBool = False
    """The same notes as every other case that says so: a vendor may take them from its cache."""
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
    """Id of the feature, or of what is measured, the same as the file's name."""
    about: About = "accuracy"
    """What the suite measures. Answers of a speed or cost suite say nothing about the quality for a feature."""
    concurrency: list[Annotated[StrictInt, Field(ge=1, le=64)]] = []
    """Numbers of calls to one model at the same time, each measured with every case; in a speed suite only."""
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

    @model_validator(mode="after")
    def _measures_one_thing(self) -> Self:
        if (self.about == "speed") != bool(self.concurrency):
            raise ValueError("concurrency and about: speed go together: give both, or neither")
        for case in self.cases:
            if (self.about == "accuracy") != (case.bucket is None):
                raise ValueError(
                    f"cases hold {case.key!r} {'with' if case.bucket else 'without'} a bucket: each case of a speed or "
                    "cost suite has one, no other has"
                )
        return self


def _check_colour(field: str, colour: str) -> None:
    if colour not in COLOURS:
        raise ValueError(f"{field} {colour!r} is unknown: use one of {', '.join(COLOURS)}")


def json_schema_text() -> str:
    """The JSON schema of a suite file, as it stands in `suite.schema.json`."""
    return json.dumps(SuiteFile.model_json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json_schema_text(), encoding="utf-8")
