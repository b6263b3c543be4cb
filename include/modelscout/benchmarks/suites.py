"""Loads the platform's own suites: one YAML file per feature, and one for speed and cost, under `suites/`."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.charts import Chart
from modelscout.benchmarks.graders import answer_of, check_reference, grade, is_judged
from modelscout.benchmarks.mistakes import described, refusal
from modelscout.benchmarks.padding import padded
from modelscout.benchmarks.photos import PhotoSpec, Placed, Shapes, draw_photo
from modelscout.benchmarks.schema import SUITE_FOLDER, About, CaseEntry, ChartEntry, PhotoEntry, SuiteFile
from modelscout.catalog.yaml_files import read_yaml
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability

WRONG_ANSWER_LIMIT = 0.4
"""A wrong answer that scores more would let a model that guesses look good."""


@dataclass(frozen=True, slots=True)
class Suite:
    """All cases of one feature, or of what else is measured."""

    feature_id: str
    version: int
    stream: bool
    cases: tuple[Case, ...]
    about: About = "accuracy"

    @property
    def name(self) -> str:
        """As stored in `ai_benchmark_results.suite`, such as `chat/1`."""
        return f"{self.feature_id}/{self.version}"

    def cases_for(self, verified: Collection[str]) -> tuple[Case, ...]:
        """The cases that a model with these capabilities can be asked: photos need image analysis.

        In the order in which every model takes them, so that models which have run only some are compared on the same.
        """
        sees = Capability.IMAGE_ANALYSIS.value in verified
        fitting = [case for case in self.cases if sees or case.image is None]
        return tuple(sorted(fitting, key=self._place))

    def _place(self, case: Case) -> bytes:
        return hashlib.blake2b(f"{self.name}/{case.case_key}".encode(), digest_size=8).digest()


def load_suites(folder: Path | None = None) -> tuple[Suite, ...]:
    """Every suite of `folder`, by feature; cached.

    Without a folder: the package's own and those of the folder that `MODELSCOUT_SUITES_FOLDER` names. Raises
    ConfigurationError that names file, line, key and remedy.
    """
    if folder is not None:
        return _load((folder.resolve(),))
    added = os.environ.get("MODELSCOUT_SUITES_FOLDER", "").strip()
    return _load((SUITE_FOLDER.resolve(), *([Path(added).resolve()] if added else [])))


@functools.lru_cache(maxsize=8)
def _load(folders: tuple[Path, ...]) -> tuple[Suite, ...]:
    found: dict[str, tuple[Path, Suite]] = {}
    for folder in folders:
        paths = sorted(folder.glob("*.yaml"))
        if not paths:
            raise ConfigurationError(f"{folder}: no suite there: add <feature>.yaml or correct the folder")
        for path in paths:
            if path.stem in found:
                other = found[path.stem][0]
                raise ConfigurationError(
                    f"{path}: feature {path.stem} has the suite {other} already: rename one"
                )
            found[path.stem] = (path, _read_suite(path))
    return tuple(suite for _, suite in found.values())


def _read_suite(path: Path) -> Suite:
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: the file is not a mapping: start it with `feature:`")
    try:
        file = SuiteFile.model_validate(data)
    except ValidationError as error:
        raise described(path, data, error) from error
    if file.feature != path.stem:
        raise refusal(path, ["feature"], f"is {file.feature!r}: rename the file or correct it")
    cases = tuple(_to_case(file, entry) for entry in file.cases)
    for index, case in enumerate(cases):
        _check_truth(path, index, case)
    return Suite(file.feature, file.version, file.stream, _at_each(file.concurrency, cases), file.about)


def _at_each(levels: Sequence[int], cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """Every case at every level of concurrency, under a key of its own."""
    if not levels:
        return cases
    return tuple(
        replace(case, case_key=f"{case.case_key}@{level}", concurrency=level)
        for level in levels
        for case in cases
    )


def _to_case(file: SuiteFile, entry: CaseEntry) -> Case:
    spec = None if entry.photo is None else _to_spec(entry.photo)
    parts = [file.instructions.strip(), (entry.question or "").strip()]
    seed = file.feature if entry.same_padding else f"{file.feature}/{entry.key}"
    return Case(
        case_key=entry.key,
        feature_id=file.feature,
        prompt=padded("\n\n".join(part for part in parts if part), entry.padding_tokens, seed=seed),
        image=None if spec is None else draw_photo(spec),
        image_media_type=None if spec is None else spec.media_type,
        json_schema=file.json_schema,
        grader=file.grader,
        reference=entry.reference,
        wrong_answers=tuple(entry.wrong_answers),
        max_output_tokens=file.max_output_tokens,
        bucket=entry.bucket,
    )


def _to_spec(entry: PhotoEntry) -> PhotoSpec:
    return PhotoSpec(
        shapes=tuple(Shapes(group.shape, group.colour, group.count) for group in entry.shapes),
        background=entry.background,
        text=entry.text,
        low_light=entry.low_light,
        size_px=entry.size_px,
        text_px=entry.text_px,
        placed=tuple(
            Placed(place, shape.shape, shape.colour, shape.size) for place, shape in entry.positions.items()
        ),
        chart=None if entry.chart is None else _to_chart(entry.chart),
        sample=entry.sample,
    )


def _to_chart(entry: ChartEntry) -> Chart:
    return Chart(
        kind=entry.kind,
        labels=tuple(entry.labels),
        values=tuple(entry.values),
        colours=tuple(entry.colours),
        show_values=entry.show_values,
    )


def _check_truth(path: Path, index: int, case: Case) -> None:
    """The reference itself scores 1 and no wrong answer comes near it; of a rubric, that it can be read."""
    place: list[str | int] = ["cases", index]
    if is_judged(case.grader):
        try:
            check_reference(case.grader, case.reference)
        except ConfigurationError as error:
            raise refusal(path, [*place, "reference"], str(error)) from error
        return
    try:
        right = grade(case.grader, answer_of(case.grader, case.reference), case.reference)
    except (AttributeError, KeyError, TypeError, ValueError):
        right = 0.0
    if right < 1.0:
        raise refusal(
            path, [*place, "reference"], f"does not fit the grader {case.grader}: correct one of them"
        )
    for wrong in case.wrong_answers:
        if (score := grade(case.grader, wrong, case.reference)) > WRONG_ANSWER_LIMIT:
            raise refusal(
                path,
                [*place, "wrong_answers"],
                f"{wrong!r} scores {score:.2f}, above {WRONG_ANSWER_LIMIT}: make it more wrong",
            )
