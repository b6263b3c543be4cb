"""Which providers there are, and how the adapter of one is opened.

A further provider is a module with `open_adapter`, named by an entry point of the group `modelscout.providers`;
see docs/extend-provider.md. The vendor's SDK loads on the first call, not before.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import urlsplit

from modelscout.core.errors import ConfigurationError, ProviderError
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import GenerateRequest, ProviderAdapter

if TYPE_CHECKING:
    import httpx2

ENTRY_POINT_GROUP = "modelscout.providers"
BUILT_IN = {
    "openai": "modelscout.providers.openai",
    "anthropic": "modelscout.providers.anthropic",
    "google": "modelscout.providers.google",
    "clarifai": "modelscout.providers.clarifai",
    "openai_compatible": "modelscout.providers.openai_compatible",
}
"""Module of each provider's adapter."""

_WARM: set[str] = set()


class Opener(Protocol):
    """`open_adapter` of a provider's module."""

    def __call__(
        self,
        credential: ProviderCredential,
        *,
        concurrency: int = 32,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> AbstractAsyncContextManager[ProviderAdapter]:
        """An adapter, closed on exit; `transport` replaces the network."""
        ...


@functools.cache
def provider_modules() -> dict[str, str]:
    """Module of the adapter by provider: our own, then those of installed packages, which may not replace ours.

    Reads package metadata only; loads no adapter.
    """
    found = {entry.name: entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)}
    return BUILT_IN | {name: found[name] for name in sorted(found) if name not in BUILT_IN}


@asynccontextmanager
async def open_adapter(
    credential: ProviderCredential, *, concurrency: int = 32
) -> AsyncIterator[ProviderAdapter]:
    """An adapter bound to the running event loop, closed on exit.

    `concurrency` is the number of connections it may hold. Raises ConfigurationError for a provider without
    an adapter, an empty key, a region without an endpoint or a `concurrency` below 1.
    """
    modules = provider_modules()
    if credential.provider not in modules:
        known = ", ".join(sorted(modules))
        raise ConfigurationError(f"provider={credential.provider!r} has no adapter: use one of {known}")
    if not credential.api_key.strip():
        raise ConfigurationError(f"the key of provider {credential.provider} is empty: set it")
    _check(credential)
    if concurrency < 1:
        raise ConfigurationError(f"concurrency={concurrency} must be at least 1")
    module = importlib.import_module(modules[credential.provider])
    opener = cast("Opener", module.open_adapter)
    await _warm_up(opener, credential)
    async with opener(credential, concurrency=concurrency) as adapter:
        yield adapter


def _check(credential: ProviderCredential) -> None:
    """Raises ConfigurationError for a key or an endpoint that no request could be made with."""
    key = credential.api_key.strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            f"the key of provider {credential.provider} holds a character that no key has: paste it anew"
        )
    if credential.base_url is None:
        return
    try:
        parts = urlsplit(credential.base_url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"the host of provider {credential.provider} is no address: write it as https://host/path"
        )


async def _warm_up(opener: Opener, credential: ProviderCredential) -> None:
    """Let the SDK build its request types on a call that reaches no network.

    That takes up to 0.2 s in a process, which would else count as the first model's latency.
    """
    import httpx2

    if credential.provider in _WARM:
        return
    _WARM.add(credential.provider)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(400, json={}))
    stand_in = replace(credential, api_key="warm-up")
    async with opener(stand_in, transport=transport) as adapter:
        request = GenerateRequest(model="warm-up", prompt="warm-up", json_schema={"type": "object"})
        with suppress(ProviderError):
            await adapter.generate(request)
        with suppress(ProviderError):
            async for _ in adapter.stream(request):
                break
