"""Usage events and outcomes of one organization and UTC day, drawn set-wise.

Every draw of a day is seeded by the day and the organization and made in full, whatever `now` is: a later
`now` gives the same rows for the days before, and today is cut at `now` afterwards.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from modelscout.core.types import Provider
from modelscout.demo import traffic
from modelscout.demo.profile import MODELS, Speed, Swap, quality, retires_on
from modelscout.demo.scenario import HISTORY_DAYS, Assignment, DemoOrganization, assignments_of
from modelscout.demo.traffic import FEATURE_TRAFFIC, UNKNOWN, Counts, FeatureTraffic

SEED = 20261123
RATE_LIMITED_SHARE = 0.010
TIMEOUT_SHARE = 0.004
UNAVAILABLE_SHARE = 0.004
BAD_REQUEST_SHARE = 0.001
RETRIED_SHARE = 0.85
RETRY_FAILS_SHARE = 0.08
OUTCOME_SHARE = 0.15
TIMEOUT_MS = 60_000
REQUESTS_OF_A_DAY = 1_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_OK, _RATE_LIMITED, _TIMEOUT, _UNAVAILABLE, _BAD_REQUEST, _MODEL_NOT_FOUND = range(6)
ERROR_TYPES = (
    None, "rate_limited", "timeout", "provider_unavailable", "bad_request", "model_not_found"
)  # fmt: skip
_RETRYABLE = (_RATE_LIMITED, _TIMEOUT, _UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events as columns of equal length; UNKNOWN is NULL."""

    assignment: Counts
    """Index into the organization's assignments."""
    request: Counts
    """The UTC day as 20261123 and the number within it, as day * REQUESTS_OF_A_DAY + number."""
    attempt: Counts
    occurred_ms: Counts
    """Since 1970 in UTC."""
    input_tokens: Counts
    output_tokens: Counts
    cache_read_tokens: Counts
    cache_write_tokens: Counts
    reasoning_tokens: Counts
    image_tokens: Counts
    image_count: Counts
    operations: Counts
    batch: Counts
    """1 where the request waited for batch processing."""
    duration_ms: Counts
    time_to_first_token_ms: Counts
    error: Counts
    """Index into ERROR_TYPES."""
    confidence_permyriad: Counts
    user: Counts
    item: Counts
    complexity: Counts
    """0 low, 1 medium, 2 high."""
    outcome: Counts
    """1 right, 0 wrong, UNKNOWN not judged."""
    judged_ms: Counts

    def __len__(self) -> int:
        """Number of events."""
        return len(self.request)

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> EventColumns:
        """The rows of a mask, or of positions in their order."""
        return EventColumns(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})

    def joined(self, other: EventColumns) -> EventColumns:
        """These rows and then the others."""
        return EventColumns(
            **{
                name: np.concatenate([getattr(self, name), getattr(other, name)])
                for name in self.__dataclass_fields__
            }
        )


def days(now: datetime) -> tuple[date, ...]:
    """The UTC days of the history, today the last: 30 whole days and what there is of today."""
    today = now.astimezone(UTC).date()
    return tuple(today - timedelta(days=ago) for ago in range(HISTORY_DAYS, -1, -1))


def day_of_events(
    organization: DemoOrganization, day: date, now: datetime, swap: Swap | None = None
) -> EventColumns:
    """All events of the organization on `day` up to `now`; an outcome that comes after `now` is left out."""
    rng = np.random.default_rng([SEED, zlib.crc32(organization.slug.encode()), day.toordinal()])
    assignments = assignments_of(organization.slug)
    rate = traffic.REQUESTS_PER_DAY * organization.share * np.exp(rng.normal(0, traffic.DAY_SIGMA))
    size = int(rng.poisson(rate))
    shares = np.array([assignment.share for assignment in assignments])
    chosen = rng.choice(len(assignments), size, p=shares / shares.sum())
    start_ms = (day.toordinal() - _EPOCH_ORDINAL) * traffic.DAY_MS
    times = start_ms + traffic.draw_times_ms(rng, size, organization.utc_offset_hours)
    pieces = []
    for index, assignment in enumerate(assignments):
        own = np.flatnonzero(chosen == index)
        first = _first_attempts(rng, assignment, index, own, times[own], day, now, swap)
        pieces += [first, _second_attempts(rng, assignment, first)]
    events = pieces[0]
    for piece in pieces[1:]:
        events = events.joined(piece)
    return _cut(events, round(now.timestamp() * 1000))


