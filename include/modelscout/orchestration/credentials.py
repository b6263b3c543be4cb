"""Keys come from Airflow connections (or a secrets backend behind them), resolved where they are used."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from modelscout.core.secrets import CredentialSource, ProviderCredential

log = logging.getLogger(__name__)


class KeyReference(NamedTuple):
    """A connection id, and what the key behind it is used for."""

    secret_reference: str
    provider: str
    region: str = "global"


def resolve_all(references: Iterable[KeyReference]) -> CredentialSource:
    """Resolve in the task's own thread, before any event loop starts; look-ups then need no connection."""
    return _resolve(references, _connection_in_a_task)


def resolve_outside_tasks(references: Iterable[KeyReference]) -> CredentialSource:
    """The same in a process that is no task, such as a command beside the scheduler."""
    # Airflow logs to what is standard output when it is loaded: that is for the command's answer.
    with contextlib.redirect_stdout(sys.stderr):
        found = _resolve(references, _connection_of_the_server)
    for name in ("httpx2", "google_genai"):
        # With Airflow's level they tell of every request.
        logging.getLogger(name).setLevel(logging.WARNING)
    return found


def _resolve(references: Iterable[KeyReference], find: Callable[[str], Any]) -> CredentialSource:
    """What cannot be resolved is left out and logged: one organization's connection must not stop the others."""
    wanted: dict[str, set[KeyReference]] = {}
    for reference in references:
        wanted.setdefault(reference.secret_reference, set()).add(reference)
    found: dict[str, ProviderCredential | None] = {}
    for name, uses in sorted(wanted.items()):
        if len(uses) > 1:
            log.warning("connection %s serves several providers or regions: give each one of its own", name)
            continue
        try:
            found[name] = _credential(next(iter(uses)), find(name))
        except Exception as error:  # noqa: BLE001 - whatever a secrets backend raises
            log.warning("connection %s cannot be read: %s", name, type(error).__name__)
    return found.get


def _credential(reference: KeyReference, connection: Any) -> ProviderCredential | None:
    """None where there is no connection, or one without a key. Password = key, host = base URL."""
    from airflow.sdk.log import mask_secret

    key = ((connection and connection.password) or "").strip()
    if not key:
        return None
    mask_secret(key)
    return ProviderCredential(
        provider=reference.provider,
        api_key=key,
        base_url=(connection.host or "").strip() or None,
        region=reference.region,
    )


def _connection_in_a_task(name: str) -> Any:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException:
        return None


def _connection_of_the_server(name: str) -> Any:
    from airflow.models import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return Connection.get_connection_from_secrets(name)
    except AirflowNotFoundException:
        return None
