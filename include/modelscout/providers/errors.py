"""From a vendor's failure to the project's errors: the one table of what an HTTP status or code means."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelscout.core.errors import (
    AuthenticationFailed,
    BadRequest,
    MalformedAnswer,
    ModelNotFound,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from modelscout.core.secrets import ProviderCredential

MESSAGE_LIMIT = 300
"""Characters of a vendor's message that are passed on."""
CODE_LIMIT = 80

_BY_STATUS: dict[int, type[ProviderError]] = {
    401: AuthenticationFailed,
    402: QuotaExhausted,
    403: PermissionDenied,
    404: ModelNotFound,
    408: ProviderUnavailable,
    409: ProviderUnavailable,
    410: ModelNotFound,
    429: RateLimited,
}

_BY_CODE: dict[str, type[ProviderError]] = {
    # OpenAI: same status 429 as a rate limit, but waiting does not help.
    "insufficient_quota": QuotaExhausted,
    "billing_hard_limit_reached": QuotaExhausted,
    "billing_not_active": QuotaExhausted,
    "model_not_found": ModelNotFound,
    "invalid_api_key": AuthenticationFailed,
    # Codes that arrive inside a stream, after the status 200.
    "rate_limit_exceeded": RateLimited,
    "server_error": ProviderUnavailable,
    # Anthropic, by `error.type`.
    "authentication_error": AuthenticationFailed,
    "billing_error": QuotaExhausted,
    "permission_error": PermissionDenied,
    "not_found_error": ModelNotFound,
    "request_too_large": BadRequest,
    "rate_limit_error": RateLimited,
    "api_error": ProviderUnavailable,
    "timeout_error": ProviderUnavailable,
    "overloaded_error": ProviderUnavailable,
    "spend_limit_reached": QuotaExhausted,
    "credit_balance_too_low": QuotaExhausted,
    # Google, by `details[].reason`.
    "API_KEY_INVALID": AuthenticationFailed,
    "daily_quota": QuotaExhausted,
}

_BY_PHRASE: tuple[tuple[str, type[ProviderError]], ...] = (
    ("api key not valid", AuthenticationFailed),
    ("api key expired", AuthenticationFailed),
    # Anthropic answers an empty account with 400 invalid_request_error.
    ("credit balance is too low", QuotaExhausted),
    ("spend limit", QuotaExhausted),
)

_WAIT_IN_TEXT = re.compile(
    r"(?:try again|retry) in (?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)(?P<unit>ms|s))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class VendorFailure:
    """What a vendor said about a call that failed. `codes` are its own names for it, most telling first."""

    message: str
    status: int | None = None
    codes: tuple[str, ...] = ()
    request_id: str | None = None
    retry_after_s: float | None = None


def provider_error(credential: ProviderCredential, failure: VendorFailure) -> ProviderError:
    """The project's error for a vendor's failure; its message holds no key and at most 300 characters."""
    kind = error_class(failure)
    code = credential.redact(failure.codes[0])[:CODE_LIMIT] if failure.codes else None
    message = safe_message(credential, failure.message)
    common: dict[str, Any] = {
        "provider": credential.provider,
        "status": failure.status,
        "code": code,
        "request_id": failure.request_id,
    }
    if kind is RateLimited:
        wait = failure.retry_after_s if failure.retry_after_s is not None else wait_in_text(failure.message)
        return RateLimited(message, **common, retry_after_s=wait)
    return kind(message, **common)


def failure_inside(body: object, request_id: str | None) -> VendorFailure | None:
    """The failure in a body that came with the status of a success; None where there is none."""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return None
    status = error.get("code")
    return VendorFailure(
        message=str(error.get("message") or "the answer is an error"),
        status=status if isinstance(status, int) and status >= 400 else None,
        codes=tuple(str(error[key]) for key in ("code", "type", "status") if isinstance(error.get(key), str)),
        request_id=request_id,
    )


def error_class(failure: VendorFailure) -> type[ProviderError]:
    """Which of the project's errors a failure is: by code, then by phrase, then by HTTP status."""
    for code in failure.codes:
        if code in _BY_CODE:
            return _BY_CODE[code]
    text = failure.message.lower()
    for phrase, kind in _BY_PHRASE:
        if phrase in text:
            return kind
    status = failure.status
    if status is None or status >= 500:
        return ProviderUnavailable
    if status < 400:
        return MalformedAnswer
    return _BY_STATUS.get(status, BadRequest)


def safe_message(credential: ProviderCredential, text: str) -> str:
    """`text` on one line, without the key, cut to the limit."""
    clean = " ".join(credential.redact(text).split())
    return clean if len(clean) <= MESSAGE_LIMIT else clean[: MESSAGE_LIMIT - 1] + "…"


def malformed(credential: ProviderCredential, text: str, *, request_id: str | None = None) -> MalformedAnswer:
    """An answer that cannot be read, with the key taken out of `text`."""
    return MalformedAnswer(
        safe_message(credential, text), provider=credential.provider, request_id=request_id
    )


def unavailable(
    credential: ProviderCredential, error: BaseException, *, sent: bool = True
) -> ProviderUnavailable:
    """A failure of the network or a timeout; an SDK's own wrapping says less than what it wraps."""
    if isinstance(error, TimeoutError):
        text = "timeout: no whole answer in time"
    else:
        reason = error.__cause__ or error
        text = f"{type(reason).__name__}: {reason}".removesuffix(": ")
    failed = ProviderUnavailable(safe_message(credential, text), provider=credential.provider)
    failed.sent = sent
    return failed


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The wait that `retry-after-ms` or `retry-after` (seconds or an HTTP date) asks for, in seconds."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or not text:
        return seconds
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def wait_in_text(message: str) -> float | None:
    """The wait in a message such as "Please try again in 6m0.5s", in seconds."""
    match = _WAIT_IN_TEXT.search(message)
    if match is None or not any(match.group("h", "m", "s")):
        return None
    seconds = float(match["s"] or 0) * (0.001 if match["unit"] == "ms" else 1)
    return int(match["h"] or 0) * 3600 + int(match["m"] or 0) * 60 + seconds


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
