"""Names the mistakes in files that people edit: file, line, key and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from modelscout.catalog.yaml_files import line_of
from modelscout.core.errors import ConfigurationError

_REMEDIES = {
    "extra_forbidden": "the key is unknown: remove it or correct its spelling",
    "missing": "the key is missing: add it",
    "literal_error": "the value is unknown: use one of the listed ones",
    "string_pattern_mismatch": "write it in lower case with underscores, and not empty",
    "string_type": "put the value in quotes",
    "int_type": "write a whole number without quotes",
    "bool_type": "write true or false",
    "list_type": "write a list",
    "dict_type": "write a mapping",
    "too_short": "add entries, at least one is missing",
    "too_long": "give fewer entries",
    "string_too_long": "shorten it",
}


def refusal(path: Path, location: Sequence[str | int], problem: str) -> ConfigurationError:
    """The error for one place of a file; `problem` says the remedy."""
    return ConfigurationError(f"{path}, line {line_of(path, location)}, {_dotted(location)}: {problem}")


def described(path: Path, data: dict[str, Any], error: ValidationError) -> ConfigurationError:
    """The error for a file that does not fit its schema: its first mistake, and how many more there are."""
    first = error.errors()[0]
    location = [step for step in first["loc"] if step != "[key]"]
    remedy = _REMEDIES.get(first["type"])
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    place = f"{_dotted(location)}{_named(data, location)}"
    problem = f"{message}: {remedy}" if remedy else message
    return ConfigurationError(f"{path}, line {line_of(path, location)}, {place}: {problem}{more}")


def _named(data: dict[str, Any], location: Sequence[str | int]) -> str:
    """The key of the entry of a list at the top, such as a case's."""
    if len(location) < 2 or not isinstance(location[1], int):
        return ""
    entry = data[str(location[0])][location[1]]
    return f" ({entry['key']})" if isinstance(entry, dict) and "key" in entry else ""


def _dotted(location: Sequence[str | int]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.lstrip(".") or "the file"
