"""Open adapters of one event loop, one for each key, and the keys that an application gives."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from modelscout.core.errors import AuthenticationFailed, ConfigurationError, ProviderUnavailable
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import ProviderAdapter

KeyResolver = Callable[[str, str], ProviderCredential | None]
"""The key of (organization id, provider), such as from a secret store; None where there is none. Runs in a thread."""
AdapterOpener = Callable[..., AbstractAsyncContextManager[ProviderAdapter]]

KEYS_HOLD_S = 300.0
"""A key that was exchanged is noticed after so long, one that is refused at once."""
MOST_KEYS = 10_000
MOST_OPEN = 256
"""Adapters; beyond it the least recently used one that is idle is closed."""


class KeyedAdapter(NamedTuple):
    """An adapter, and the key that it uses."""

    adapter: ProviderAdapter
    credential: ProviderCredential


class _Open:
    """One open adapter."""

    def __init__(self, keyed: KeyedAdapter, context: AbstractAsyncContextManager[ProviderAdapter]) -> None:
        self.keyed = keyed
        self.context = context
        self.in_use = 0


class AdapterPool:
    """Opens adapters on the first call and keeps them. Belongs to one event loop."""

    def __init__(self, keys: KeyResolver, opener: AdapterOpener, *, connections: int) -> None:
        """`connections` is how many calls of one key may be under way."""
        self._keys = keys
        self._opener = opener
        self._connections = connections
        self._resolved: OrderedDict[tuple[str, str], tuple[ProviderCredential, float]] = OrderedDict()
        self._open: OrderedDict[ProviderCredential, _Open] = OrderedDict()
        self._opening = asyncio.Lock()
        self._preparing: dict[tuple[str, str], asyncio.Task[None]] = {}

    def ready(self, organization_id: str, provider: str) -> KeyedAdapter | None:
        """The adapter where it is open and its key fresh, without waiting. Give it back with `release`."""
        found = self._resolved.get((organization_id, provider))
        if found is None or time.monotonic() - found[1] > KEYS_HOLD_S:
            return None
        opened = self._open.get(found[0])
        if opened is None:
            return None
        self._open.move_to_end(found[0])
        opened.in_use += 1
        return opened.keyed

    async def take(self, organization_id: str, provider: str) -> KeyedAdapter:
        """The adapter, opened where it is not. Raises ProviderError where there is no key or none that fits."""
        while (known := self.ready(organization_id, provider)) is None:
            name = (organization_id, provider)
            task = self._preparing.get(name)
            if task is None:
                task = self._preparing[name] = asyncio.create_task(self._prepare(organization_id, provider))
            # Others wait for it too: a caller that goes away must not end it.
            await asyncio.shield(task)
        return known

    def release(self, keyed: KeyedAdapter) -> None:
        """A call with it has ended."""
        opened = self._open.get(keyed.credential)
        if opened is not None:
            opened.in_use -= 1

    def forget_key(self, organization_id: str, provider: str) -> None:
        """Ask for the key anew at the next call: this one was refused."""
        self._resolved.pop((organization_id, provider), None)

    async def close(self) -> None:
        """Close every adapter."""
        while self._open:
            _, opened = self._open.popitem()
            await opened.context.__aexit__(None, None, None)

    async def _prepare(self, organization_id: str, provider: str) -> None:
        try:
            credential = await self._resolve(organization_id, provider)
            async with self._opening:
                if credential not in self._open:
                    await self._open_one(credential)
            self._resolved[organization_id, provider] = (credential, time.monotonic())
            while len(self._resolved) > MOST_KEYS:
                self._resolved.popitem(last=False)
            await self._close_idle()
        finally:
            del self._preparing[organization_id, provider]

    async def _resolve(self, organization_id: str, provider: str) -> ProviderCredential:
        try:
            credential = await asyncio.to_thread(self._keys, organization_id, provider)
        except Exception as error:  # noqa: BLE001 - the application's own function; its text may hold a secret
            away = ProviderUnavailable(
                f"the key of {provider} could not be resolved ({type(error).__name__})", provider=provider
            )
            away.sent = False
            raise away from None
        if credential is None:
            raise _no_key(provider, f"the resolver has no key of {provider} for {organization_id}: add one")
        return credential

    async def _open_one(self, credential: ProviderCredential) -> None:
        context = self._opener(credential, concurrency=self._connections)
        try:
            adapter = await context.__aenter__()
        except ConfigurationError as error:
            raise _no_key(credential.provider, credential.redact(str(error))) from None
        self._open[credential] = _Open(KeyedAdapter(adapter, credential), context)

    async def _close_idle(self) -> None:
        for credential, opened in list(self._open.items())[:-1]:
            if len(self._open) <= MOST_OPEN:
                return
            if not opened.in_use:
                del self._open[credential]
                await opened.context.__aexit__(None, None, None)


def _no_key(provider: str, message: str) -> AuthenticationFailed:
    error = AuthenticationFailed(message, provider=provider)
    error.sent = False
    return error
