"""One usage event and one outcome: their fields, and whether the warehouse can hold them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from modelscout.core.stored import storable
from modelscout.core.types import Processing

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Before the first API of a language model there was nothing to record: such a time is a mistake."""
FUTURE_TOLERANCE = timedelta(minutes=10)
"""How far a clock may be ahead of ours."""
MOST = 2**31 - 1
"""Of tokens, images, operations and milliseconds of one call; more is a mistake, and sums stay within bigint."""
MOST_TEXT = 500
MOST_WORKLOAD_BYTES = 16_384


class Unfit(ValueError):
    """A value that the warehouse cannot hold or that cannot be true; says which and how to mend it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}: {remedy}")
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """One attempt of one AI call, as the columns of `ai_usage_events` say.

    `occurred_at` has an offset; a redelivery repeats it. `input_tokens` include cached, `output_tokens` include
    reasoning tokens. `organization_id` may be left out under an organization's own role.
    """

    organization_id: UUID | str | None = None
    feature_id: str
    provider: str
    requested_model: str
    served_model: str | None = None
    request_id: str
    attempt: int = 1
    occurred_at: datetime
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    image_tokens: int = 0
    image_count: int = 0
    operations: int = 0
    processing: str = "standard"
    duration_ms: int | None = None
    time_to_first_token_ms: int | None = None
    error_type: str | None = None
    confidence: Decimal | float | None = None
    user_hash: str | None = None
    item_key: str | None = None
    workload: Mapping[str, Any] = field(default_factory=dict)
    experiment_id: str | None = None
    propensity: Decimal | float | None = None
    simulated: bool = False


class UsageOutcome(NamedTuple):
    """Whether an answer was good: `kind` correction, rating or check, `score` 0 to 1."""

    organization_id: UUID | str | None
    request_id: str
    kind: str
    score: Decimal | float
    recorded_at: datetime | None


Row = tuple[Any, ...]
"""Values as COPY takes them: numbers, text and None, in the order of the columns."""
Check = Callable[[Any], Any]


def _count(name: str, most: int = MOST, least: int = 0, default: int | None = 0) -> Check:
    def check(value: Any) -> int | None:
        if type(value) is int and least <= value <= most:
            return value
        if value is None:
            return default
        number = number_of(name, value)
        if number != number.to_integral_value():
            raise Unfit(f"{name} is {_shown(value)}, not a whole number", "give a whole number")
        if not least <= number <= most:
            raise Unfit(f"{name} is {_shown(value)}, out of range", f"give {least} to {most}")
        return int(number)

    return check


def _share(name: str, places: int, *, required: bool = False, above_zero: bool = False) -> Check:
    unit = Decimal(1).scaleb(-places)

    def check(value: Any) -> str | None:
        if value is None and not required:
            return None
        number = number_of(name, value)
        rounded = number.quantize(unit) if 0 <= number <= 1 else number
        if not 0 <= rounded <= 1 or (above_zero and rounded == 0):
            span = f"more than 0 and at most 1 with {places} places" if above_zero else "0 to 1"
            raise Unfit(f"{name} is {_shown(value)}, out of range", f"give {span}")
        return format(rounded, "f")

    return check


def number_of(name: str, value: Any) -> Decimal:
    """A number, or text that stands for one, of at most 30 digits before the point. Raises Unfit."""
    if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(value.strip() if isinstance(value, str) else str(value))
        except (InvalidOperation, ValueError):  # An int of more than 4,300 digits has no text.
            number = Decimal("nan")
        if number.is_finite() and number.adjusted() < 30:
            return number
    raise Unfit(f"{name} is {_shown(value)}, not a number", "give a number or leave it out")


def _text(name: str, *, required: bool = False, most: int = MOST_TEXT) -> Check:
    def check(value: Any) -> str | None:
        if value is None and not required:
            return None
        if type(value) is int and required:
            value = _shown(value)
        if not isinstance(value, str) or (required and not value.strip()):
            what = "missing" if value is None or value == "" else f"{_shown(value)}, not a text"
            raise Unfit(f"{name} is {what}", "give a text that is not empty")
        if len(value) > most:
            raise Unfit(f"{name} has {len(value)} characters", f"give at most {most}")
        if "\x00" in value or (not value.isascii() and storable(value) != value):
            raise Unfit(f"{name} holds NUL or half a surrogate pair", "give valid text")
        return value

    return check


def _one_of(name: str, known: Sequence[str], default: str | None = None) -> Check:
    def check(value: Any) -> str:
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value in known:
            return value
        raise Unfit(f"{name} is {_shown(value)}, unknown", f"use one of {', '.join(known)}")

    return check


def _organization(value: Any) -> str:
    if isinstance(value, UUID):
        return str(value)
    found = _uuid(value) if isinstance(value, str) else None
    if found is None:
        what = "missing" if value is None else f"{_shown(value)}, not an id"
        raise Unfit(f"organization_id is {what}", "give the uuid of a row of organizations")
    return found


@functools.lru_cache(maxsize=4096)
def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _time(name: str) -> Check:
    def check(value: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
            if isinstance(moment, datetime) and moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            moment = None
        what = "missing" if value is None else f"{_shown(value)}, not a time with an offset"
        raise Unfit(f"{name} is {what}", "write it as 2026-11-23T12:00:00+00:00")

    return check


def _workload(value: Any) -> str:
    if not value:
        return "{}"
    try:
        found = json.loads(value) if isinstance(value, str) else value
        text = json.dumps(storable(found), allow_nan=False) if isinstance(found, Mapping) else ""
    except (ValueError, TypeError, RecursionError):
        text = ""
    if not text:
        raise Unfit(f"workload is {_shown(value)}, not a JSON object", "give an object of plain values")
    if len(text) > MOST_WORKLOAD_BYTES:
        raise Unfit(f"workload has {len(text)} bytes", f"give at most {MOST_WORKLOAD_BYTES}")
    return text


def _flag(name: str) -> Check:
    def check(value: Any) -> bool:
        if value is None or isinstance(value, bool):
            return bool(value)
        if isinstance(value, str) and value.strip().lower() in ("true", "false", "1", "0"):
            return value.strip().lower() in ("true", "1")
        raise Unfit(f"{name} is {_shown(value)}, neither true nor false", "give true or false")

    return check


def _shown(value: Any) -> str:
    """A value as it may stand in a reason: short, and printable whatever it is."""
    try:
        shown = repr(value)
    except Exception as error:  # noqa: BLE001 - a stranger's repr may raise anything
        shown = f"<{type(error).__name__}>"
    short = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return short.encode("ascii", "backslashreplace").decode("ascii")


_TOKENS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens",
    "reasoning_tokens", "image_tokens", "image_count", "operations",
)  # fmt: skip
_CHECKS: dict[str, Check] = {
    "organization_id": _organization,
    **{
        name: _text(name, required=True)
        for name in ("feature_id", "provider", "requested_model")
    },
    "served_model": _text("served_model"),
    "request_id": _text("request_id", required=True),
    "attempt": _count("attempt", 32_767, 1, default=1),
    "occurred_at": _time("occurred_at"),
    **{name: _count(name) for name in _TOKENS},
    "processing": _one_of("processing", [p.value for p in Processing], "standard"),
    "duration_ms": _count("duration_ms", default=None),
    "time_to_first_token_ms": _count("time_to_first_token_ms", default=None),
    "error_type": _text("error_type"),
    "confidence": _share("confidence", 4),
    "user_hash": _text("user_hash"),
    "item_key": _text("item_key"),
    "workload": _workload,
    "experiment_id": _text("experiment_id"),
    "propensity": _share("propensity", 6, above_zero=True),
    "simulated": _flag("simulated"),
}  # fmt: skip
COLUMNS = tuple(_CHECKS)
_EVENT_CHECKS = tuple(_CHECKS.values())
values_of: Callable[[UsageEvent], tuple[Any, ...]] = attrgetter(*COLUMNS)
"""An event's values in the order of COLUMNS."""
_AT, _INPUT, _OUTPUT, _READ, _WRITE, _LONG, _REASONING = (
    COLUMNS.index(name)
    for name in (
        "occurred_at", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
        "cache_write_1h_tokens", "reasoning_tokens",
    )
)  # fmt: skip

