"""Loads the catalog files and finds a model by any id that an application or a vendor may give."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from modelscout.catalog.models import (
    CatalogModel,
    Lifecycle,
    Limits,
    PerformanceClasses,
    Source,
    UseCaseScore,
)
from modelscout.catalog.schema import DATA_FOLDER, CatalogFile, ModelEntry
from modelscout.catalog.yaml_files import line_of, read_yaml
from modelscout.core.errors import ConfigurationError

_DATED = re.compile(r"(?P<base>.+)-(?P<year>20\d\d)(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)")

_REMEDIES = {
    "extra_forbidden": "the key is unknown: remove it or correct its spelling",
    "missing": "the key is missing: add it",
    "enum": "the value is unknown: use one of the listed ones",
    "string_pattern_mismatch": "write it as plain text without spaces, as the vendor's API takes it",
    "string_type": "put the value in quotes",
    "int_type": "write a whole number without quotes or unit",
    "date_from_datetime_parsing": "write the day as 2026-11-23",
    "date_type": "write the day as 2026-11-23",
    "too_short": "add at least one entry",
    "greater_than": "write a positive number, or leave the key out where the limit is unknown",
    "greater_than_equal": "write a number within the range",
    "less_than_equal": "write a number within the range",
}


@dataclass(frozen=True)
class Catalog:
    """All known models, retired ones included."""

    models: tuple[CatalogModel, ...]
    _by_name: dict[tuple[str, str], CatalogModel] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the models by every name."""
        names = {(m.provider.value, n): m for m in self.models for n in (*m.aliases, m.model_id)}
        object.__setattr__(self, "_by_name", names)

    def resolve(self, provider: str, model_id: str) -> CatalogModel | None:
        """The model behind `model_id`: by its id, by an alias, or by a dated id of one of these.

        A dated id is an id with a calendar day at its end (`gpt-4o-2024-08-06`,
        `claude-sonnet-4-5-20250929`); Google's `models/` prefix is dropped. Nothing else matches: a variant
        that the catalog does not list is None, never its nearest relative.
        """
        name = model_id.removeprefix("models/") if provider == "google" else model_id
        found = self._by_name.get((provider, name))
        if found is None and (base := _without_date(name)) is not None:
            found = self._by_name.get((provider, base))
        return found


def load_catalog(folder: Path | None = None) -> Catalog:
    """Read every `*.yaml` of `folder` (default: the catalog of the package); cached per folder.

    Raises ConfigurationError that names file, line, key and remedy.
    """
    return _load((folder or DATA_FOLDER).resolve())


@functools.lru_cache(maxsize=8)
def _load(folder: Path) -> Catalog:
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigurationError(
            f"{folder}: no catalog file there: add <provider>.yaml or correct the folder"
        )
    return Catalog(tuple(model for path in paths for model in _read_file(path)))


def _read_file(path: Path) -> list[CatalogModel]:
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}, line 1: the file is not a mapping: start it with `provider:`")
    try:
        file = CatalogFile.model_validate(data)
    except ValidationError as error:
        raise ConfigurationError(_describe(path, data, error)) from error
    if file.provider.value != path.stem:
        raise _refuse(path, ["provider"], f"is {file.provider.value!r}: rename the file or correct it")
    _check_names(path, file)
    _check_references(path, file)
    return [_to_model(file, entry) for entry in file.models]


def _check_names(path: Path, file: CatalogFile) -> None:
    counts = Counter(name for entry in file.models for name in (entry.id, *entry.aliases))
    for index, entry in enumerate(file.models):
        for name in (entry.id, *entry.aliases):
            if counts[name] > 1:
                raise _refuse(
                    path,
                    ["models", index, "id"],
                    f"{name!r} names two models: keep it at one and rename or remove the other",
                )


def _check_references(path: Path, file: CatalogFile) -> None:
    ids = {entry.id for entry in file.models}
    for index, entry in enumerate(file.models):
        successor = entry.lifecycle.successor
        if successor is not None and (successor not in ids or successor == entry.id):
            raise _refuse(
                path,
                ["models", index, "lifecycle", "successor"],
                f"{successor!r} is not another model's id in this file: add that model or correct the id",
            )
        for group, key in entry.sources.items():
            if key not in file.sources:
                raise _refuse(
                    path,
                    ["models", index, "sources", group.value],
                    f"{key!r} is not among the file's sources: add it there or correct the key",
                )


def _refuse(path: Path, location: Sequence[str | int], problem: str) -> ConfigurationError:
    return ConfigurationError(f"{path}, line {line_of(path, location)}, {_dotted(location)}: {problem}")


def _describe(path: Path, data: Any, error: ValidationError) -> str:
    first = error.errors()[0]
    # Pydantic marks the key of a mapping by a trailing "[key]", which is no place in the file.
    location = [step for step in first["loc"] if step != "[key]"]
    remedy = _REMEDIES.get(first["type"])
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    problem = f"{message}: {remedy}" if remedy else message
    place = f"{path}, line {line_of(path, location)}, {_dotted(location)}{_named(data, location)}"
    return f"{place}: {problem}{more}"


def _named(data: Any, location: Sequence[str | int]) -> str:
    if len(location) < 2 or location[0] != "models" or not isinstance(location[1], int):
        return ""
    entry = data["models"][location[1]]
    return f" ({entry['id']})" if isinstance(entry, dict) and "id" in entry else ""


def _dotted(location: Sequence[str | int]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.lstrip(".") or "the file"


def _without_date(name: str) -> str | None:
    match = _DATED.fullmatch(name)
    if match is None:
        return None
    try:
        date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None
    return match["base"]


def _to_model(file: CatalogFile, entry: ModelEntry) -> CatalogModel:
    return CatalogModel(
        provider=file.provider,
        model_id=entry.id,
        aliases=tuple(entry.aliases),
        name=entry.name,
        version=entry.version,
        family=entry.family,
        type=entry.type,
        capabilities=frozenset(entry.capabilities),
        performance=PerformanceClasses(**entry.performance.model_dump()),
        limits=Limits(**entry.limits.model_dump()),
        use_case_scores={k: UseCaseScore(s.score, s.reason) for k, s in entry.use_case_scores.items()},
        lifecycle=Lifecycle(**entry.lifecycle.model_dump()),
        sources={group: Source(**file.sources[key].model_dump()) for group, key in entry.sources.items()},
    )
