"""What all adapters share: pacing, time limits, measurement, and one way from a failure to the project's error.

A vendor's adapter says how its API is spoken; when a call may be sent, how long it may take, what it is measured
by and what its failure means is said here, once.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar

import httpx2

from modelscout.core.errors import MalformedAnswer, ProviderError, RateLimited
from modelscout.core.secrets import ProviderCredential
from modelscout.core.types import TokenUsage
from modelscout.providers import wire
from modelscout.providers.batch import Batches
from modelscout.providers.errors import (
    VendorFailure,
    failure_inside,
    malformed,
    provider_error,
    unavailable,
)
from modelscout.providers.limits import KeyLimits, limits_of
from modelscout.providers.protocol import (
    FinishReason,
    GenerateRequest,
    GenerateResult,
    ListedModel,
    StreamEvent,
    TextDelta,
    ToolCall,
)

T = TypeVar("T")

_CHARACTERS_PER_TOKEN = 4
_IMAGE_TOKENS = 1_000
"""For the pacing only, which the vendor's own figures correct."""
_UNKNOWN_FORM = (AttributeError, IndexError, KeyError, TypeError)
"""What reading an answer raises where the answer does not look as it should."""
_TRANSPORT_ERRORS: tuple[type[BaseException], ...] = (httpx2.HTTPError, httpx2.StreamError, TimeoutError)
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""No connection: the vendor got nothing."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A finished answer as the vendor sent it."""

    body: Mapping[str, Any]
    request_id: str | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RawStream:
    """A stream that is open: its events as plain values."""

    events: AsyncIterator[Mapping[str, Any]]
    request_id: str | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor's adapter reads out of a finished answer."""

    text: str
    finish_reason: FinishReason
    usage: TokenUsage
    served_model: str | None
    request_id: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    confidence: float | None = None


@dataclass(slots=True)
class _Turn:
    """One call between its reservation and its end."""

    used_tokens: int | None = None

    def ended(self, result: GenerateResult) -> GenerateResult:
        """Note what the call took of a limit on tokens."""
        self.used_tokens = result.usage.input_tokens + result.usage.output_tokens
        return result


class StreamReader(Protocol):
    """Puts an answer together from the events of a stream."""

    has_output: bool
    """Whether a token has arrived, of the text or of a tool call."""
    complete: bool
    """Whether the vendor has said that the answer is whole."""

    @property
    def body(self) -> Mapping[str, Any]:
        """The answer so far, in the form of a finished one."""
        ...

    def add(self, event: Mapping[str, Any]) -> str | None:
        """Take in one event; returns the text that it adds. Raises VendorRefused for an error among the events."""
        ...