_OUTCOME_CHECKS: dict[str, Check] = {
    "organization_id": _organization,
    "request_id": _text("request_id", required=True),
    "kind": _one_of("kind", ("correction", "rating", "check")),
    "score": _share("score", 4, required=True),
    "recorded_at": _time("recorded_at"),
}
OUTCOME_COLUMNS = tuple(_OUTCOME_CHECKS)


def event_row(values: Sequence[Any], latest: datetime) -> Row:
    """The row of an event, whose values stand in the order of COLUMNS. Raises Unfit.

    `latest` is the last moment that is not the future. Text that stands for a number or a time is read.
    """
    row = [check(value) for check, value in zip(_EVENT_CHECKS, values, strict=True)]
    row[_AT] = _within("occurred_at", row[_AT], latest)
    if row[_READ] + row[_WRITE] > row[_INPUT]:
        raise Unfit(
            f"input_tokens {row[_INPUT]} is less than cache_read_tokens and cache_write_tokens together",
            "input_tokens include cached ones: add them",
        )
    if row[_LONG] > row[_WRITE]:
        raise Unfit(
            "cache_write_1h_tokens is more than cache_write_tokens", "they are part of them: add them"
        )
    if row[_REASONING] > row[_OUTPUT]:
        raise Unfit("reasoning_tokens is more than output_tokens", "output_tokens include them: add them")
    return tuple(row)


def outcome_row(values: Sequence[Any], latest: datetime) -> Row:
    """The row of an outcome, whose values stand in the order of OUTCOME_COLUMNS. Raises Unfit."""
    row = [check(value) for check, value in zip(_OUTCOME_CHECKS.values(), values, strict=True)]
    row[-1] = _within("recorded_at", row[-1], latest)
    return tuple(row)


def _within(name: str, moment: datetime, latest: datetime) -> str:
    if moment > latest:
        raise Unfit(f"{name} {moment.isoformat()} is in the future", "set the clock of the machine right")
    if moment < EARLIEST:
        raise Unfit(f"{name} {moment.isoformat()} is before {EARLIEST.year}", "give the time of the call")
    return moment.isoformat()
