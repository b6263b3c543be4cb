"""The adaptive service for threads: the same, in an event loop of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from modelscout.core.forking import begins_anew_in_a_child
from modelscout.selection.adapter_pool import KeyResolver
from modelscout.selection.adaptive import AdaptiveOptions, AsyncAdaptiveService
from modelscout.selection.request import AdaptiveRequest, Result
from modelscout.selection.selector import ModelSelector

T = TypeVar("T")


class AdaptiveService:
    """Processes requests for any number of threads. Make one per process, and close it at the end.

    A service that was used before a fork begins anew in the child.
    """

    def __init__(
        self, selector: ModelSelector, keys: KeyResolver, options: AdaptiveOptions | None = None
    ) -> None:
        self._given = (selector, keys, options)
        self._lock = threading.Lock()
        self._process_id = 0
        self._closed = False
        self._loop: asyncio.AbstractEventLoop
        self._service: AsyncAdaptiveService
        self._thread: threading.Thread
        self._parents: list[object] = []
        begins_anew_in_a_child(self)

    def after_fork(self) -> None:
        """In a forked child: the loop and its thread are the parent's, and somebody may hold the lock."""
        self._lock = threading.Lock()
        if self._process_id:
            self._parents.append((self._loop, self._service))
        self._process_id = 0

    def process(self, request: AdaptiveRequest) -> Result:
        """As `AsyncAdaptiveService.process`; waits for the answer."""
        return self._run(self._begun().process(request))

    def close(self) -> None:
        """Close the adapters and end the thread; requests that are under way fail."""
        with self._lock:
            self._closed = True
            if self._process_id != os.getpid():
                return
            self._process_id = 0
        self._run(self._service.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _begun(self) -> AsyncAdaptiveService:
        """The service of this process, with its thread running."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the service is closed: make another one")
            if self._process_id != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="modelscout adaptive", daemon=True
                )
                self._thread.start()
                self._service = self._run(_made(*self._given))
                self._process_id = os.getpid()
            return self._service

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return waiting.result()
        except BaseException:
            # The caller was interrupted: nobody waits for the answer any more.
            waiting.cancel()
            raise


async def _made(
    selector: ModelSelector, keys: KeyResolver, options: AdaptiveOptions | None
) -> AsyncAdaptiveService:
    """Made inside the loop that it belongs to."""
    return AsyncAdaptiveService(selector, keys, options)