def _cut(events: EventColumns, now_ms: int) -> EventColumns:
    events = events.where(events.occurred_ms <= now_ms)
    judged = events.judged_ms <= now_ms
    order = np.lexsort((events.attempt, events.request, events.occurred_ms))
    events.outcome[~judged] = UNKNOWN
    return events.where(order)


def _first_attempts(
    rng: np.random.Generator,
    assignment: Assignment,
    index: int,
    requests: NDArray[np.intp],
    times_ms: Counts,
    day: date,
    now: datetime,
    swap: Swap | None,
) -> EventColumns:
    size = len(requests)
    shape = FEATURE_TRAFFIC[assignment.feature]
    error = _draw_errors(rng, size)
    tokens = _draw_tokens(rng, assignment, shape, size)
    batch = (rng.random(size) < assignment.batch_share).astype(np.int64)
    events = EventColumns(
        assignment=np.full(size, index, dtype=np.int64),
        request=int(f"{day:%Y%m%d}") * REQUESTS_OF_A_DAY + requests.astype(np.int64),
        attempt=np.ones(size, dtype=np.int64),
        occurred_ms=times_ms,
        batch=batch,
        error=error,
        confidence_permyriad=_confidence(rng, shape, size),
        user=rng.choice(traffic.USERS_PER_ORGANIZATION, size, p=traffic.user_weights()).astype(np.int64),
        item=rng.integers(1, shape.items + 1, size) if shape.items else _unknown(size),
        complexity=np.searchsorted([500, 2_000], tokens["input_tokens"]).astype(np.int64),
        **tokens,
        **_draw_latency(rng, assignment, shape, tokens),
        **_draw_outcomes(rng, quality(assignment.incumbent.key, assignment.feature, swap), times_ms),
    )
    gone_on = retires_on(assignment.incumbent.key, now)
    if gone_on is not None and day >= gone_on:
        events.error[:] = _MODEL_NOT_FOUND
    return _settle(rng, events)


def _second_attempts(rng: np.random.Generator, assignment: Assignment, first: EventColumns) -> EventColumns:
    """The application's own retry of what may pass a second time."""
    retried = np.isin(first.error, _RETRYABLE) & (rng.random(len(first)) < RETRIED_SHARE)
    if assignment.retires_in_days is not None and assignment.retires_in_days < 0:
        # The day of the end moves with `now`: no row may exist under one and not under the other.
        retried[:] = False
    fresh = _retry_columns(rng, assignment, first.where(retried))
    return _settle(rng, fresh)


def _retry_columns(rng: np.random.Generator, assignment: Assignment, failed: EventColumns) -> EventColumns:
    size = len(failed)
    shape = FEATURE_TRAFFIC[assignment.feature]
    tokens = _draw_tokens(rng, assignment, shape, size)
    columns = {name: getattr(failed, name).copy() for name in failed.__dataclass_fields__}
    columns |= tokens | _draw_latency(rng, assignment, shape, tokens)
    columns["attempt"] = failed.attempt + 1
    columns["occurred_ms"] = failed.occurred_ms + failed.duration_ms + rng.integers(500, 2_500, size)
    columns["error"] = np.where(rng.random(size) < RETRY_FAILS_SHARE, failed.error, _OK)
    columns["batch"] = np.zeros(size, dtype=np.int64)
    columns["confidence_permyriad"] = _confidence(rng, shape, size)
    return EventColumns(**columns)


def _settle(rng: np.random.Generator, events: EventColumns) -> EventColumns:
    """What failed used nothing, took its own time and has no outcome; a batch has no latency."""
    failed = events.error != _OK
    for name in (
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens",
        "image_tokens", "image_count", "operations",
    ):  # fmt: skip
        getattr(events, name)[failed] = 0
    for name in ("time_to_first_token_ms", "confidence_permyriad", "outcome"):
        getattr(events, name)[failed] = UNKNOWN
    quick = rng.integers(40, 180, len(events))
    events.duration_ms[failed] = np.where(events.error == _TIMEOUT, TIMEOUT_MS, quick)[failed]
    waited = (events.batch == 1) & ~failed
    events.duration_ms[waited] = UNKNOWN
    events.time_to_first_token_ms[waited] = UNKNOWN
    return events


def _draw_errors(rng: np.random.Generator, size: int) -> Counts:
    edges = np.cumsum([RATE_LIMITED_SHARE, TIMEOUT_SHARE, UNAVAILABLE_SHARE, BAD_REQUEST_SHARE])
    codes = np.array([_RATE_LIMITED, _TIMEOUT, _UNAVAILABLE, _BAD_REQUEST, _OK])
    return np.asarray(codes[np.searchsorted(edges, rng.random(size), side="right")], dtype=np.int64)


