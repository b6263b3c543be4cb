"""How fast each key may be used: token buckets that learn from what the vendor says.

One `KeyLimits` per key, model and process, whoever holds adapters for it: vendors count each model for itself, and
a model that is used up must not stop the one that could stand in for it. Nothing here waits: it says how long to
wait.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from modelscout.core.errors import RateLimited
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import RateLimitState

REMEMBERED_LIMITS = 16_384
"""Keys and models whose limits a process remembers; of more, the least recently used are forgotten."""
FAST_PER_MINUTE = 60.0
"""From so many calls a minute on, a refusal is taken for a limit on their rate."""
BACK_OFF = 0.7
"""Of the rate at which a vendor without rate-limit headers refused, so much is used from then on."""
RECOVERY = 1.02
"""Each answer raises a rate that was guessed from a refusal by so much."""
RATE_HALF_LIFE_S = 10.0


class Bucket:
    """Units that refill evenly over a minute. The level falls below zero for calls that wait their turn."""

    def __init__(self, per_minute: float, now: float) -> None:
        """Starts full at `now` (seconds of a monotonic clock)."""
        self.per_minute = per_minute
        self._level = per_minute
        self._at = now

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until `amount` fits; more than a minute's worth counts as a minute's worth."""
        missing = min(amount, self.per_minute) - self.level(now)
        return max(0.0, missing * 60 / self.per_minute)

    def take(self, amount: float, now: float) -> None:
        """Take `amount` at `now`, also below zero."""
        self._level = self.level(now) - amount
        self._at = now

    def set(self, per_minute: float, level: float, now: float) -> None:
        """Replace limit and level by what the vendor states."""
        self.per_minute, self._level, self._at = per_minute, min(level, per_minute), now

    def level(self, now: float) -> float:
        """Units that are free at `now`; below zero where calls wait."""
        return min(self.per_minute, self._level + (now - self._at) * self.per_minute / 60)


class KeyLimits:
    """The limits of one key for one model, as far as they are known: none until the vendor states or enforces one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts without limits. `clock` gives monotonic seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: Bucket | None = None
        self._tokens: Bucket | None = None
        self._guessed = False
        self._blocked_until = 0.0
        self._in_flight = [0, 0]
        self._stated_tokens = False
        self._rate, self._rate_at = 0.0, clock()
        self._burst: tuple[float, float] | None = None
        self._postponed_s = 0.0

    def reserve(self, tokens: int, *, patience_s: float, provider: str) -> float:
        """Reserve one call of about `tokens`; returns the seconds to wait before it is sent.

        Callers are served in the order in which they reserve. Every reservation ends with `release`. Raises
        RateLimited, and reserves nothing, where the wait would be longer than `patience_s`.
        """
        with self._lock:
            now = self._clock()
            wait = max(0.0, self._blocked_until - now)
            for bucket, amount in ((self._requests, 1), (self._tokens, tokens)):
                if bucket is not None:
                    wait = max(wait, bucket.wait_s(amount, now))
            if wait > patience_s:
                message = f"this key's limits leave no room for another {wait:.1f} s"
                refused = RateLimited(message, provider=provider, retry_after_s=wait)
                refused.sent = False
                raise refused
            if self._requests is not None and self._burst is None:
                self._burst = (now, self._requests.per_minute - self._requests.level(now))
            for bucket, amount in ((self._requests, 1), (self._tokens, tokens)):
                if bucket is not None:
                    bucket.take(amount, now)
            self._in_flight[0] += 1
            self._in_flight[1] += tokens
            self._count(now + wait)
            return wait

    def postponed_s(self) -> float:
        """Seconds by which calls that wait have been put off so far, in all."""
        with self._lock:
            return self._postponed_s

    def blocked_s(self) -> float:
        """Seconds until the vendor wants to see the next call, after a refusal."""
        with self._lock:
            return max(0.0, self._blocked_until - self._clock())

    def release(self, tokens: int, used: int | None = None) -> None:
        """The call that reserved `tokens` has ended, one way or another; `used` is what it really took."""
        with self._lock:
            if self._tokens is not None and used is not None and not self._stated_tokens:
                # Where the vendor has just stated what is left, it has counted this call already.
                self._tokens.take(used - tokens, self._clock())
            self._stated_tokens = False
            self._in_flight[0] -= 1
            self._in_flight[1] -= tokens

    def learn(self, state: RateLimitState, tokens: int = 0) -> None:
        """Take over what the headers of an answer state whose call reserved `tokens`.

        Without any, a guessed limit slowly recovers.
        """
        with self._lock:
            now = self._clock()
            self._postpone(now)
            stated = _stated(self._requests, state.requests_limit, state.requests_remaining)
            if stated is not None:
                # Calls in flight may or may not be in the vendor's count: the careful reading is that they are not.
                self._requests = _updated(self._requests, *stated, self._in_flight[0] - 1, now)
                self._guessed = False
            elif self._guessed and self._requests is not None:
                self._recover(self._requests, now)
            stated = _stated(self._tokens, state.tokens_limit, state.tokens_remaining)
            if stated is not None:
                self._tokens = _updated(self._tokens, *stated, self._in_flight[1] - tokens, now)
                self._stated_tokens = True

    def throttled(self, retry_after_s: float | None) -> None:
        """A call was refused with 429: nobody uses the key before the vendor's wish, if it has one, has passed.

        Where the vendor states no limit and calls came fast, they come slower from now on.
        """
        with self._lock:
            now = self._clock()
            self._blocked_until = max(self._blocked_until, now + (retry_after_s or 0.0))
            per_minute = 60 * self._current_rate(now)
            if per_minute >= FAST_PER_MINUTE and (self._requests is None or self._guessed):
                self._guessed = True
                self._requests = Bucket(BACK_OFF * per_minute, now)
                self._requests.set(BACK_OFF * per_minute, 1.0, now)

    def head_room(self) -> float:
        """Share of the key's tightest limit that is free now, 0 to 1; 1 where no limit is known."""
        with self._lock:
            now = self._clock()
            if now < self._blocked_until:
                return 0.0
            known = [bucket for bucket in (self._requests, self._tokens) if bucket is not None]
            shares = [bucket.level(now) / bucket.per_minute for bucket in known]
            return max(0.0, min(shares, default=1.0))

    def _postpone(self, now: float) -> None:
        """Put the waiting calls off by what the vendor's bucket cannot have refilled.

        A full bucket refills nothing. Ours counts from when the first call of a burst was reserved, the vendor's from
        when it arrived, which was before its answer: for so long at most the vendor's may have been full.
        """
        if self._burst is None or self._requests is None:
            return
        (began, room), self._burst = self._burst, None
        per_second = self._requests.per_minute / 60
        lost = max(0.0, (now - began) * per_second - room)
        self._requests.take(lost, now)
        self._postponed_s += lost / per_second

    def _recover(self, bucket: Bucket, now: float) -> None:
        if bucket.per_minute > 10 * 60 * self._current_rate(now):
            self._requests, self._guessed = None, False
            return
        bucket.set(bucket.per_minute * RECOVERY, bucket.level(now), now)

    def _count(self, now: float) -> None:
        self._rate = self._current_rate(now) + 0.693 / RATE_HALF_LIFE_S
        self._rate_at = max(self._rate_at, now)

    def _current_rate(self, now: float) -> float:
        """Calls per second, as an average that forgets half within ten seconds."""
        return float(self._rate * 0.5 ** (max(0.0, now - self._rate_at) / RATE_HALF_LIFE_S))


