"""The formats that can be imported: how each is read, and what it makes of a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.usage import litellm, otel
from modelscout.usage.mapping import FIELDS, UsageMapping, look_up

Source = Mapping[str, Any]
"""A record with flat names, as far as it may be kept."""


class Format(NamedTuple):
    """One format."""

    name: str
    container: str
    """What its files are: json (a document, or one in each line), csv or parquet. LiteLLM's may also be csv."""
    keep: Callable[[Any, str, Collection[str]], Source]
    """(record, salt of hashes, fields that a mapping names) to what may be kept of it. Raises Unfit."""
    fields: Callable[[Source], Mapping[str, Any] | None]
    """What columns of ours it is; None where it is no call of a model. Raises Unfit."""
    keeps_text: bool
    """Whether a line that cannot be read may be kept: spans and logs may hold what was said."""


def _own_names(source: Source) -> Mapping[str, Any]:
    return {name: look_up(source, name) for name in FIELDS}


def _as_it_is(record: Any, _salt: str, _wanted: Collection[str]) -> Source:
    found: Source = record
    return found


FORMATS = {
    f.name: f
    for f in (
        Format(
            "otel",
            "json",
            lambda record, salt, wanted: otel.flat(record, salt=salt, wanted=wanted),
            otel.event_fields,
            keeps_text=False,
        ),
        Format(
            "litellm",
            "json",
            lambda record, salt, _wanted: litellm.flat(record, salt=salt),
            litellm.event_fields,
            keeps_text=False,
        ),
        Format("csv", "csv", _as_it_is, _own_names, keeps_text=True),
        Format("jsonl", "json", _as_it_is, _own_names, keeps_text=True),
        Format("parquet", "parquet", _as_it_is, _own_names, keeps_text=True),
    )
}


def format_named(name: str) -> Format:
    """Raises ConfigurationError where there is none of this name."""
    if name not in FORMATS:
        raise ConfigurationError(f"--format={name!r} is unknown: use one of {', '.join(FORMATS)}")
    return FORMATS[name]


def wanted_fields(mapping: UsageMapping) -> frozenset[str]:
    """Fields of the source that the mapping names."""
    return frozenset(entry.source for entry in mapping.columns.values() if entry.source is not None)
