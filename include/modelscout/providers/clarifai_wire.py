"""Clarifai's bodies: from our request, to our result. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelscout.core.secrets import ProviderCredential
from modelscout.providers import wire
from modelscout.providers.errors import VendorFailure, retry_after_seconds
from modelscout.providers.protocol import FinishReason, GenerateRequest, GenerateResult

SUCCESS = 10000
MIXED_STATUS = 10010

_STATUS_OF_CODE = {
    10020: 500,
    11001: 401,
    11003: 402,
    11004: 402,
    11005: 429,
    11006: 402,
    11008: 401,
    11009: 401,
    11101: 404,
    21200: 404,
    21353: 503,
    21354: 503,
    21355: 503,
}
"""What Clarifai's own codes are as an HTTP status: it answers many failures with 200 or 400."""


def failure_of(status: int, headers: Mapping[str, str], answer: object, text: str) -> VendorFailure | None:
    """What went wrong, or None. Status 200 is no success by itself: `status.code` decides."""
    body = answer if isinstance(answer, Mapping) else {}
    detail = body.get("status")
    if isinstance(detail, Mapping) and detail.get("code") == MIXED_STATUS:
        detail = _first_failed_output(body) or detail
    detail = detail if isinstance(detail, Mapping) else {}
    code = detail.get("code")
    if status < 400 and code in {None, SUCCESS}:
        return None
    said = [str(detail[key]) for key in ("description", "details") if detail.get(key)]
    # The chat endpoint answers with OpenAI's form of an error.
    error = body.get("error")
    error = error if isinstance(error, Mapping) else {}
    return VendorFailure(
        message=": ".join(said) or str(error.get("message") or text or "no message"),
        status=_status(status, code),
        codes=tuple(str(name) for name in (code, error.get("code")) if name is not None),
        request_id=detail.get("req_id"),
        retry_after_s=retry_after_seconds(headers),
    )


def _status(status: int, code: object) -> int:
    if isinstance(code, int) and code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[code]
    if status >= 400:
        return status
    # 30xxx: the input is wrong; 11100: the request is. The rest are failures on their side.
    return 400 if isinstance(code, int) and (code // 1000 == 30 or code == 11100) else 500


def _first_failed_output(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for output in body.get("outputs") or []:
        status = output.get("status") or {}
        if status.get("code") != SUCCESS:
            return {"req_id": body["status"].get("req_id"), **status}
    return None


def parse_outputs(
    credential: ProviderCredential, request: GenerateRequest, body: Mapping[str, Any]
) -> GenerateResult:
    """Concepts of all images by falling value, each name once: `text` is a JSON array of the names."""
    request_id = body["status"].get("req_id")
    usage = wire.read_usage(credential, "outputs", body, request_id=request_id)
    values: dict[str, float] = {}
    for output in body["outputs"]:
        for concept in output["data"].get("concepts") or []:
            name = concept["name"]
            values[name] = max(values.get(name, 0.0), float(concept["value"]))
    names = sorted(values, key=lambda name: -values[name])
    model = body["outputs"][0].get("model") or {}
    return GenerateResult(
        text=json.dumps(names, ensure_ascii=False),
        finish_reason=FinishReason.STOP,
        usage=replace(usage, image_count=len(request.images)),
        requested_model=request.model,
        served_model=str(model.get("id") or request.model),
        request_id=request_id,
        duration_ms=0.0,
        confidence=values[names[0]] if names else None,
    )
