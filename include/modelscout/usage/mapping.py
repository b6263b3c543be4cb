"""The mapping file: which field of a foreign record is which column of ours. A mistake is named with its line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from modelscout.catalog.yaml_files import line_of, read_yaml
from modelscout.core.errors import ConfigurationError
from modelscout.usage.events import COLUMNS, Unfit, number_of

FIELDS = tuple(name for name in COLUMNS if name != "organization_id")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX = {"unix_s": 1, "unix_ms": 1_000, "unix_us": 1_000_000, "unix_ns": 1_000_000_000}


def _known(name: Any) -> Any:
    if name not in FIELDS:
        raise ValueError(f"{name!r} is no column of ai_usage_events: use one of {', '.join(FIELDS)}")
    return name


Name = Annotated[str, BeforeValidator(_known)]
Scalar = str | int | float | bool


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ColumnEntry(_Strict):
    """Where a column's value comes from."""

    source: str | None = Field(None, alias="from", min_length=1)
    """The record's own field; `a.b` reaches into objects."""
    from_position: bool = False
    """For `request_id` alone: the file's digest and the record's place, where a record has no id of its own."""
    format: str | None = None
    """Of a time: a pattern of strptime, or unix_s, unix_ms, unix_us, unix_ns. Default: ISO 8601."""
    timezone: str | None = None
    """Of a time that has no offset, such as Europe/Berlin."""
    multiply: Decimal | None = None
    """Factor, such as 1000 from seconds to milliseconds; the result is rounded."""
    hash: bool = False
    """Keep a hash in place of the value: for users."""

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"{value!r} is no time zone: write it as Europe/Berlin") from error
        return value


class MappingFile(_Strict):
    """The whole file."""

    version: Literal[1] = 1
    columns: dict[Name, str | ColumnEntry] = {}
    """By column of ours. A column that is not named is read from the field of the same name."""
    values: dict[Name, dict[str, str]] = {}
    """Other names for values, by column: {provider: {azure: openai}}."""
    defaults: dict[Name, Scalar] = {}
    """For columns that a record leaves open."""
    input_tokens_exclude_cached: bool = False
    """Whether the source counts cached tokens apart; they are then added to input_tokens."""


@dataclass(frozen=True)
class UsageMapping:
    """A mapping, read and checked; without a file every field has our own name."""

    columns: Mapping[str, ColumnEntry] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, Scalar] = field(default_factory=dict)
    input_tokens_exclude_cached: bool = False
    path: Path | None = None

    @property
    def digest(self) -> str:
        """Names what the mapping does, wherever its file is."""
        columns = {name: entry.model_dump(mode="json") for name, entry in self.columns.items()}
        parts = [columns, self.values, self.defaults, self.input_tokens_exclude_cached]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def check_columns(self, known: Sequence[str]) -> None:
        """Raise ConfigurationError where a column is to come from a field that the file does not have."""
        for name, entry in self.columns.items():
            roots = (entry.source, (entry.source or "").partition(".")[0])
            if entry.source is not None and not set(roots) & set(known):
                raise ConfigurationError(
                    f"{_place(self.path, ['columns', name])}: the file has no column {entry.source!r}: "
                    f"it has {', '.join(known)}"
                )

    def apply(self, source: Mapping[str, Any], found: Mapping[str, Any], *, key: str, salt: str) -> list[Any]:
        """Values in the order of COLUMNS, the organization left open. Raises Unfit.

        `found` is what the format itself makes of the record; the mapping goes before it. `key` names the record,
        `salt` the organization for what is hashed.
        """
        fields: dict[str, Any] = {}
        for name in FIELDS:
            entry = self.columns.get(name)
            value = found.get(name) if entry is None else _read(entry, name, source, key, salt)
            value = self.values.get(name, {}).get(str(value), value) if value is not None else None
            fields[name] = self.defaults.get(name) if value is None else value
        if self.input_tokens_exclude_cached:
            fields["input_tokens"] = _sum(fields, "input_tokens", "cache_read_tokens", "cache_write_tokens")
        return [None, *(fields[name] for name in FIELDS)]


