"""What has locks, threads or connections begins anew in a forked child (gunicorn with preload, Celery's prefork)."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class BeginsAnew(Protocol):
    """Has something that a forked child must not share with its parent."""

    def after_fork(self) -> None:
        """In the child, before anything else runs: take new locks, forget threads; close nothing of the parent's."""
        ...


def begins_anew_in_a_child(thing: BeginsAnew) -> None:
    """Call `thing.after_fork()` in every child, as long as the thing lives."""
    _THINGS.add(thing)


_THINGS: weakref.WeakSet[BeginsAnew] = weakref.WeakSet()


def _after_fork() -> None:
    for thing in list(_THINGS):
        thing.after_fork()


os.register_at_fork(after_in_child=_after_fork)
