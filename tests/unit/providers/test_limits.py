"""Each key's own limits, on a clock of the test's: no test waits."""

from __future__ import annotations

import asyncio

import pytest
from emulator_support import RunningEmulator
from hypothesis import given
from hypothesis import strategies as st

from modelscout.core.errors import RateLimited
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.limits import FAST_PER_MINUTE, KeyLimits, forget_limits, limits_of
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import GenerateRequest, RateLimitState

LONG = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def reserve(limits: KeyLimits, tokens: int = 0, patience_s: float = LONG) -> float:
    return limits.reserve(tokens, patience_s=patience_s, provider="openai")


def finished(limits: KeyLimits, state: RateLimitState, tokens: int = 0) -> None:
    """One call that was answered with these headers."""
    reserve(limits, tokens)
    limits.learn(state)
    limits.release(tokens)


def test_nothing_is_held_back_before_a_limit_is_known(clock: Clock) -> None:
    limits = KeyLimits(clock)
    assert [reserve(limits, 10**9) for _ in range(100)] == [0.0] * 100
    assert limits.head_room() == 1.0


def test_a_stated_limit_is_kept_and_served_in_order(clock: Clock) -> None:
    limits = KeyLimits(clock)
    finished(limits, RateLimitState(requests_limit=60, requests_remaining=2))
    assert [round(reserve(limits), 6) for _ in range(5)] == [0, 0, 1, 2, 3]
    clock.now += 2
    assert round(reserve(limits), 6) == 2


def test_a_burst_that_is_held_up_puts_waiting_calls_off_by_what_a_full_bucket_did_not_refill(
    clock: Clock,
) -> None:
    limits = KeyLimits(clock)
    finished(limits, RateLimitState(requests_limit=60, requests_remaining=60))
    assert [round(reserve(limits), 6) for _ in range(62)] == [0.0] * 60 + [1, 2]
    clock.now += 3
    limits.learn(RateLimitState(requests_limit=60, requests_remaining=59))
    assert round(limits.postponed_s(), 6) == 3, "the first call may have arrived just before its answer"
    limits.learn(RateLimitState(requests_limit=60, requests_remaining=58))
    assert round(limits.postponed_s(), 6) == 3, "once for a burst"


def test_a_bucket_with_room_has_refilled_and_puts_nobody_off(clock: Clock) -> None:
    limits = KeyLimits(clock)
    finished(limits, RateLimitState(requests_limit=60, requests_remaining=40))
    reserve(limits)
    clock.now += 3
    limits.learn(RateLimitState(requests_limit=60, requests_remaining=41))
    assert limits.postponed_s() == 0


def test_waiting_calls_see_how_long_a_refusal_blocks(clock: Clock) -> None:
    limits = KeyLimits(clock)
    reserve(limits)
    limits.throttled(5)
    clock.now += 2
    assert limits.blocked_s() == 3


def test_tokens_are_limited_like_requests(clock: Clock) -> None:
    limits = KeyLimits(clock)
    finished(limits, RateLimitState(tokens_limit=6000, tokens_remaining=500), tokens=100)
    # 100 tokens a second refill; what was in flight when the vendor counted is not taken twice.
    assert round(reserve(limits, 400), 6) == 0
    assert round(reserve(limits, 100), 6) == 1
    assert round(reserve(limits, 10**9), 6) == 61, "more than a minute's worth waits for a whole minute's"


def test_a_wait_beyond_the_callers_patience_reserves_nothing(clock: Clock) -> None:
    limits = KeyLimits(clock)
    finished(limits, RateLimitState(requests_limit=60, requests_remaining=0))
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            reserve(limits, patience_s=0.5)
        assert caught.value.retry_after_s == pytest.approx(1.0)
    assert reserve(limits) == pytest.approx(1.0)


def test_calls_in_flight_count_until_they_end(clock: Clock) -> None:
    limits = KeyLimits(clock)
    for _ in range(4):
        reserve(limits)
    # The vendor has seen one of the four.
    limits.learn(RateLimitState(requests_limit=60, requests_remaining=3))
    assert reserve(limits) == pytest.approx(1.0)


def test_a_refusal_stops_the_key_for_as_long_as_the_vendor_says(clock: Clock) -> None:
    limits = KeyLimits(clock)
    limits.throttled(17.0)
    assert limits.head_room() == 0.0
    assert reserve(limits) == pytest.approx(17.0)
    limits.throttled(5.0)
    assert reserve(limits) == pytest.approx(17.0), "a shorter wish does not shorten a longer one"
    clock.now += 17
    assert reserve(limits) == 0.0
    limits.throttled(None)
    assert reserve(limits) == 0.0, "without a wish the retry policy's own wait is all"


