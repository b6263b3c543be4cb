"""One key: what it answers now, and what that says about the key itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelscout.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    MalformedAnswer,
    PermissionDenied,
    ProviderError,
    ProviderUnavailable,
    QuotaExhausted,
)
from modelscout.core.secrets import CredentialSource, ProviderCredential, is_simulated
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import ListedModel
from modelscout.providers.registry import open_adapter

LIST_DEADLINE_S = 60.0
LIST_CONNECTIONS = 2
LIST_ATTEMPTS = 2
"""A vendor that answers nobody is waited for by all keys together, not by each for itself."""
HEALTH_OF_ERROR: dict[type[ProviderError], str] = {
    AuthenticationFailed: "refused",
    QuotaExhausted: "out_of_quota",
    PermissionDenied: "no_permission",
}
VENDOR_FAILURES = (ProviderUnavailable, MalformedAnswer)
"""What says something about the vendor or the way to it, not about the key."""


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """One key to ask, by reference."""

    organization_id: str
    organization: str
    provider: str
    secret_reference: str
    simulated: bool
    region: str = "global"


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What one key answered.

    `health`: valid, refused, out_of_quota, no_permission, not_configured (there is no key), misconfigured (there is
    one that cannot be used as it is set), unreachable (nobody can tell tonight).
    """

    target: KeyTarget
    health: str
    reason: str | None
    models: tuple[ListedModel, ...] = ()
    simulated: bool = False
    speaks_for_vendor: bool = False
    """Whether the vendor itself answered, rather than a gateway or a server of somebody's own."""
    vendor_failed: bool = False
    """Whether nobody answered, which says something about the vendor or the way to it."""
    ask_again: bool = False
    """Whether another try in the same run may do better."""


def credential_of(target: KeyTarget, credentials: CredentialSource) -> ProviderCredential | None:
    """The target's key for the provider and region of its row; None where there is none."""
    found = credentials(target.secret_reference)
    return found and replace(found, provider=target.provider, region=target.region)


async def ask_key(target: KeyTarget, credentials: CredentialSource) -> KeyReport:
    """List one key's models. Never raises: whatever is wrong with one key is that key's health."""
    credential = credential_of(target, credentials)
    if credential is None:
        return KeyReport(target, "not_configured", f"connection {target.secret_reference} has no key")
    try:
        return await _ask(target, credential)
    except ConfigurationError as error:
        return KeyReport(target, "misconfigured", credential.redact(str(error)))
    except Exception as error:  # noqa: BLE001 - one organization's setting must not stop the others
        # Only its type: what a stranger's library says may hold anything.
        return KeyReport(
            target, "misconfigured", f"the key or its host cannot be used: {type(error).__name__}"
        )


async def _ask(target: KeyTarget, credential: ProviderCredential) -> KeyReport:
    simulated = is_simulated(credential) and target.simulated
    try:
        async with open_adapter(credential, concurrency=LIST_CONNECTIONS) as adapter:
            models = await call_with_retries(
                adapter.list_models, attempts=LIST_ATTEMPTS, deadline_s=LIST_DEADLINE_S
            )
    except ProviderError as error:
        health = HEALTH_OF_ERROR.get(type(error), "unreachable")
        failed = isinstance(error, VENDOR_FAILURES)
        return KeyReport(
            target, health, str(error), simulated=simulated, vendor_failed=failed, ask_again=error.retryable
        )
    return KeyReport(
        target,
        "valid",
        None,
        tuple(models),
        simulated=simulated,
        speaks_for_vendor=credential.base_url is None or simulated,
    )
