"""What the commands share: how they are added to the parser and how they print JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any
from uuid import UUID

Handler = Callable[[argparse.Namespace], int]
"""Does the work and returns the exit code."""


class CommandTree:
    """Adds commands to a parser; `db upgrade` and `db downgrade` share one group `db`."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._top = parser.add_subparsers(required=True, metavar="COMMAND")
        self._groups: dict[str, Any] = {}

    def add(self, path: tuple[str, ...], handler: Handler, text: str) -> argparse.ArgumentParser:
        """Add the command `path` (one or two words); returns its parser for further arguments.

        Every command has `--json`. `text` is its help.
        """
        commands: Any = self._group(path[0]) if len(path) == 2 else self._top
        parser: argparse.ArgumentParser = commands.add_parser(path[-1], help=text, description=text)
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(handler=handler)
        return parser

    def _group(self, name: str) -> Any:
        if name not in self._groups:
            self._groups[name] = self._top.add_parser(
                name, help=f"see `modelscout {name} --help`"
            ).add_subparsers(required=True, metavar="COMMAND")
        return self._groups[name]


def as_plain(value: Any) -> Any:
    """Dataclasses and named tuples as objects of JSON, enumerations as their values; the rest as it is.

    A fraction becomes a decimal, exact or to twelve places.
    """
    from modelscout.costs.calculator import to_usd

    if isinstance(value, Fraction):
        return to_usd(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: as_plain(part) for name, part in value._asdict().items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(as_plain(key)): as_plain(part) for key, part in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(as_plain(part) for part in value)
    if isinstance(value, list | tuple):
        return [as_plain(part) for part in value]
    return value


def print_json(value: Any) -> None:
    """Print as JSON; decimals as strings, so that money never passes through a float."""
    print(json.dumps(value, default=plain, indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """What `json.dumps` cannot write by itself. Raises TypeError for what has no JSON form."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, frozenset | set | tuple):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
