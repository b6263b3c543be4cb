"""What the emulator remembers between calls: counts, rate limits, prompt caches and faults."""

from __future__ import annotations

import hashlib
import math
import time
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from modelscout.emulator.profile import KeyProfile

CACHE_MINIMUM_TOKENS = 1024
CACHE_STEP_TOKENS = 128
CHARACTERS_PER_TOKEN = 4
_CACHE_ENTRIES = 200_000
_MOST_STEPS = 512


class Bucket:
    """A token bucket: `per_minute` at most at once, refilled evenly over a minute."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts full."""
        self.limit = per_minute
        self._level = float(per_minute)
        self._clock = clock
        self._at = clock()

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(float(self.limit), self._level + (now - self._at) * self.limit / 60)
        self._at = now

    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` fits, 0 if it fits now; more than the limit counts as the limit."""
        self._refill()
        missing = min(amount, self.limit) - self._level
        return max(0.0, missing * 60 / self.limit)

    def take(self, amount: float) -> None:
        """Take `amount`, also below zero: what an answer really used is known only afterwards."""
        self._refill()
        self._level -= amount

    @property
    def remaining(self) -> int:
        """Whole units that are left."""
        self._refill()
        return max(0, math.floor(self._level))

    @property
    def reset_s(self) -> float:
        """Seconds until the bucket is full again."""
        self._refill()
        return (self.limit - self._level) * 60 / self.limit


class KeyState:
    """The rate limits of one key."""

    def __init__(self, profile: KeyProfile) -> None:
        """Starts with full buckets."""
        self.profile = profile
        self.requests = Bucket(profile.requests_per_minute) if profile.requests_per_minute else None
        self.tokens = Bucket(profile.tokens_per_minute) if profile.tokens_per_minute else None
        self.lists = Bucket(profile.lists_per_minute) if profile.lists_per_minute else None

    def admit_list(self) -> float:
        """Take one list of models; returns the seconds to wait instead where the limit is passed."""
        wait = self.lists.wait_s(1) if self.lists else 0.0
        if self.lists and wait <= 0:
            self.lists.take(1)
        return wait

    def admit(self, input_tokens: int) -> float:
        """Take one request and its input; returns the seconds to wait instead where a limit is passed."""
        waits = [self.requests.wait_s(1) if self.requests else 0.0]
        waits.append(self.tokens.wait_s(input_tokens) if self.tokens else 0.0)
        if max(waits) > 0:
            return max(waits)
        if self.requests:
            self.requests.take(1)
        self.use(input_tokens)
        return 0.0

    def use(self, tokens: int) -> None:
        """Take tokens."""
        if self.tokens:
            self.tokens.take(tokens)


class PromptCache:
    """Which prompt prefixes each key has sent before, in steps of 128 tokens from 1,024 on."""

    def __init__(self) -> None:
        """Starts empty; forgets the oldest of many prefixes."""
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached_tokens(self, owner: str, text: str) -> int:
        """Tokens of the longest known prefix of `text`, which is remembered from now on."""
        steps = self._steps(len(text))
        if not steps:
            return 0
        digest = hashlib.blake2b(f"{owner}\0".encode(), digest_size=16)
        longest = 0
        done = 0
        for tokens in steps:
            end = tokens * CHARACTERS_PER_TOKEN
            digest.update(text[done:end].encode("utf-8", "surrogatepass"))
            done = end
            if self._remember(digest.copy().digest()):
                longest = tokens
        return longest

    @staticmethod
    def _steps(length: int) -> range:
        tokens = min(length // CHARACTERS_PER_TOKEN, CACHE_MINIMUM_TOKENS + _MOST_STEPS * CACHE_STEP_TOKENS)
        return range(CACHE_MINIMUM_TOKENS, tokens + 1, CACHE_STEP_TOKENS)

    def _remember(self, key: bytes) -> bool:
        known = key in self._seen
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > _CACHE_ENTRIES:
            self._seen.popitem(last=False)
        return known


@dataclass(slots=True)
class Fault:
    """A failure to play. `times` counts down; fields that are None match every call of the operation."""

    provider: str
    kind: str
    model: str | None = None
    key: str | None = None
    status: int | None = None
    code: str | None = None
    retry_after_s: float | None = None
    delay_ms: float = 0.0
    times: int = 1
    operation: str = "generate"
    """`generate`, `list` for lists of models, `batch` for handing one in, `batch_item` for an item of one."""
    item: str | None = None
    """`content_fingerprint` of the prompt and its images, for concept models of the images alone."""
    for_s: float | None = None
    """Seconds from when it is set; None: until it was played `times` times."""


class Faults:
    """The failures that are still to be played, in the order in which they were set."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts without any."""
        self._faults: list[tuple[Fault, float]] = []
        self._clock = clock

    def add(self, fault: Fault) -> None:
        """Play `fault` on the next calls that it matches."""
        ends_at = math.inf if fault.for_s is None else self._clock() + fault.for_s
        self._faults.append((fault, ends_at))

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def __len__(self) -> int:
        """Number of faults that are still to be played."""
        return len(self._faults)

    def next_for(
        self, provider: str, model: str, key: str, *, operation: str = "generate", item: str = ""
    ) -> Fault | None:
        """The first matching fault, counted down."""
        now = self._clock()
        self._faults = [entry for entry in self._faults if now < entry[1]]
        for entry in self._faults:
            fault = entry[0]
            matches = (fault.provider, fault.operation) == (provider, operation)
            matches = matches and fault.item in {None, item}
            if matches and fault.model in {None, model} and fault.key in {None, key}:
                fault.times -= 1
                if fault.times < 1:
                    self._faults.remove(entry)
                return fault
        return None


class Journal:
    """Counts of calls."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.calls: Counter[tuple[str, str, str, int]] = Counter()
        self.batch_calls: Counter[tuple[str, str, str, int]] = Counter()
        """Calls that came as items of a batch."""
        self.fingerprints: Counter[tuple[str, str, str]] = Counter()
        self.seconds = 0.0
        """Time that all answers were set to take, together."""

    def count(
        self, provider: str, model: str, organization: str, status: int, *, batch: bool = False
    ) -> None:
        """Count one answered call; `model` is empty for lists and for whatever is done with a whole batch."""
        calls = self.batch_calls if batch else self.calls
        calls[provider, model, organization, status] += 1

    def count_item(self, provider: str, model: str, fingerprint: str) -> None:
        """Count one call of an item."""
        self.fingerprints[provider, model, fingerprint] += 1


def new_id(prefix: str) -> str:
    """A fresh id in the vendor's manner."""
    return prefix + uuid.uuid4().hex
