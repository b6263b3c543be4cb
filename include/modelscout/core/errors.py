"""The project's errors. Each says what is wrong and, where a person can mend it, how."""

from __future__ import annotations


class ModelscoutError(Exception):
    """Base of all errors that this project raises on purpose."""


class ConfigurationError(ModelscoutError):
    """A setting, file or argument is wrong; the message names the field and the remedy."""


class ChangedMeanwhile(ModelscoutError):
    """Somebody else changed it since it was read; the message says who and the remedy."""


class QualityGateFailed(ModelscoutError):
    """A data quality check of severity `block` failed; the results are in `data_quality_results`."""


class SpendLimitReached(ModelscoutError):
    """The worst-case cost of the next call does not fit into what is left of a spend limit."""


class ProviderError(ModelscoutError):
    """A call to a provider failed.

    Attributes:
        provider: who was called.
        status: HTTP status, or None where no answer arrived.
        code: the vendor's own error code, if it gave one.
        request_id: the vendor's id of the call, if it gave one.
        sent: False where the vendor surely got nothing: no connection, or no turn within the key's limits.
    The message never holds a key: adapters pass vendor messages through `redact`.
    """

    retryable = False
    sent = True

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.status = status
        self.code = code
        self.request_id = request_id

    @property
    def error_type(self) -> str:
        """Stable snake_case name, as stored in `error_type` columns."""
        name = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class BadRequest(ProviderError):
    """The request itself is refused (400, 413, 422): the same request fails everywhere on this model."""


class AuthenticationFailed(ProviderError):
    """The key is refused (401)."""


class PermissionDenied(ProviderError):
    """The key is valid but may not use this model or endpoint (403)."""


class QuotaExhausted(ProviderError):
    """The account has no money or quota left (402, `insufficient_quota`): waiting does not help."""


class ModelNotFound(ProviderError):
    """The model does not exist for this key, or is retired (404)."""


class RateLimited(ProviderError):
    """Too many requests for now (429). `retry_after_s` is the vendor's own wish in seconds, if given."""

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, provider=provider, status=status, code=code, request_id=request_id)
        self.retry_after_s = retry_after_s


class ProviderUnavailable(ProviderError):
    """The provider or the network failed (5xx, 529, connection, timeout): another try may succeed."""

    retryable = True


class MalformedAnswer(ProviderError):
    """An answer arrived but cannot be read, or a stream ended without its finish reason."""

    retryable = True
