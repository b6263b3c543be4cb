"""Errors and headers of OpenAI and of those who copy its API."""

from __future__ import annotations

from typing import Any

from modelscout.emulator.engine import Refusal
from modelscout.emulator.state import Bucket, KeyState

_TYPES = {
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("invalid_request_error", None),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error_body(refusal: Refusal, _request_id: str) -> dict[str, Any]:
    """The body of an error."""
    default = ("server_error", "server_error") if refusal.status >= 500 else ("invalid_request_error", None)
    kind, code = _TYPES.get(refusal.status, default)
    if refusal.code:
        code = refusal.code
        kind = code if code == "insufficient_quota" else kind
    return {"error": {"message": _message(refusal), "type": kind, "param": refusal.param, "code": code}}


def _message(refusal: Refusal) -> str:
    if refusal.code == "insufficient_quota":
        return "You exceeded your current quota, please check your plan and billing details."
    if refusal.status == 401:
        return "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys."
    if refusal.status == 404:
        return f"The model `{refusal.message}` does not exist or you do not have access to it."
    if refusal.status == 429:
        wait = f" Please try again in {refusal.retry_after_s:.3f}s." if refusal.retry_after_s else ""
        return f"Rate limit reached on requests or tokens per min.{wait}"
    if refusal.status >= 500:
        return "The server had an error while processing your request. Sorry about that!"
    return refusal.message


def limit_headers(state: KeyState | None, request_id: str) -> dict[str, str]:
    """Request id and what is left of the key's limits."""
    headers = {"x-request-id": request_id, "openai-version": "2020-10-01"}
    if state is not None:
        _add(headers, "requests", state.requests)
        _add(headers, "tokens", state.tokens)
    return headers


def _add(headers: dict[str, str], name: str, bucket: Bucket | None) -> None:
    if bucket is not None:
        headers[f"x-ratelimit-limit-{name}"] = str(bucket.limit)
        headers[f"x-ratelimit-remaining-{name}"] = str(bucket.remaining)
        headers[f"x-ratelimit-reset-{name}"] = f"{bucket.reset_s:.3f}s"
