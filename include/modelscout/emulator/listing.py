"""Lists of models, and one model by its id: what all APIs share about them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import Response

from modelscout.emulator.engine import Emulator, Refusal
from modelscout.emulator.profile import ModelProfile
from modelscout.emulator.serving import Dialect, broken, json_response, play_delay, raise_fault, refuse
from modelscout.emulator.state import KeyState, new_id

Entry = tuple[str, ModelProfile, str]
"""A model's id, its settings and its lifecycle today."""
LISTED = frozenset({"active", "deprecated"})
"""What most vendors list."""


async def serve_models(
    emulator: Emulator,
    dialect: Dialect,
    key: str,
    write: Callable[[list[Entry]], Mapping[str, Any]],
    *,
    model: str | None = None,
    lifecycles: frozenset[str] = LISTED,
    refusal_of: Callable[[Refusal, KeyState | None], Response] | None = None,
) -> Response:
    """The list as `write` puts it, or, with `model`, that one alone: 404 where the key does not see it.

    Faults with `operation` "list" are played here; `refusal_of` replaces the dialect's form of an error.
    """
    request_id = new_id(dialect.request_id_prefix)
    state: KeyState | None = None
    try:
        state = emulator.authenticate(dialect.provider, key)
        fault = emulator.faults.next_for(dialect.provider, "", key, operation="list")
        await play_delay(fault)
        raise_fault(fault, False, dialect.fault_status)
        if (wait := state.admit_list()) > 0:
            raise Refusal(429, "rate limit", retry_after_s=wait, key_state=state)
        entries = emulator.visible_models(state, lifecycles)
        if model is not None:
            entries = [entry for entry in entries if entry[0] == model]
            if not entries:
                raise Refusal(404, model, key_state=state)
    except Refusal as refusal:
        if refusal_of is not None:
            return refusal_of(refusal, state)
        return refuse(emulator, dialect, refusal, state, "", request_id)
    emulator.journal.count(dialect.provider, "", state.profile.organization, 200)
    await asyncio.sleep(emulator.list_s())
    return broken(json_response(write(entries), headers=dialect.headers(state, request_id)), fault)
