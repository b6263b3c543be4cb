"""What people send when they decide about a recommendation."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from modelscout.recommender.decisions_of_people import MOST_CHARACTERS
from modelscout.web.schemas.common import Asked

Said = Annotated[str, Field(max_length=MOST_CHARACTERS, pattern=r"^[^\x00]*$")]


class NothingAsked(Asked):
    """An empty object."""


class Rejection(Asked):
    """Why not."""

    reason: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS, pattern=r"^[^\x00]*$")]
    """For whoever looks at it next."""


class Snooze(Asked):
    """Not now."""

    until: date
    """The day (UTC) on which it is open again, at most a year from now."""
    reason: Said | None = None


class RatingAsked(Asked):
    """What the caller thinks of it."""

    rating: Annotated[int, Field(ge=1, le=5)]
    """1 (useless) to 5 (just right)."""
    comment: Said | None = None
