"""A temperature reaches the models that take one, through the vendors' own SDKs, and no other."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from modelscout.core.errors import ProviderError
from modelscout.core.secrets import ProviderCredential
from modelscout.providers import anthropic, clarifai, google, openai, openai_compatible
from modelscout.providers.protocol import GenerateRequest

OPENERS = {
    "openai": openai.open_adapter,
    "anthropic": anthropic.open_adapter,
    "google": google.open_adapter,
    "clarifai": clarifai.open_adapter,
    "openai_compatible": openai_compatible.open_adapter,
}
TAKE = [
    ("openai", "gpt-4o"), ("openai", "gpt-4.1-mini"), ("openai", "ft:gpt-4o-mini:acme::1"),
    ("google", "gemini-2.5-flash-lite"), ("google", "gemini-3.1-pro-preview"), ("google", "gemini-3.5-flash"),
    ("openai_compatible", "llama-3.1-8b"),
]  # fmt: skip
REFUSE = [
    ("openai", "gpt-6-luna"), ("openai", "gpt-5.4-nano"), ("openai", "o3"), ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-3.8-flash"), ("google", "gemini-3.5-flash-lite"), ("google", "gemini-4-argon"),
    ("clarifai", "openai/chat-completion/models/gpt-4o"), ("openai_compatible", "openai/gpt-6-luna"),
]  # fmt: skip


async def sent(provider: str, model: str, *, stream: bool) -> dict[str, Any]:
    """The body of one call with a temperature and a top_p, as it left."""
    bodies: list[dict[str, Any]] = []

    def record(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        return httpx2.Response(400, json={})

    credential = ProviderCredential(provider, "k", "http://127.0.0.1:9")
    request = GenerateRequest(model=model, prompt="p", temperature=0.25, top_p=0.5)
    async with OPENERS[provider](credential, transport=httpx2.MockTransport(record)) as adapter:
        with suppress(ProviderError):
            if stream:
                async for _ in adapter.stream(request):
                    pass
            else:
                await adapter.generate(request)
    [body] = bodies
    return body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("provider", "model"), TAKE)
async def test_who_takes_it_gets_it(provider: str, model: str, stream: bool) -> None:
    body = await sent(provider, model, stream=stream)
    found = body["generationConfig"] if provider == "google" else body
    assert (found["temperature"], found.get("top_p", found.get("topP"))) == (0.25, 0.5)


@pytest.mark.parametrize(("provider", "model"), REFUSE)
async def test_who_refuses_it_is_not_asked_with_it(provider: str, model: str) -> None:
    text = json.dumps(await sent(provider, model, stream=False))
    assert not any(word in text for word in ("temperature", "top_p", "topP"))
