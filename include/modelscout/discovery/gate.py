"""Keeps questions back while a vendor answers nobody: an outage costs its own length, not a timeout per key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

FAILURES_TO_CLOSE = 5
"""So many different keys in a row without an answer are the vendor's trouble."""
FIRST_PAUSE_S = 0.5
PAUSE_GROWTH = 1.5
LONGEST_PAUSE_S = 15.0
GIVE_UP_AFTER_S = 300.0
"""A vendor that was away for so long is left until the next run."""


class VendorGate:
    """Open until several keys in a row fail; then one question at a time is let through to see who is back."""

    def __init__(
        self,
        *,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts open. `sleep` waits for seconds, `clock` gives monotonic ones."""
        self._sleep = sleep
        self._clock = clock
        self._give_up_after_s = give_up_after_s
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._closed_at = 0.0
        self._closed = False
        self._probe = asyncio.Lock()

    def is_closed(self) -> bool:
        """Whether the vendor is taken to be away."""
        return self._closed

    def has_given_up(self) -> bool:
        """Whether the vendor was away for too long."""
        return self._closed and self._clock() - self._closed_at >= self._give_up_after_s

    async def ask(self, question: Callable[[], Awaitable[bool]]) -> bool:
        """Ask when the gate lets it; returns whether the question was asked at all.

        `question` returns whether the vendor answered, be it with a refusal. While the gate is closed questions wait
        for their turn, one after the other and each after a longer pause, until one is answered.
        """
        if not self.is_closed():
            self._note(await question())
            return True
        async with self._probe:
            if self.is_closed() and not self.has_given_up():
                await self._sleep(self._pause_s)
                self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * PAUSE_GROWTH)
            if self.has_given_up():
                return False
            if self.is_closed():
                self._note(await question())
                return True
        return await self.ask(question)

    def _note(self, answered: bool) -> None:
        if answered:
            self._failures, self._closed = 0, False
            self._pause_s = FIRST_PAUSE_S
            return
        self._failures += 1
        if not self._closed and self._failures >= FAILURES_TO_CLOSE:
            self._closed, self._closed_at = True, self._clock()
