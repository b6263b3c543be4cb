"""Batches of calls, whoever's API they came through: handed in, worked on over time, expired or canceled.

Nothing runs in the background: whoever asks for a batch finds it as far as it is by then.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from starlette.responses import Response

from modelscout.emulator.engine import Emulator, Refusal
from modelscout.emulator.serving import (
    Dialect,
    broken,
    json_response,
    play_delay,
    raise_fault,
    read_ask,
    refuse,
)
from modelscout.emulator.state import Fault, KeyState, new_id

OutcomeKind = Literal["succeeded", "errored", "expired", "canceled"]


class Entry(NamedTuple):
    """One item as it was handed in."""

    item_id: str
    body: Mapping[str, Any]
    """In the form of a live request."""


class Outcome(NamedTuple):
    """What became of one item. `body` is the answer, or the error, in the vendor's form."""

    item_id: str
    kind: OutcomeKind
    body: Mapping[str, Any]
    refusal: Refusal | None = None


@dataclass(slots=True)
class Batch:
    """One batch; `outcomes` is None until it has ended."""

    batch_id: str
    dialect: Dialect
    key: str
    organization: str
    entries: Sequence[Entry]
    created_at: datetime
    duration_s: float
    expires_s: float
    name: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    """What the vendor's module keeps beside it, such as ids of files."""
    began: float = field(default_factory=time.monotonic)
    canceled_s: float | None = None
    """Seconds after the beginning."""
    outcomes: list[Outcome] | None = None

    @property
    def end_s(self) -> float:
        """Seconds after the beginning at which it ends, as things stand."""
        return min(
            self.duration_s, self.expires_s, self.duration_s if self.canceled_s is None else self.canceled_s
        )

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, in the vendor's time."""
        return None if self.outcomes is None else self.created_at + timedelta(seconds=self.end_s)

    @property
    def expires_at(self) -> datetime:
        """When the rest of it expires."""
        return self.created_at + timedelta(seconds=self.expires_s)

    @property
    def unanswered_as(self) -> OutcomeKind:
        """What becomes of items that were not answered by the end."""
        return "expired" if self.canceled_s is None or self.expires_s < self.canceled_s else "canceled"

    def count(self, *kinds: OutcomeKind) -> int:
        """Number of items that ended so."""
        return sum(outcome.kind in kinds for outcome in self.outcomes or ())