def _stated(bucket: Bucket | None, limit: int | None, remaining: int | None) -> tuple[int, int] | None:
    """Limit and remaining units where the vendor states both, or states one and the other is known."""
    if remaining is None:
        return None
    if limit is None:
        return None if bucket is None else (round(bucket.per_minute), remaining)
    return (limit, remaining) if limit > 0 else None


def _updated(bucket: Bucket | None, limit: int, remaining: int, pending: int, now: float) -> Bucket:
    """The bucket as the vendor states it.

    Answers overtake each other: while others are in flight, one that says that more is left than we know of may be
    an old one.
    """
    level = float(remaining - max(0, pending))
    if bucket is None:
        bucket = Bucket(limit, now)
    elif pending > 0:
        level = min(level, bucket.level(now))
    bucket.set(limit, level, now)
    return bucket


_KNOWN: OrderedDict[tuple[str, str | None, bytes, str], KeyLimits] = OrderedDict()
_KNOWN_LOCK = threading.Lock()


def limits_of(credential: ProviderCredential, model: str = "") -> KeyLimits:
    """The limits of this key for `model` in this process; of the key, only a digest is kept."""
    digest = hashlib.blake2b(credential.api_key.encode(), digest_size=16).digest()
    name = (credential.provider, credential.base_url, digest, model)
    with _KNOWN_LOCK:
        found = _KNOWN.get(name)
        if found is None:
            found = _KNOWN[name] = KeyLimits()
            while len(_KNOWN) > REMEMBERED_LIMITS:
                _KNOWN.popitem(last=False)
        _KNOWN.move_to_end(name)
        return found


def forget_limits() -> None:
    """Forget every limit that was learnt, as a fresh process would."""
    with _KNOWN_LOCK:
        _KNOWN.clear()


def _after_fork() -> None:
    """A child learns anew: what is under way is its parent's, and a lock that was held would stay so."""
    global _KNOWN_LOCK  # noqa: PLW0603
    _KNOWN_LOCK = threading.Lock()
    _KNOWN.clear()


os.register_at_fork(after_in_child=_after_fork)