class VendorRefused(Exception):  # noqa: N818 - named after what happened, like the project's errors
    """An answer that arrived says that the call failed. Becomes a ProviderError before anybody sees it."""

    def __init__(self, failure: VendorFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Adapter(ABC):
    """One provider for one key; implements `ProviderAdapter` on the vendor's hooks below."""

    provider: ClassVar[str]
    sdk_errors: ClassVar[tuple[type[BaseException], ...]] = ()
    """What the vendor's SDK raises; network errors, timeouts and ValueError are always taken."""
    rate_headers: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Headers that state each field of RateLimitState."""
    limits_are_per_model: ClassVar[bool] = True
    """Whether the vendor counts the calls of each model apart."""

    def __init__(self, credential: ProviderCredential) -> None:
        """Remembers the key for taking it out of messages."""
        self._credential = credential
        self._taken: tuple[type[BaseException], ...] = (*self.sdk_errors, *_TRANSPORT_ERRORS, ValueError)

    @abstractmethod
    async def _list(self) -> list[ListedModel]:
        """All models of the key, over all pages."""

    @abstractmethod
    async def _get(self, model_id: str) -> ListedModel:
        """One model, in one request."""

    @abstractmethod
    async def _send(self, request: GenerateRequest) -> RawAnswer:
        """Send one request and wait for the whole answer."""

    @abstractmethod
    def _open(self, request: GenerateRequest) -> AbstractAsyncContextManager[RawStream]:
        """Send one request and open its stream."""

    @abstractmethod
    def _reader(self) -> StreamReader:
        """A reader for one stream."""

    @abstractmethod
    def _parse(self, raw: RawAnswer) -> Answer:
        """Read a finished answer. Raises MalformedAnswer or VendorRefused; KeyError and its kin become the first."""

    def _failure(self, error: BaseException) -> VendorFailure | None:  # noqa: ARG002
        """What an error of the SDK says about the call; None where no answer arrived or none can be read."""
        return None

    @property
    def batches(self) -> Batches | None:
        """The vendor's batch API with this key; None where it has none."""
        return None

    @property
    def credential(self) -> ProviderCredential:
        """The key that calls are made with."""
        return self._credential

    def limits(self, model: str) -> KeyLimits:
        """What is known of the key's limits for `model`; the empty name stands for lists."""
        return limits_of(self._credential, model if self.limits_are_per_model else "")

    async def list_models(self) -> list[ListedModel]:
        """All models that the key can see. Raises ProviderError."""
        return await self.ask(self._list)

    async def get_model(self, model_id: str) -> ListedModel:
        """One model, asked for now in one request. Raises ProviderError, ModelNotFound among them."""
        return await self.ask(lambda: self._get(model_id))

    async def generate(self, request: GenerateRequest) -> GenerateResult:
        """One call. Raises ProviderError."""
        async with self._turn(request.model, _tokens(request), request.longest_wait_s) as turn:
            watch = wire.Stopwatch()
            with self.translated():
                async with asyncio.timeout(request.timeout_s):
                    raw = await self._send(request)
                return turn.ended(self._result(request, raw, watch))

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamEvent]:
        """One streamed call; the last event is the GenerateResult. Raises ProviderError."""
        async with self._turn(request.model, _tokens(request), request.longest_wait_s) as turn:
            watch = wire.Stopwatch()
            with self.translated():
                async with self._opened(request) as raw:
                    reader = self._reader()
                    remaining = request.timeout_s - watch.elapsed_ms() / 1000
                    async for event in wire.within(raw.events, remaining):
                        piece = self._add(reader, event, raw)
                        if reader.has_output:
                            watch.mark_token()
                        if piece:
                            yield TextDelta(piece)
                if not reader.complete:
                    raise malformed(
                        self._credential, "the stream ended before the answer did", request_id=raw.request_id
                    )
                answer = RawAnswer(reader.body, raw.request_id, raw.headers)
                yield turn.ended(self._result(request, answer, watch))

    async def ask(self, question: Callable[[], Awaitable[T]], *, timeout_s: float = wire.LIST_TIMEOUT_S) -> T:
        """The answer to whatever asks for no model's answer, such as a list. Raises ProviderError."""
        async with self._turn("", 0, timeout_s):
            with self.translated():
                async with asyncio.timeout(timeout_s):
                    try:
                        return await question()
                    except _UNKNOWN_FORM as error:
                        raise self._unknown_form(error, None) from None

    @asynccontextmanager
    async def _opened(self, request: GenerateRequest) -> AsyncIterator[RawStream]:
        """The stream, opened within the time of the call."""
        opening = self._open(request)
        async with asyncio.timeout(request.timeout_s):
            raw = await opening.__aenter__()
        try:
            yield raw
        finally:
            # The stream is ours to close, whatever ended it: nothing of it is an error of its own.
            await opening.__aexit__(None, None, None)

    @asynccontextmanager
    async def _turn(self, model: str, tokens: int, patience_s: float) -> AsyncIterator[_Turn]:
        """Wait until the key's limits leave room, and tell them how the call ended."""
        limits, turn = self.limits(model), _Turn()
        put_off = limits.postponed_s()
        wait = limits.reserve(tokens, patience_s=patience_s, provider=self.provider)
        try:
            while wait > 0:
                await asyncio.sleep(wait)
                # What became known meanwhile: a later turn, or a refusal of somebody else.
                patience_s -= wait
                known = limits.postponed_s()
                longer = max(known - put_off, limits.blocked_s())
                wait, put_off = min(longer, patience_s), known
            yield turn
        except RateLimited as error:
            limits.throttled(error.retry_after_s)
            raise
        finally:
            limits.release(tokens, turn.used_tokens)

    def _add(self, reader: StreamReader, event: Mapping[str, Any], raw: RawStream) -> str | None:
        try:
            return reader.add(event)
        except VendorRefused as refused:
            known = refused.failure.request_id or raw.request_id
            raise VendorRefused(replace(refused.failure, request_id=known)) from None
        except _UNKNOWN_FORM as error:
            raise self._unknown_form(error, raw.request_id) from None

    def _result(self, request: GenerateRequest, raw: RawAnswer, watch: wire.Stopwatch) -> GenerateResult:
        duration_ms = watch.elapsed_ms()
        answer = self.read(raw)
        rate_limit = wire.rate_limit(raw.headers or {}, self.rate_headers)
        self.limits(request.model).learn(rate_limit, _tokens(request))
        return GenerateResult(
            text=answer.text,
            finish_reason=answer.finish_reason,
            usage=replace(answer.usage, image_count=len(request.images)),
            requested_model=request.model,
            served_model=answer.served_model or request.model,
            request_id=answer.request_id,
            duration_ms=duration_ms,
            time_to_first_token_ms=watch.first_token_ms,
            tool_calls=answer.tool_calls,
            rate_limit=rate_limit,
            confidence=answer.confidence,
        )

    def read(self, raw: RawAnswer) -> Answer:
        """What a finished answer says. Raises ProviderError, and VendorRefused for `translated`."""
        failure = failure_inside(raw.body, raw.request_id)
        if failure is not None:
            raise provider_error(self._credential, failure)
        try:
            return self._parse(raw)
        except _UNKNOWN_FORM as error:
            raise self._unknown_form(error, raw.request_id) from None

    def _unknown_form(self, error: BaseException, request_id: str | None) -> MalformedAnswer:
        text = f"the answer has an unknown form: {error!r}"
        return malformed(self._credential, text, request_id=request_id)

    @contextmanager
    def translated(self) -> Generator[None]:
        """Turn what the SDK and the network raise into the project's errors.

        The vendor's exception is not chained: its text, request and headers may hold the key.
        """
        try:
            yield
        except ProviderError:
            raise
        except VendorRefused as refusal:
            failed = provider_error(self._credential, refusal.failure)
            raise failed from None
        except self._taken as error:
            translated = self._error(error)
            raise translated from None

    def _error(self, error: BaseException) -> ProviderError:
        try:
            failure = self._failure(error)
        except (*_UNKNOWN_FORM, ValueError):
            failure = None
        if failure is not None:
            return provider_error(self._credential, failure)
        if isinstance(error, _TRANSPORT_ERRORS) or isinstance(error.__cause__, _TRANSPORT_ERRORS):
            sent = not isinstance(error.__cause__ or error, _NEVER_SENT)
            return unavailable(self._credential, error, sent=sent)
        text = f"the answer cannot be read: {type(error).__name__}: {error}"
        return malformed(self._credential, text)


def _tokens(request: GenerateRequest) -> int:
    """About what a request takes of a limit on tokens; corrected by what the vendor then states."""
    characters = len(request.prompt) + len(request.system or "")
    return characters // _CHARACTERS_PER_TOKEN + _IMAGE_TOKENS * len(request.images)