def test_a_vendor_without_headers_teaches_its_limit_by_refusing(clock: Clock) -> None:
    limits = KeyLimits(clock)
    for _ in range(200):
        assert reserve(limits) == 0.0
        limits.release(0)
        clock.now += 0.1
    limits.throttled(None)
    waits = [reserve(limits) for _ in range(11)]
    pace = (waits[-1] - waits[0]) / 10
    assert 0.1 < pace < 0.25, "slower than the ten a second that were refused"
    for _ in range(300):
        limits.release(0)
        limits.learn(RateLimitState())
    assert reserve(limits, patience_s=LONG) < LONG
    assert FAST_PER_MINUTE > 0


def test_a_refusal_of_a_slow_caller_is_no_limit_on_the_rate(clock: Clock) -> None:
    limits = KeyLimits(clock)
    reserve(limits)
    limits.throttled(None)
    assert [reserve(limits) for _ in range(50)] == [0.0] * 50


@given(
    limit=st.integers(1, 10_000),
    remaining=st.integers(0, 20_000),
    gaps=st.lists(st.floats(0, 30), min_size=1, max_size=60),
)
def test_never_more_than_the_limit_in_a_minute(limit: int, remaining: int, gaps: list[float]) -> None:
    clock = Clock()
    limits = KeyLimits(clock)
    finished(limits, RateLimitState(requests_limit=limit, requests_remaining=remaining))
    start = clock.now
    sent = []
    for gap in gaps:
        clock.now += gap
        sent.append(clock.now + reserve(limits))
    assert sent == sorted(sent)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            allowed = min(remaining, limit) if first == 0 else limit
            span = sent[last] - (start if first == 0 else sent[first])
            assert last - first + 1 <= allowed + span * limit / 60 + 1 + 1e-6


def test_limits_belong_to_key_and_model_and_keep_no_key() -> None:
    one, other = (
        ProviderCredential("openai", "key-one-0123456789"),
        ProviderCredential("openai", "key-two-0123"),
    )
    assert limits_of(one, "a") is limits_of(ProviderCredential("openai", "key-one-0123456789"), "a")
    assert len({id(limits_of(one, "a")), id(limits_of(one, "b")), id(limits_of(other, "a"))}) == 3
    forget_limits()
    assert limits_of(one, "a").head_room() == 1.0


# By itself, after the tests that share the machine: a burst that is held up meets a bucket that was full meanwhile.
@pytest.mark.end_to_end
@pytest.mark.parametrize(
    "provider",
    [
        "openai",
        pytest.param("anthropic", marks=pytest.mark.verify),
        pytest.param("openai_compatible", marks=pytest.mark.verify),
    ],
)
async def test_the_headers_of_real_answers_pace_the_calls(emulator: RunningEmulator, provider: str) -> None:
    key = f"paced-{provider}-0123456789"
    profile = {"organization": "acme", "provider": provider, "requests_per_minute": 300}
    emulator.control("PUT", "profile", keys={key: profile})
    model = {"openai": "gpt-6-luna", "anthropic": "claude-haiku-5-5", "openai_compatible": "llama-local"}[
        provider
    ]
    async with emulator.adapter(provider, key) as adapter:
        request = GenerateRequest(model, "Hello.", timeout_s=20)
        before = refused(emulator, provider)
        await adapter.generate(request)
        # 299 are left and 5 come back each second.
        calls = (call_with_retries(lambda: adapter.generate(request), deadline_s=20) for _ in range(320))
        await asyncio.gather(*calls)
    # Where our clock and the vendor's differ by a call, it refuses one; without pacing it would refuse twenty.
    assert refused(emulator, provider) - before <= 2


def refused(emulator: RunningEmulator, provider: str) -> int:
    calls = emulator.control("GET", "calls")["calls"]
    return sum(call["count"] for call in calls if (call["provider"], call["status"]) == (provider, 429))


async def test_cancelling_a_stream_gives_its_place_back(emulator: RunningEmulator) -> None:
    emulator.fault(provider="openai", kind="slow_first_token", delay_ms=5000)
    async with emulator.adapter("openai") as adapter:

        async def drain() -> None:
            async for _ in adapter.stream(GenerateRequest("gpt-6-luna", "Count to twelve.")):
                pass

        task = asyncio.create_task(drain())
        await asyncio.sleep(0.3)
        task.cancel()
        began = asyncio.get_running_loop().time()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() - began < 1, "the call ends where it is cancelled"
        limits = limits_of(emulator.credential("openai"), "gpt-6-luna")
        limits.learn(RateLimitState(requests_limit=60, requests_remaining=1))
        assert limits.reserve(0, patience_s=0.0, provider="openai") == 0.0, "nothing is in flight any more"
