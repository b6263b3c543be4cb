"""The one retry policy of the project: SDK retries are off everywhere."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import tenacity

from modelscout.core.errors import ProviderError, RateLimited

T = TypeVar("T")

INITIAL_WAIT_S = 0.5
MAX_WAIT_S = 8.0


async def call_with_retries(
    call: Callable[[], Awaitable[T]],
    *,
    attempts: int = 3,
    deadline_s: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random_fraction: Callable[[], float] = random.random,
) -> T:
    """Run `call` up to `attempts` times within `deadline_s` seconds.

    Only errors that say `retryable` are tried again, after 0.5 s, 1 s, 2 s … up to 8 s, each wait less a
    random part of up to a quarter; a RateLimited that names a longer wait gets that wait. The last error is
    raised as it is, at once where its wait would pass the deadline. A call that runs past the deadline is
    not cut short here: give it a timeout of its own.
    """

    async def attempt() -> T:
        # Not `call` itself: the library awaits only what it recognises as a coroutine function.
        return await call()

    def wait(state: tenacity.RetryCallState) -> float:
        backoff: float = min(MAX_WAIT_S, INITIAL_WAIT_S * 2.0 ** (state.attempt_number - 1))
        backoff *= 1 - random_fraction() / 4
        error = state.outcome.exception() if state.outcome else None
        wish = error.retry_after_s if isinstance(error, RateLimited) else None
        return max(backoff, wish or 0.0)

    retrying = tenacity.AsyncRetrying(
        sleep=sleep,
        wait=wait,
        stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(deadline_s),
        retry=tenacity.retry_if_exception(lambda e: isinstance(e, ProviderError) and e.retryable),
        reraise=True,
    )
    return await retrying(attempt)
