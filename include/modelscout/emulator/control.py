"""Control of the running emulator: faults to play, counts of calls, other settings of models."""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.core.errors import ConfigurationError
from modelscout.emulator.batches import BatchStore
from modelscout.emulator.engine import Emulator, Refusal
from modelscout.emulator.profile import PROVIDERS, Profile, parse_model, parse_profile
from modelscout.emulator.reader import as_object, build, known_fields
from modelscout.emulator.serving import bearer, json_response, read_json
from modelscout.emulator.state import Fault

FAULT_KINDS = (
    "http", "refuse_first_token", "delay", "slow_first_token", "cut_stream", "malformed", "empty", "empty_body",
    "wrong_type", "error_inside", "unknown_fields", "serve_other",
    "missing",
)  # fmt: skip
OPERATIONS = ("generate", "list", "batch", "batch_item")
_CHANGEABLE = (
    "models", "keys", "now", "latency_scale", "list_ms", "list_sigma", "seed", "item_correlation",
    "batch_ms", "batch_expires_ms", "batch_items",
)  # fmt: skip

_Endpoint = Callable[[Request], Awaitable[Response]]


def routes(emulator: Emulator, batches: BatchStore) -> list[Route]:
    """The endpoints under `/control`; all want the profile's control token."""
    control = _Control(emulator, batches)
    return [
        Route("/control/faults", control.guarded(control.add_fault), methods=["POST"]),
        Route("/control/faults", control.guarded(control.clear_faults), methods=["DELETE"]),
        Route("/control/calls", control.guarded(control.calls), methods=["GET"]),
        Route("/control/profile", control.guarded(control.change_profile), methods=["PUT"]),
    ]


class _Control:
    """The endpoints, bound to the running emulator."""

    def __init__(self, emulator: Emulator, batches: BatchStore) -> None:
        self._emulator = emulator
        self._batches = batches

    def guarded(self, endpoint: _Endpoint) -> _Endpoint:
        """The endpoint for those who bring the token; wrong values are answered with 400."""

        async def guard(request: Request) -> Response:
            token = self._emulator.profile.control_token
            if not token or not hmac.compare_digest(bearer(request).encode(), token.encode()):
                return json_response({"error": "give the profile's control_token as a bearer token"}, 401)
            try:
                return await endpoint(request)
            except (ConfigurationError, Refusal) as error:
                return json_response({"error": str(error)}, 400)

        return guard

    async def add_fault(self, request: Request) -> Response:
        """Play a fault on the next matching calls."""
        fault: Fault = build(Fault, known_fields(await read_json(request), Fault, "fault"), "fault")
        if fault.provider not in PROVIDERS:
            raise ConfigurationError(f"fault.provider={fault.provider!r}: use one of {', '.join(PROVIDERS)}")
        if fault.operation not in OPERATIONS:
            raise ConfigurationError(
                f"fault.operation={fault.operation!r}: use one of {', '.join(OPERATIONS)}"
            )
        if fault.kind not in FAULT_KINDS:
            raise ConfigurationError(f"fault.kind={fault.kind!r}: use one of {', '.join(FAULT_KINDS)}")
        if fault.times < 1:
            raise ConfigurationError(f"fault.times={fault.times} must be at least 1")
        if fault.for_s is not None and not fault.for_s > 0:
            raise ConfigurationError(f"fault.for_s={fault.for_s} must be above 0")
        self._emulator.faults.add(fault)
        return json_response({"faults": len(self._emulator.faults)}, 201)

    async def clear_faults(self, _request: Request) -> Response:
        """Forget all faults."""
        self._emulator.faults.clear()
        return json_response({"faults": 0})

    async def calls(self, request: Request) -> Response:
        """Counts of calls, those of batches apart, and of each item's calls on request."""
        self._batches.advance()
        journal = self._emulator.journal
        kinds = ((False, journal.calls), (True, journal.batch_calls))
        names = ("provider", "model", "organization", "status")
        body: dict[str, Any] = {
            "total": sum(calls.total() for _, calls in kinds),
            "seconds": journal.seconds,
            "calls": [
                {**dict(zip(names, key, strict=True)), "batch": batch, "count": count}
                for batch, calls in kinds
                for key, count in calls.items()
            ],
        }
        if request.query_params.get("fingerprints") == "1":
            names = ("provider", "model", "fingerprint", "")
            body["fingerprints"] = [
                {**dict(zip(names[:3], key, strict=True)), "count": count}
                for key, count in journal.fingerprints.items()
            ]
        return json_response(body)

    async def change_profile(self, request: Request) -> Response:
        """Change the given settings; fields of a model that are not given stay as they are."""
        data = await read_json(request)
        unknown = sorted(set(data) - set(_CHANGEABLE))
        if unknown:
            raise ConfigurationError(
                f"profile: {', '.join(unknown)} cannot be changed; can be: {', '.join(_CHANGEABLE)}"
            )
        self._emulator.apply(_changed(self._emulator.profile, data))
        return json_response({"models": len(self._emulator.profile.models)})


def _changed(profile: Profile, data: Mapping[str, Any]) -> Profile:
    given = parse_profile({name: value for name, value in data.items() if name != "models"})
    values = {name: getattr(given, name) for name in data if name not in {"models", "keys"}}
    if "keys" in data:
        values["keys"] = {**profile.keys, **given.keys}
    models = as_object(data.get("models", {}), "models")
    changed = {name: parse_model(name, entry, profile.models.get(name)) for name, entry in models.items()}
    return dataclasses.replace(profile, **values, models={**profile.models, **changed})