def load_mapping(path: Path | None, *, feature: str | None = None) -> UsageMapping:
    """Read a mapping file; `feature` is the default feature. Raises ConfigurationError with file, line and remedy."""
    file = MappingFile() if path is None else _validated(path)
    columns = {
        name: ColumnEntry.model_validate({"from": entry}) if isinstance(entry, str) else entry
        for name, entry in file.columns.items()
    }
    for name, entry in columns.items():
        if (entry.source is None) != entry.from_position or (entry.from_position and name != "request_id"):
            raise ConfigurationError(
                f"{_place(path, ['columns', name])}: give `from`; `from_position: true` is for request_id alone"
            )
    defaults = ({"feature_id": feature} if feature else {}) | file.defaults
    return UsageMapping(columns, file.values, defaults, file.input_tokens_exclude_cached, path)


def hashed(value: Any, salt: str) -> str | None:
    """Pseudonym of a user: 32 hexadecimal digits that differ between organizations; None for nobody."""
    text = "" if value is None else str(value).strip()
    return hashlib.sha256(f"{salt}/{text}".encode("utf-8", "replace")).hexdigest()[:32] if text else None


def look_up(source: Mapping[str, Any], name: str) -> Any:
    """A field by its name, or through objects by a name with dots; None where there is none or it is empty."""
    value: Any = source.get(name)
    if value is None and "." in name:
        value = source
        for step in name.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
    return None if value == "" else value


def _read(entry: ColumnEntry, name: str, source: Mapping[str, Any], key: str, salt: str) -> Any:
    if entry.from_position:
        return key
    value = look_up(source, entry.source or "")
    if value is None:
        return None
    if entry.hash:
        return hashed(value, salt)
    if entry.multiply is not None:
        return _multiplied(name, value, entry.multiply)
    if name == "occurred_at":
        return _moment(name, value, entry)
    return value


def _multiplied(name: str, value: Any, factor: Decimal) -> int:
    return int((number_of(name, value) * factor).to_integral_value())


def _moment(name: str, value: Any, entry: ColumnEntry) -> datetime:
    try:
        if entry.format in _UNIX:
            microseconds = int(number_of(name, value) * 1_000_000 / _UNIX[entry.format])
            return EPOCH + timedelta(microseconds=microseconds)
        if isinstance(value, datetime):
            moment = value
        elif entry.format is not None:
            moment = datetime.strptime(str(value).strip(), entry.format)  # noqa: DTZ007 - the zone follows
        else:
            moment = datetime.fromisoformat(str(value).strip())
    except (ValueError, OverflowError):
        form = entry.format or "ISO 8601"
        raise Unfit(f"{name} is {str(value)[:60]!r}, no time as {form}", "correct it or the format") from None
    if moment.tzinfo is None and entry.timezone is not None:
        return moment.replace(tzinfo=ZoneInfo(entry.timezone))
    return moment


def _sum(fields: Mapping[str, Any], *names: str) -> Any:
    try:
        return sum(int(fields[name] or 0) for name in names)
    except (ValueError, TypeError, OverflowError):
        return fields[names[0]]  # The check of each count says what is wrong.


def _validated(path: Path) -> MappingFile:
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: the file is not a mapping: start it with `columns:`")
    try:
        return MappingFile.model_validate(data)
    except ValidationError as error:
        # Of a column that is neither a name nor an object of ours, what is wrong with the object says more.
        first = max(error.errors()[:2], key=lambda e: len(e["loc"]))
        steps = [step for step in first["loc"] if step not in ("[key]", "str", "ColumnEntry")]
        remedy = {
            "extra_forbidden": ": the key is unknown, remove it or correct its spelling",
            "literal_error": ": this version of the program reads version 1",
        }.get(first["type"], "")
        problem = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{_place(path, steps)}: {problem}{remedy}") from error


def _place(path: Path | None, steps: Sequence[str | int]) -> str:
    dotted = ".".join(str(step) for step in steps)
    return dotted if path is None else f"{path}, line {line_of(path, steps)}, {dotted}"
