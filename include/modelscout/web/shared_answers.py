"""Answers that several viewers share for some seconds: many look at the same hour, the warehouse reads it once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedAnswers(Generic[T]):
    """Keeps answers by their key for `kept_s` seconds, the latest `most` of them.

    Whoever asks has been checked before: a key names everything that the answer depends on.
    """

    def __init__(self, *, kept_s: float, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._kept_s, self._most, self._clock = kept_s, most, clock
        self._found: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def get(self, key: str, find: Callable[[], T]) -> T:
        """The kept answer, else what `find` gives; who asks meanwhile waits for the same one."""
        with self._lock:
            asking = self._locks.setdefault(key, Lock())
        with asking:
            kept = self._found.get(key)
            if kept is not None and self._clock() - kept[0] < self._kept_s:
                return kept[1]
            answer = find()
            with self._lock:
                self._found[key] = (self._clock(), answer)
                self._found.move_to_end(key)
                while len(self._found) > self._most:
                    oldest, _ = self._found.popitem(last=False)
                    self._locks.pop(oldest, None)
            return answer
