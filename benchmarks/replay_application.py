"""An application without Modelscout: one fixed model per feature, called through the vendor's SDK as it comes.

OpenAI's and Anthropic's SDKs retry twice by themselves (408, 409, 429, 5xx, time-outs); Google's does not unless it is
told to; Clarifai is called over plain HTTP, which retries nothing. Nobody else is asked where a call fails.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import anthropic
import openai

from modelscout.core.errors import ProviderError, ProviderUnavailable
from modelscout.core.secrets import ProviderCredential
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage
from modelscout.demo.replay import PATIENCE_S, Outcome, failure_kind, images_of
from modelscout.demo.samples import DemoSample
from modelscout.providers import clarifai, google
from modelscout.providers.adapter import Adapter
from modelscout.providers.anthropic import REGIONS as ANTHROPIC_REGIONS
from modelscout.providers.anthropic import AnthropicAdapter
from modelscout.providers.openai import REGIONS as OPENAI_REGIONS
from modelscout.providers.openai import OpenAIAdapter
from modelscout.providers.protocol import FinishReason, GenerateRequest
from modelscout.selection.request import DEFAULT_OUTPUT_TOKENS

CALLS_OF_A_REQUEST = 3
"""The first and the SDK's two retries: each may take a third of the patience, so that all fit into it."""
Keys = Callable[[str, str], ProviderCredential]
"""(organization, provider) to its key."""
Prices = Callable[[str, str, str], Sequence[PriceRow]]
"""(organization, provider, model) to its price rows."""


class Application:
    """Answers items with the model in use."""

    def __init__(self, keys: Keys, prices: Prices, at: datetime, *, patience_s: float = PATIENCE_S) -> None:
        self._keys, self._prices, self._at, self._patience_s = keys, prices, at, patience_s
        self._open: dict[tuple[str, str], Adapter] = {}
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def __aenter__(self) -> Application:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def answer(self, sample: DemoSample) -> Outcome:
        model = sample.assignment.incumbent
        adapter = await self._adapter(sample.assignment.organization, str(model.provider))
        request = GenerateRequest(
            model=model.model,
            prompt=sample.case.prompt,
            images=images_of(sample),
            json_schema=sample.case.json_schema,
            max_output_tokens=DEFAULT_OUTPUT_TOKENS,
            timeout_s=self._patience_s / CALLS_OF_A_REQUEST,
        )
        began = time.perf_counter()
        try:
            with adapter.translated():
                async with asyncio.timeout(self._patience_s):
                    # Past `generate`, which paces calls and cuts them: the SDK alone decides here.
                    raw = await adapter._send(request)
                answer = adapter.read(raw)
        except ProviderError as error:
            # No status: no answer came. The emulator refuses no connection.
            hung = isinstance(error, ProviderUnavailable) and error.status is None
            kind = "timed out" if hung else failure_kind(error.error_type)
            return Outcome(None, kind, None, (time.perf_counter() - began) * 1000, Decimal(0))
        latency_ms = (time.perf_counter() - began) * 1000
        usage = replace(answer.usage, image_count=len(request.images))
        rows = self._prices(sample.assignment.organization, str(model.provider), model.model)
        cost = price_usage(usage, rows, at=self._at).cost_usd
        refused = answer.finish_reason is FinishReason.REFUSAL
        return Outcome(
            None if refused else answer.text, "refused" if refused else None, model.key, latency_ms, cost
        )

    async def _adapter(self, organization: str, provider: str) -> Adapter:
        name = (organization, provider)
        async with self._opening:
            if name not in self._open:
                context = _opened(self._keys(organization, provider))
                self._open[name] = await self._stack.enter_async_context(context)
        return self._open[name]


@asynccontextmanager
async def _opened(credential: ProviderCredential) -> AsyncIterator[Adapter]:
    """The vendor's own client with its own settings, read by the project's adapter."""
    if credential.provider == "openai":
        async with openai.AsyncOpenAI(
            api_key=credential.api_key, base_url=credential.endpoint(OPENAI_REGIONS)
        ) as client:
            yield OpenAIAdapter(credential, client)
    elif credential.provider == "anthropic":
        async with anthropic.AsyncAnthropic(
            api_key=credential.api_key, base_url=credential.endpoint(ANTHROPIC_REGIONS)
        ) as client:
            yield AnthropicAdapter(credential, client)
    else:
        # Neither retries, as google-genai does where nobody asks for it.
        module = google if credential.provider == "google" else clarifai
        async with module.open_adapter(credential, concurrency=256) as adapter:
            yield adapter
