"""Clarifai's side of the emulator: models, concept outputs and the OpenAI-compatible chat."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.types import Capability
from modelscout.emulator import chat
from modelscout.emulator.engine import Ask, Emulator, Refusal
from modelscout.emulator.listing import Entry, serve_models
from modelscout.emulator.profile import ModelProfile
from modelscout.emulator.serving import (
    OTHER_MODEL,
    bearer,
    broken,
    image_bytes,
    json_response,
    play_delay,
    raise_fault,
    read_json,
    serve,
)
from modelscout.emulator.state import Fault, KeyState, new_id

PROVIDER = "clarifai"
MAX_INPUTS = 128
SUCCESS = {"code": 10000, "description": "Ok"}
_INTERNAL = (39999, "Internal error")
_CODES = {
    400: (11100, "Bad request format"),
    401: (11009, "API key not found"),
    403: (11102, "Invalid request"),
    404: (21200, "Model does not exist"),
    429: (11005, "Connection throttled"),
}


def routes(emulator: Emulator) -> list[Route]:
    """The endpoints under `/clarifai/v2`."""
    service = _Service(emulator)
    owner = "/clarifai/v2/users/{user}/apps/{app}"
    found = [
        Route(path, service.models, methods=["GET"]) for path in ("/clarifai/v2/models", f"{owner}/models")
    ]
    for prefix in (owner, "/clarifai/v2"):
        found.append(Route(f"{prefix}/models/{{model}}", service.model, methods=["GET"]))
        found.append(Route(f"{prefix}/models/{{model}}/outputs", service.outputs, methods=["POST"]))
        versioned = f"{prefix}/models/{{model}}/versions/{{version}}/outputs"
        found.append(Route(versioned, service.outputs, methods=["POST"]))
    found.append(Route("/clarifai/v2/ext/openai/v1/chat/completions", service.completions, methods=["POST"]))
    return found


class _Service:
    """The endpoints, bound to the running emulator."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._chat = chat.dialect(PROVIDER)

    async def completions(self, request: Request) -> Response:
        """Language models; a model's URL stands for its last part."""
        try:
            model = str((await read_json(request)).get("model", ""))
        except Refusal:
            model = ""
        fill = {"model": model.rsplit("/", 1)[-1]} if model else None
        return await serve(self._emulator, self._chat, request, bearer(request), fill=fill)

    async def models(self, request: Request) -> Response:
        """One page of models."""
        page, per_page = (
            _number(request, name, default) for name, default in (("page", 1), ("per_page", 20))
        )
        start = (page - 1) * per_page

        def one_page(entries: list[Entry]) -> dict[str, Any]:
            listed = [_listed(*entry[:2]) for entry in entries[start : start + per_page]]
            return {"status": _ok(), "models": listed}

        return await self._models(request, one_page)

    async def model(self, request: Request) -> Response:
        """One model."""
        name = request.path_params["model"]
        return await self._models(request, lambda e: {"status": _ok(), "model": _listed(*e[0][:2])}, name)

    async def _models(
        self,
        request: Request,
        write: Callable[[list[Entry]], dict[str, Any]],
        model: str | None = None,
    ) -> Response:
        return await serve_models(
            self._emulator,
            self._chat,
            bearer(request),
            write,
            model=model,
            refusal_of=lambda refusal, state: self._refuse(refusal, state, ""),
        )

    async def outputs(self, request: Request) -> Response:
        """Concepts of up to 128 images."""
        state: KeyState | None = None
        model_id = request.path_params["model"]
        try:
            state = self._emulator.authenticate(PROVIDER, bearer(request))
            body = await read_json(request)
            item = content_fingerprint("", _sent_images(body))
            fault = self._emulator.faults.next_for(PROVIDER, model_id, bearer(request), item=item)
            await play_delay(fault)
            raise_fault(fault, False, 503)
            model = self._emulator.model(state, model_id)
            answer = await self._answer(state, model_id, model, _images(body, model), body)
        except Refusal as refusal:
            return self._refuse(refusal, state, model_id)
        return self._finish(answer, fault, state, model_id)

    async def _answer(
        self,
        state: KeyState,
        model_id: str,
        model: ModelProfile,
        images: list[bytes],
        body: Mapping[str, Any],
    ) -> dict[str, Any]:
        wait = state.admit(0)
        if wait > 0:
            raise Refusal(429, "Too many requests", retry_after_s=wait, key_state=state)
        least, most = _thresholds(body)
        outputs = []
        for image in images:
            ask = Ask(provider=PROVIDER, model=model_id, images=(image,))
            names, top = self._emulator.concepts(ask, model)
            concepts = [
                {"id": f"ai_{zlib.crc32(name.encode()):08x}", "name": name, "value": value, "app_id": "main"}
                for name, value in zip(names, _values(top, len(names)), strict=True)
                if value >= least
            ]
            outputs.append(_output(model_id, model, concepts[:most]))
        delay = self._emulator.profile.latency_scale * model.time_to_first_token_ms / 1000
        if delay:
            await asyncio.sleep(delay)
        return {"status": _ok(), "outputs": outputs}

    def _finish(self, answer: dict[str, Any], fault: Fault | None, state: KeyState, model: str) -> Response:
        self._emulator.journal.count(PROVIDER, model, state.profile.organization, 200)
        if fault is not None and fault.kind == "empty":
            for output in answer["outputs"]:
                output["data"] = {}
        if fault is not None and fault.kind == "serve_other":
            for output in answer["outputs"]:
                output["model"] = {**output["model"], "id": fault.code or OTHER_MODEL}
        if fault is not None and fault.kind == "error_inside":
            code, description = _CODES.get(fault.status or 503, _INTERNAL)
            answer = {
                "status": {"code": code, "description": description, "req_id": new_id("")},
                "outputs": [],
            }
        return broken(json_response(answer), fault)

    def _refuse(self, refusal: Refusal, state: KeyState | None, model: str) -> Response:
        organization = state.profile.organization if state else ""
        self._emulator.journal.count(PROVIDER, model, organization, refusal.status)
        code, description = _CODES.get(refusal.status, _INTERNAL)
        if refusal.code and refusal.code.isdigit():
            code = int(refusal.code)
        status = {"code": code, "description": description, "details": refusal.message, "req_id": new_id("")}
        headers = (
            {"retry-after": str(max(1, round(refusal.retry_after_s)))}
            if refusal.retry_after_s is not None
            else {}
        )
        return json_response({"status": status, "outputs": []}, refusal.status, headers)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isdigit() and int(text) else default


