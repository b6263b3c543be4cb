"""The retry policy, on a clock of its own: no test waits."""

from __future__ import annotations

import pytest

from modelscout.core.errors import (
    AuthenticationFailed,
    BadRequest,
    MalformedAnswer,
    ModelNotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from modelscout.providers.policy import call_with_retries


class Script:
    """A call that plays a list of failures and then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0
        self.waits: list[float] = []

    async def __call__(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(self, attempts: int = 3, deadline_s: float = 60.0) -> str:
        return await call_with_retries(
            self, attempts=attempts, deadline_s=deadline_s, sleep=self.sleep, random_fraction=lambda: 0.0
        )


def unavailable() -> ProviderUnavailable:
    return ProviderUnavailable("down", provider="openai")


def limited(wait: float | None) -> RateLimited:
    return RateLimited("slow", provider="openai", retry_after_s=wait)


async def test_any_callable_that_gives_an_awaitable_will_do() -> None:
    script = Script(unavailable())
    assert await call_with_retries(lambda: script(), deadline_s=60, sleep=script.sleep) == "done"
    assert script.calls == 2


async def test_success_needs_no_wait() -> None:
    script = Script()
    assert await script.run() == "done"
    assert (script.calls, script.waits) == (1, [])


async def test_retryable_errors_back_off_and_then_succeed() -> None:
    script = Script(unavailable(), MalformedAnswer("cut", provider="openai"))
    assert await script.run() == "done"
    assert (script.calls, script.waits) == (3, [0.5, 1.0])


async def test_wait_stops_growing_at_eight_seconds() -> None:
    script = Script(*[unavailable() for _ in range(7)])
    assert await script.run(attempts=8, deadline_s=600) == "done"
    assert script.waits == [0.5, 1, 2, 4, 8, 8, 8]


async def test_last_error_is_raised_as_it_is() -> None:
    last = unavailable()
    script = Script(unavailable(), unavailable(), last)
    with pytest.raises(ProviderUnavailable) as caught:
        await script.run()
    assert caught.value is last
    assert script.calls == 3


@pytest.mark.parametrize(
    "kind", [AuthenticationFailed, BadRequest, ModelNotFound, PermissionDenied, QuotaExhausted]
)
async def test_other_errors_are_never_retried(kind: type[ProviderError]) -> None:
    script = Script(kind("no", provider="openai"))
    with pytest.raises(kind):
        await script.run()
    assert (script.calls, script.waits) == (1, [])


async def test_foreign_exceptions_pass() -> None:
    script = Script(KeyError("bug"))
    with pytest.raises(KeyError):
        await script.run()
    assert script.calls == 1


async def test_vendors_wait_is_honoured_where_it_is_longer() -> None:
    script = Script(limited(7.0), limited(0.1), limited(None))
    assert await script.run(attempts=4) == "done"
    assert script.waits == [7.0, 1.0, 2.0]


async def test_wait_past_the_deadline_raises_at_once() -> None:
    script = Script(limited(300.0))
    with pytest.raises(RateLimited):
        await script.run(deadline_s=60)
    assert (script.calls, script.waits) == (1, [])


@pytest.mark.parametrize(("fraction", "wait"), [(0.0, 0.5), (0.999, 0.375125)])
async def test_jitter_takes_off_up_to_a_quarter(fraction: float, wait: float) -> None:
    script = Script(unavailable())
    await call_with_retries(script, deadline_s=60, sleep=script.sleep, random_fraction=lambda: fraction)
    assert script.waits == [pytest.approx(wait)]
