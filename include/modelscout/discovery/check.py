"""Whether one key can use one model now, in one request that costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, text

from modelscout.core.errors import ConfigurationError, ModelNotFound, ProviderError
from modelscout.core.secrets import CredentialSource, is_simulated
from modelscout.core.types import ModelStatus
from modelscout.discovery.keys import HEALTH_OF_ERROR, KeyTarget, credential_of
from modelscout.providers.protocol import ListedModel
from modelscout.providers.registry import open_adapter


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What the provider says of one model for one key at this moment."""

    organization: str
    provider: str
    model: str
    key: str
    """Health of the key, as discovery names it."""
    status: ModelStatus | None
    """Available, deprecated or retired as the provider states it; None where the key cannot tell."""
    reason: str | None
    stated: ListedModel | None
    simulated: bool


async def check_model(target: KeyTarget, model: str, credentials: CredentialSource) -> ModelCheck:
    """Ask for `model` with the target's key. Never retried: the answer is that of this moment.

    Raises ConfigurationError for a key that cannot be used as it is set; a provider's refusal is an answer.
    """
    credential = credential_of(target, credentials)
    if credential is None:
        missing = f"connection {target.secret_reference} has no key"
        return _check(target, model, "not_configured", reason=missing)
    simulated = is_simulated(credential)
    try:
        async with open_adapter(credential, concurrency=1) as adapter:
            stated = await adapter.get_model(model)
    except ModelNotFound as error:
        gone = ModelStatus.UNAVAILABLE
        return _check(target, model, "valid", gone, reason=str(error), simulated=simulated)
    except ProviderError as error:
        health = HEALTH_OF_ERROR.get(type(error), "unreachable")
        return _check(target, model, health, reason=str(error), simulated=simulated)
    status = _status(stated)
    reason = f"retires on {stated.retires_at}" if stated.retires_at else None
    return _check(target, model, "valid", status, reason=reason, stated=stated, simulated=simulated)


def target_of(engine: Engine, organization: str, provider: str) -> KeyTarget:
    """The key of an organization, by its short name. Raises ConfigurationError where it has none to use."""
    statement = (
        "SELECT organization_id::text AS organization_id, organization, provider, secret_reference, region, simulated "
        "FROM usable_provider_keys WHERE organization = :organization AND provider = :provider"
    )
    with engine.connect() as connection:
        row = connection.execute(
            text(statement), {"organization": organization, "provider": provider}
        ).mappings()
        found = row.one_or_none()
    if found is None:
        raise ConfigurationError(
            f"organization {organization} has no key of provider {provider} that may be used: see "
            "organization_provider_keys, and the providers and regions that the organization allows"
        )
    return KeyTarget(**found)


def _status(stated: ListedModel) -> ModelStatus:
    if stated.lifecycle in {"deprecated", "retired"}:
        return ModelStatus(stated.lifecycle)
    return ModelStatus.DEPRECATED if stated.retires_at else ModelStatus.AVAILABLE


def _check(
    target: KeyTarget,
    model: str,
    key: str,
    status: ModelStatus | None = None,
    *,
    reason: str | None = None,
    stated: ListedModel | None = None,
    simulated: bool = False,
) -> ModelCheck:
    return ModelCheck(
        target.organization,
        target.provider,
        model,
        key,
        status,
        reason,
        stated,
        simulated and target.simulated,
    )
