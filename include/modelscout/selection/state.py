"""How each model is doing now, as this process sees it: health, load and what its rate limit leaves.

Whoever calls models reports here, `select` reads. Kept per organization, provider and model: keys differ, and what one
organization's key meets says nothing about another's. Times are seconds of a monotonic clock.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from modelscout.core.forking import begins_anew_in_a_child

FAILURES_TO_OPEN: Final = 5
"""So many failures one after the other open the circuit."""
FIRST_OPEN_S: Final = 5.0
LONGEST_OPEN_S: Final = 300.0
"""A circuit that fails its trial stays open twice as long as before, at most so long."""
LATENCY_WEIGHT: Final = 0.2
"""Of the newest call in the moving average."""
LATENCY_KEPT_S: Final = 60.0
"""An average nobody added to for so long says nothing any more: somebody has to find out again."""
HOPELESS: Final = frozenset(
    {"authentication_failed", "permission_denied", "quota_exhausted", "model_not_found"}
)
"""Errors that the next call meets too: they open the circuit at once, for long."""
MOST_ORGANIZATIONS: Final = 100_000


class Standing(IntEnum):
    """Whether a model may be called now; the lower the better."""

    READY = 0
    BUSY = 1
    DOWN = 2


class ModelState:
    """One model for one organization's key. Every method may be called from any thread."""

    __slots__ = (
        "_lock", "_open_s", "failures", "in_flight", "latency_at", "latency_ms", "limited_until", "open_until",
        "opened_at",
        "requests_left", "resets_at",
    )  # fmt: skip

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open_s = 0.0
        self.failures = 0
        """One after the other."""
        self.in_flight = 0
        self.latency_ms: float | None = None
        """Moving average of answered calls."""
        self.latency_at = 0.0
        self.limited_until = 0.0
        self.open_until = 0.0
        self.opened_at = -math.inf
        self.requests_left: int | None = None
        """What the vendor said is left until `resets_at`."""
        self.resets_at = 0.0

    def started(self) -> None:
        """A call is sent. Each ends with `succeeded`, `failed` or `given_up`."""
        with self._lock:
            self.in_flight += 1
            if self.requests_left:
                self.requests_left -= 1

    def given_up(self) -> None:
        """The caller no longer waits: says nothing about the model."""
        with self._lock:
            self.in_flight = max(0, self.in_flight - 1)

    def succeeded(self, duration_ms: float, now: float) -> None:
        """A call was answered: the circuit closes, unless the call was sent before it opened."""
        with self._lock:
            self.in_flight = max(0, self.in_flight - 1)
            if now - duration_ms / 1000 >= self.opened_at:
                self.failures, self._open_s, self.open_until = 0, 0.0, 0.0
                self.opened_at = -math.inf
            known = self.latency_ms if now - self.latency_at <= LATENCY_KEPT_S else None
            self.latency_ms = duration_ms if known is None else known + LATENCY_WEIGHT * (duration_ms - known)
            self.latency_at = now

    def failed(self, error_type: str, now: float, *, retry_after_s: float | None = None) -> None:
        """A call failed. A refusal for too many calls is no failure of the model: it is limited for a while.

        `error_type` is `ProviderError.error_type`. What is wrong with the request itself (`bad_request`) counts
        as an answer.
        """
        with self._lock:
            self.in_flight = max(0, self.in_flight - 1)
            if error_type == "rate_limited":
                self.limited_until = max(
                    self.limited_until, now + (1.0 if retry_after_s is None else retry_after_s)
                )
            elif error_type == "bad_request":
                self.failures = 0
            else:
                self.failures += 1
                hopeless = error_type in HOPELESS
                if hopeless or self.failures >= FAILURES_TO_OPEN:
                    self.failures = max(self.failures, FAILURES_TO_OPEN)
                    longer = LONGEST_OPEN_S if hopeless else max(FIRST_OPEN_S, 2 * self._open_s)
                    self._open_s = min(LONGEST_OPEN_S, longer)
                    self.open_until, self.opened_at = now + self._open_s, now

    def head_room(self, requests_left: int | None, resets_at: float) -> None:
        """What the vendor says is left of the rate limit until `resets_at`."""
        with self._lock:
            self.requests_left, self.resets_at = requests_left, resets_at

    def standing(self, now: float, requests: int = 1, slowest_ms: float | None = None) -> Standing:
        """Whether `requests` calls may be made now, each within `slowest_ms`.

        A circuit whose time is over lets one call at a time through, to find out.
        """
        if self.open_until > now or (self.failures >= FAILURES_TO_OPEN and self.in_flight > 0):
            return Standing.DOWN
        if self.limited_until > now:
            return Standing.BUSY
        if self.requests_left is not None and self.requests_left < requests and self.resets_at > now:
            return Standing.BUSY
        if slowest_ms is not None and self.latency_ms is not None and self.latency_ms > slowest_ms:
            return Standing.BUSY if now - self.latency_at <= LATENCY_KEPT_S else Standing.READY
        return Standing.READY

    def why(self, now: float, slowest_ms: float | None) -> str:
        """Why it is not ready, in words."""
        if self.open_until > now:
            return f"it failed {self.failures} times and is tried again in {self.open_until - now:.0f} s"
        if self.failures >= FAILURES_TO_OPEN:
            return "it failed and one call is finding out whether it is back"
        if self.limited_until > now:
            return f"its rate limit is used up for another {self.limited_until - now:.0f} s"
        if slowest_ms is not None and self.latency_ms is not None and self.latency_ms > slowest_ms:
            return f"it lately took {self.latency_ms:.0f} ms, longer than {slowest_ms:.0f} ms"
        return "its rate limit leaves too few calls"


class ModelStates:
    """The states of all models that this process calls. An idle organization's states may be forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives monotonic seconds."""
        self.clock = clock
        self.after_fork()
        begins_anew_in_a_child(self)

    def after_fork(self) -> None:
        """A child finds out for itself: calls that were under way are its parent's."""
        self.by_organization: dict[str, dict[tuple[str, str], ModelState]] = {}
        self._lock = threading.Lock()

    def of(self, organization_id: str, provider: str, model: str) -> ModelState:
        """The state of one model for one organization, healthy and idle where nothing was reported yet."""
        models = self.by_organization.get(organization_id)
        state = models.get((provider, model)) if models is not None else None
        if state is not None:
            return state
        with self._lock:
            if (
                len(self.by_organization) >= MOST_ORGANIZATIONS
                and organization_id not in self.by_organization
            ):
                self._forget_idle()
            models = self.by_organization.setdefault(organization_id, {})
            return models.setdefault((provider, model), ModelState())

    def _forget_idle(self) -> None:
        idle = [
            organization
            for organization, models in self.by_organization.items()
            if not any(state.in_flight for state in models.values())
        ]
        for organization in idle[: MOST_ORGANIZATIONS // 10]:
            del self.by_organization[organization]