class BatchStore:
    """All batches of all vendors, in the order in which they were handed in."""

    def __init__(self, emulator: Emulator) -> None:
        """Starts empty; items are answered by `emulator`."""
        self.emulator = emulator
        self._batches: dict[str, Batch] = {}

    def __len__(self) -> int:
        """How many were ever handed in and not deleted."""
        return len(self._batches)

    def add(
        self,
        dialect: Dialect,
        key: str,
        state: KeyState,
        entries: Sequence[Entry],
        *,
        batch_id: str,
        name: str | None = None,
    ) -> Batch:
        """Take a batch. Raises Refusal for one that is too large."""
        profile = self.emulator.profile
        if len(entries) > profile.batch_items:
            text = f"a batch may have {profile.batch_items} requests, this one has {len(entries)}"
            raise Refusal(413, text, code="too_many_requests_in_batch", key_state=state)
        batch = Batch(
            batch_id=batch_id,
            dialect=dialect,
            key=key,
            organization=state.profile.organization,
            entries=entries,
            created_at=profile.current_time().astimezone(UTC),
            duration_s=profile.batch_ms / 1000,
            expires_s=profile.batch_expires_ms / 1000,
            name=name,
        )
        self._batches[batch_id] = batch
        return batch

    def get(self, provider: str, state: KeyState, batch_id: str) -> Batch:
        """An organization's batch as it is now. Raises Refusal 404."""
        found = self._batches.get(batch_id)
        if found is None or (found.dialect.provider, found.organization) != (
            provider,
            state.profile.organization,
        ):
            raise Refusal(404, batch_id, key_state=state)
        return self._advanced(found)

    def listed(self, provider: str, state: KeyState) -> list[Batch]:
        """An organization's batches as they are now, newest first."""
        own = (provider, state.profile.organization)
        return [
            self._advanced(batch)
            for batch in reversed(self._batches.values())
            if (batch.dialect.provider, batch.organization) == own
        ]

    def cancel(self, batch: Batch) -> Batch:
        """End a batch now, unless it has ended."""
        if batch.outcomes is None and batch.canceled_s is None:
            batch.canceled_s = time.monotonic() - batch.began
        return self._advanced(batch)

    def delete(self, batch: Batch) -> None:
        """Forget a batch."""
        self._batches.pop(batch.batch_id, None)

    def advance(self) -> None:
        """Bring every batch up to now."""
        for batch in self._batches.values():
            self._advanced(batch)

    def _advanced(self, batch: Batch) -> Batch:
        if batch.outcomes is None and time.monotonic() - batch.began >= batch.end_s:
            share = 1.0 if batch.duration_s == 0 else batch.end_s / batch.duration_s
            answered = int(share * len(batch.entries) + 1e-9)
            outcomes = [self._outcome(batch, entry) for entry in batch.entries[:answered]]
            rest = [Outcome(entry.item_id, batch.unanswered_as, {}) for entry in batch.entries[answered:]]
            # The order of results promises nothing.
            batch.outcomes = [outcome for outcome in outcomes if outcome is not None][::-1] + rest
        return batch

    def _outcome(self, batch: Batch, entry: Entry) -> Outcome | None:
        """An item's answer; None where a fault lets it go missing."""
        dialect, emulator = batch.dialect, self.emulator
        request_id, model = new_id(dialect.request_id_prefix), ""
        try:
            state = emulator.authenticate(dialect.provider, batch.key)
            ask = read_ask(dialect, entry.body)
            model = ask.model
            fault = emulator.faults.next_for(dialect.provider, model, batch.key, operation="batch_item")
            if fault is not None and fault.kind == "missing":
                return None
            raise_fault(fault, False, dialect.fault_status)
            reply = emulator.answer(batch.key, state, ask, batch=True)
        except Refusal as refusal:
            emulator.journal.count(dialect.provider, model, batch.organization, refusal.status, batch=True)
            return Outcome(entry.item_id, "errored", dialect.error(refusal, request_id), refusal)
        emulator.journal.count(dialect.provider, model, batch.organization, 200, batch=True)
        return Outcome(entry.item_id, "succeeded", dialect.write(ask, reply, request_id))


async def serve_batches(
    store: BatchStore,
    dialect: Dialect,
    key: str,
    act: Callable[[KeyState], Awaitable[Mapping[str, Any] | Response]],
    *,
    hands_in: bool = False,
) -> Response:
    """Whatever is asked about batches; `act` does it. Faults with `operation` "batch" are played where `hands_in`.

    A fault that breaks the answer is played after the batch was taken.
    """
    emulator = store.emulator
    request_id = new_id(dialect.request_id_prefix)
    state: KeyState | None = None
    fault: Fault | None = None
    try:
        state = emulator.authenticate(dialect.provider, key)
        if hands_in:
            fault = emulator.faults.next_for(dialect.provider, "", key, operation="batch")
            await play_delay(fault)
            raise_fault(fault, False, dialect.fault_status)
        done = await act(state)
    except Refusal as refusal:
        return refuse(emulator, dialect, refusal, state, "", request_id)
    emulator.journal.count(dialect.provider, "", state.profile.organization, 200)
    if isinstance(done, Response):
        return done
    return broken(json_response(done, headers=dialect.headers(state, request_id)), fault)


def json_lines(lines: Sequence[Mapping[str, Any]]) -> Response:
    """A file of one JSON object a line."""
    body = b"".join(bytes(json_response(line).body) + b"\n" for line in lines)
    return Response(body, media_type="application/x-jsonl")
