"""The one source of the current time. `MODELSCOUT_NOW` fixes it, so that a run can be repeated exactly."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime

from modelscout.core.errors import ConfigurationError

Clock = Callable[[], datetime]
"""Returns the current time, timezone-aware, in UTC."""


def now() -> datetime:
    """Current time in UTC, or the value of `MODELSCOUT_NOW` (ISO 8601; without an offset it is UTC)."""
    fixed = os.environ.get("MODELSCOUT_NOW", "").strip()
    return parse_time(fixed, field="MODELSCOUT_NOW") if fixed else datetime.now(UTC)


def parse_time(text: str, *, field: str) -> datetime:
    """Parse ISO 8601 into UTC. Raises ConfigurationError naming `field`."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{field}={text!r} is not a time: write it as 2026-11-23T12:00:00+00:00"
        ) from error
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
