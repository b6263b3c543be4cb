"""Processes of their own that tests kill: forked from one that has imported the vendors' SDKs, once for all of them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "modelscout.benchmarks.plan",
        "modelscout.benchmarks.runner",
        "modelscout.emulator.app",
        "modelscout.providers.anthropic",
        "modelscout.providers.google",
        "modelscout.providers.openai",
    ]
)


class Killable:
    """A started process; the methods are those of `subprocess.Popen`."""

    def __init__(self, work: Callable[..., object], *arguments: str) -> None:
        self._process = _SERVER.Process(target=work, args=arguments, daemon=True)
        self._process.start()

    def poll(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def wait(self, timeout: float) -> int | None:
        """Exit code once it has ended; None where it runs on after so many seconds."""
        self._process.join(timeout)
        return self._process.exitcode
