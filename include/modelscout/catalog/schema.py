"""The shape of a catalog file. `python -m modelscout.catalog.schema` writes the JSON schema for editors."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from modelscout.catalog.models import FactGroup, PerformanceClass
from modelscout.core.types import Capability, ModelType, Provider, UseCase

DATA_FOLDER = Path(__file__).parent / "data"
SCHEMA_FILE = DATA_FOLDER / "catalog.schema.json"

ModelId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Count = Annotated[StrictInt, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class SourceEntry(_Strict):
    """Where facts were read."""

    text: Text
    """Page, package with version, or rule."""
    read_on: date
    """Day it was read, as 2026-11-23."""


class PerformanceEntry(_Strict):
    """Documented classes."""

    speed: PerformanceClass
    accuracy: PerformanceClass
    cost: PerformanceClass
    """`very_high` means dear."""


class LimitsEntry(_Strict):
    """The vendor's limits; leave out what no source gives."""

    context_window_tokens: Count | None = None
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    max_images: Count | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None

    @model_validator(mode="after")
    def _fits_the_window(self) -> Self:
        window = self.context_window_tokens
        for name in ("max_input_tokens", "max_output_tokens"):
            value = getattr(self, name)
            if window is not None and value is not None and value > window:
                raise ValueError(
                    f"{name} {value} is more than context_window_tokens {window}: "
                    "correct one, the window holds input and output"
                )
        return self


class LifecycleEntry(_Strict):
    """Dates in UTC; leave out what is not announced."""

    released_on: date | None = None
    deprecated_on: date | None = None
    """Day the vendor announced the end."""
    retires_on: date | None = None
    """First day on which the model no longer answers."""
    successor: ModelId | None = None
    """Model id of the same provider, in this file."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = ("released_on", "deprecated_on", "retires_on")
        known = [(name, value) for name in names if (value := getattr(self, name)) is not None]
        for (earlier, first), (later, second) in pairwise(known):
            if second < first:
                raise ValueError(f"{later} {second} is before {earlier} {first}: correct one of the dates")
        return self


class ScoreEntry(_Strict):
    """How well the model suits one use case."""

    score: Annotated[StrictInt, Field(ge=0, le=100)]
    reason: Text


class ModelEntry(_Strict):
    """One specific model version."""

    id: ModelId
    """The id that the vendor's API takes."""
    name: Text
    version: Text
    family: Text
    type: ModelType
    aliases: list[ModelId] = []
    """Other ids that answer as this very model, at the same price. Dated ids need no alias."""
    capabilities: Annotated[list[Capability], Field(min_length=1)]
    performance: PerformanceEntry
    limits: LimitsEntry
    lifecycle: LifecycleEntry
    use_case_scores: dict[UseCase, ScoreEntry]
    sources: dict[FactGroup, Text]
    """Per group of facts a key of the file's own `sources`."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        _require(
            self.use_case_scores, list(UseCase), "use_case_scores", "score it from 0 to 100 with a reason"
        )
        _require(self.sources, list(FactGroup), "sources", "name one of the file's sources")
        for field in ("aliases", "capabilities"):
            values = getattr(self, field)
            if len(set(values)) != len(values):
                raise ValueError(f"{field} holds an entry twice: keep one")
        if self.id in self.aliases:
            raise ValueError(f"aliases repeats the id {self.id!r}: remove it there")
        return self

    @model_validator(mode="after")
    def _type_matches_capabilities(self) -> Self:
        sees = Capability.IMAGE_ANALYSIS in self.capabilities
        if sees == (self.type is ModelType.LANGUAGE):
            raise ValueError(
                f"type {self.type.value!r} and capabilities disagree about images: a language model has no "
                "image_analysis, a vision or multimodal model has it"
            )
        return self


class CatalogFile(_Strict):
    """All models of one provider."""

    provider: Provider
    sources: Annotated[dict[str, SourceEntry], Field(min_length=1)]
    models: Annotated[list[ModelEntry], Field(min_length=1)]


def _require(given: dict[str, object] | object, wanted: list[str], field: str, remedy: str) -> None:
    missing = [str(key) for key in wanted if key not in given]  # type: ignore[operator]
    if missing:
        raise ValueError(f"{field} lacks {', '.join(missing)}: {remedy}")


def json_schema_text() -> str:
    """The JSON schema of a catalog file, as it stands in `catalog.schema.json`."""
    return json.dumps(CatalogFile.model_json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json_schema_text(), encoding="utf-8")
