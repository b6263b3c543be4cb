"""Keys come from Airflow connections (or a secrets backend behind them), resolved inside the task."""

from __future__ import annotations

from collections.abc import Iterable

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from modelscout.core.secrets import CredentialSource, ProviderCredential


def resolve(reference: str) -> ProviderCredential | None:
    """The credential behind one connection id; None where it is missing or has no key.

    Convention: `llm__<organization>__<provider>`, password = key, host = base URL (empty: the vendor's own).
    """
    try:
        connection = BaseHook.get_connection(reference)
    except AirflowNotFoundException:
        return None
    key = (connection.password or "").strip()
    if not key:
        return None
    mask_secret(key)
    return ProviderCredential(
        provider=reference.rpartition("__")[2], api_key=key, base_url=(connection.host or "").strip() or None
    )


def resolve_all(references: Iterable[str]) -> CredentialSource:
    """Resolve in the task's own thread, before any event loop starts; look-ups then need no connection."""
    found = {reference: resolve(reference) for reference in sorted(set(references))}
    return found.get
