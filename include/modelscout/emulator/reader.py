"""Builds frozen dataclasses from JSON values, refusing what it does not know."""

from __future__ import annotations

import collections.abc
import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from modelscout.core.errors import ConfigurationError


def as_object(data: object, where: str) -> Mapping[str, Any]:
    """`data` as a JSON object. Raises ConfigurationError naming `where`."""
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{where} is {type(data).__name__}, not an object")
    return data


def known_fields(data: object, kind: type, where: str) -> dict[str, Any]:
    """The object's fields. Raises ConfigurationError for one that `kind` does not have."""
    values = dict(as_object(data, where))
    known = {f.name for f in dataclasses.fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigurationError(
            f"{where}: unknown field {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )
    return values


def build(kind: type[Any], values: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `kind`. Raises ConfigurationError naming the field."""
    missing = [
        f.name
        for f in dataclasses.fields(kind)
        if f.name not in values
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigurationError(f"{where}: {', '.join(missing)} missing: add it")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _convert(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _convert(hint: Any, value: Any, where: str) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    kind = next(option for option in options if option is not type(None))
    try:
        return _CONVERTERS[typing.get_origin(kind) or kind](value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}={value!r}: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("must be a text")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("must be a whole number")
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("must be a number")
    if value < 0:
        raise ValueError("must not be negative")
    return float(value)


def _names(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("must be a list of texts")
    return frozenset(value)


def _date(value: Any) -> date:
    return datetime.fromisoformat(_text(value)).date()


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("must be an object")
    return dict(value)


_CONVERTERS: dict[Any, Any] = {
    str: _text,
    int: _whole,
    float: _number,
    frozenset: _names,
    date: _date,
    datetime: _time,
    collections.abc.Mapping: _mapping,
}