def _draw_tokens(
    rng: np.random.Generator, assignment: Assignment, shape: FeatureTraffic, size: int
) -> dict[str, Counts]:
    model = MODELS[assignment.incumbent.key]
    prompt = shape.input_tokens.draw(rng, size)
    answer = np.ceil(shape.output_tokens.draw(rng, size) * model.verbosity).astype(np.int64)
    images = _draw_images(rng, shape, size)
    thought = np.rint(model.reasoning_tokens * np.exp(rng.normal(0, 0.5, size))).astype(np.int64)
    found = rng.random(size) < shape.cached_share
    cached = np.where(found & (prompt >= 1_024), prompt * 6 // 10 // 128 * 128, 0)
    # Only Anthropic bills what it writes into the cache.
    writes = assignment.incumbent.provider == Provider.ANTHROPIC
    written = np.where((rng.random(size) < 0.1) & (prompt >= 1_024), prompt // 2, 0) if writes else 0 * prompt
    concepts = assignment.incumbent.provider == Provider.CLARIFAI
    image_tokens = images * model.image_tokens
    nothing = np.zeros(size, dtype=np.int64)
    return {
        "input_tokens": nothing.copy() if concepts else prompt + image_tokens,
        "output_tokens": nothing.copy() if concepts else answer + thought,
        "cache_read_tokens": nothing.copy() if concepts else cached,
        "cache_write_tokens": nothing.copy() if concepts else np.minimum(written, prompt - cached),
        "reasoning_tokens": nothing.copy() if concepts else thought,
        "image_tokens": image_tokens,
        "image_count": images,
        "operations": images.copy() if concepts else nothing.copy(),
    }


def _draw_images(rng: np.random.Generator, shape: FeatureTraffic, size: int) -> Counts:
    if not shape.images:
        return np.zeros(size, dtype=np.int64)
    return rng.choice(np.arange(1, len(shape.images) + 1), size, p=shape.images).astype(np.int64)


def _draw_latency(
    rng: np.random.Generator, assignment: Assignment, shape: FeatureTraffic, tokens: Mapping[str, Counts]
) -> dict[str, Counts]:
    speed: Speed = MODELS[assignment.incumbent.key].speed
    size = len(tokens["output_tokens"])
    spread = np.exp(rng.normal(0, speed.sigma, size))
    thinking = tokens["reasoning_tokens"] * speed.output_token_ms
    first = (speed.time_to_first_token_ms + thinking) * spread
    writing = (tokens["output_tokens"] - tokens["reasoning_tokens"]) * speed.output_token_ms
    return {
        "duration_ms": np.rint(first + writing).astype(np.int64),
        "time_to_first_token_ms": np.rint(first).astype(np.int64) if shape.streamed else _unknown(size),
    }


def _draw_outcomes(rng: np.random.Generator, right_share: float, times_ms: Counts) -> dict[str, Counts]:
    """Judged some time within the next two days, most soon."""
    size = len(times_ms)
    judged = rng.random(size) < OUTCOME_SHARE
    right = (rng.random(size) < right_share).astype(np.int64)
    delay_ms = np.minimum(rng.exponential(6 * 3_600_000, size), 48 * 3_600_000).astype(np.int64)
    return {
        "outcome": np.where(judged, right, UNKNOWN).astype(np.int64),
        "judged_ms": times_ms + 120_000 + delay_ms,
    }


def _confidence(rng: np.random.Generator, shape: FeatureTraffic, size: int) -> Counts:
    if not shape.scored:
        return _unknown(size)
    return np.rint(rng.beta(9, 2, size) * 10_000).astype(np.int64)


def _unknown(size: int) -> Counts:
    return np.full(size, UNKNOWN, dtype=np.int64)


def user_hashes(slug: str) -> list[str]:
    """Pseudonyms of an organization's users."""
    return [
        hashlib.sha256(f"{slug}/user/{number}".encode()).hexdigest()[:16]
        for number in range(traffic.USERS_PER_ORGANIZATION)
    ]


def history(
    organization: DemoOrganization, now: datetime, swap: Swap | None = None
) -> Iterator[EventColumns]:
    """The organization's events, one day after the other."""
    for day in days(now):
        yield day_of_events(organization, day, now, swap)
