"""A vendor in memory: answers from the answer key, fails on demand, counts what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from modelscout.benchmarks.answer_key import answer_key
from modelscout.core.errors import ProviderError
from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import TokenUsage
from modelscout.providers.protocol import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    ListedModel,
    StreamEvent,
    TextDelta,
    ToolCall,
)


@dataclass
class FakeVendor:
    """Adapter and its opener in one."""

    provider: str = "openai"
    wrong: Callable[[GenerateRequest], bool] = lambda request: False
    fails: Callable[[GenerateRequest], ProviderError | None] = lambda request: None
    usage: TokenUsage = field(default_factory=lambda: TokenUsage(input_tokens=100, output_tokens=20))
    delay_s: float = 0.0
    asked: list[GenerateRequest] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    def __post_init__(self) -> None:
        self._answers = {entry.fingerprint: entry for entry in answer_key()}

    @asynccontextmanager
    async def open(self, credential: ProviderCredential, *, concurrency: int = 32) -> AsyncIterator[Any]:
        yield self

    def by_model(self) -> Counter[str]:
        return Counter(request.model for request in self.asked)

    async def list_models(self) -> list[ListedModel]:
        return []

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        self.asked.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.delay_s)
        finally:
            self.in_flight -= 1
        if (error := self.fails(request)) is not None:
            raise error
        entry = self._answers.get(content_fingerprint(request.prompt, [i.data for i in request.images]))
        text = "ok"
        if entry is not None:
            text = entry.wrong[0] if self.wrong(request) else entry.correct
        calls = ()
        if request.tools and text.startswith("{"):
            calls = (ToolCall(request.tools[0].name, json.loads(text)),)
        return GenerateResult(
            text=text,
            finish_reason=FinishReason.STOP,
            usage=self.usage,
            requested_model=request.model,
            served_model=f"{request.model}-2026-01-01",
            request_id="r",
            duration_ms=120.4,
            tool_calls=calls,
        )

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamEvent]:
        result = await self.generate(request)
        middle = len(result.text) // 2
        yield TextDelta(result.text[:middle])
        yield TextDelta(result.text[middle:])
        yield replace(result, time_to_first_token_ms=40.0)