def _ok() -> dict[str, Any]:
    return {**SUCCESS, "req_id": new_id("")}


def _values(top: float, count: int) -> list[float]:
    """Falling values from `top` to above 0.2."""
    return [round(max(0.21, top - 0.04 * n), 4) for n in range(count)]


def _thresholds(body: Mapping[str, Any]) -> tuple[float, int]:
    """The least value and the most concepts that the request wants to see."""
    try:
        config = ((body.get("model") or {}).get("output_info") or {}).get("output_config") or {}
        return float(config.get("min_value", 0.0)), int(config.get("max_concepts", 20))
    except (AttributeError, TypeError, ValueError):
        raise Refusal(400, "model.output_info.output_config is no object of numbers", param="model") from None


def _images(body: Mapping[str, Any], model: ModelProfile) -> list[bytes]:
    if not model.can(Capability.IMAGE_ANALYSIS):
        raise Refusal(400, "the model takes no images", param="inputs")
    return _sent_images(body)


def _sent_images(body: Mapping[str, Any]) -> list[bytes]:
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not 0 < len(inputs) <= MAX_INPUTS:
        raise Refusal(400, f"give 1 to {MAX_INPUTS} inputs", param="inputs")
    found = []
    for entry in inputs:
        data = entry.get("data") if isinstance(entry, Mapping) else None
        image = data.get("image") if isinstance(data, Mapping) else None
        given = (image.get("base64") or image.get("url")) if isinstance(image, Mapping) else None
        if not given:
            raise Refusal(400, "an input holds no image", param="inputs")
        found.append(image_bytes(given))
    return found


def _output(model_id: str, model: ModelProfile, concepts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": new_id(""),
        "status": SUCCESS,
        "model": {"id": model.served_as or model_id, "user_id": "clarifai", "app_id": "main"},
        "input": {"id": new_id(""), "data": {"image": {"url": "", "base64": "true"}}},
        "data": {"concepts": concepts},
    }


def _listed(model_id: str, model: ModelProfile) -> dict[str, Any]:
    vision = model.claims(Capability.IMAGE_ANALYSIS)
    kind = "visual-classifier"
    if model.billing == "tokens":
        kind = "multimodal-to-text" if vision else "text-to-text"
    return {
        "id": model_id,
        "name": model.display_name or model_id,
        "created_at": model.created_at.isoformat() if model.created_at else None,
        "user_id": "clarifai",
        "app_id": "main",
        "model_type_id": kind,
        "model_version": {"id": "v1", "status": {"code": 21100, "description": "Model is trained and ready"}},
        "visibility": {"gettable": 50},
        "source": "HOSTED",
        "billing_type": "Ops" if model.billing == "operations" else "Tokens",
    }
