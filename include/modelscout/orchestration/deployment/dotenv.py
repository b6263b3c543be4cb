"""The `.env` of a deployment: secrets that are made once, and the settings that compose reads."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.core.private_files import create_private


def _word() -> str:
    """256 bits that need no quoting in a URL, a shell or a compose file."""
    return secrets.token_urlsafe(32)


def _signing_key() -> str:
    """As long as the hash that Airflow signs its tokens with, SHA-512, wants."""
    return secrets.token_urlsafe(64)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


class Secret(NamedTuple):
    """One generated variable."""

    name: str
    meaning: str
    make: Callable[[], str] = _word


SECRETS = (
    Secret("AIRFLOW_ADMIN_PASSWORD", "The administrator's password in Airflow, set again at every start."),
    Secret("AIRFLOW_FERNET_KEY", "Encrypts connections. Without it none can be read: keep it.", _fernet_key),
    Secret("AIRFLOW_JWT_SECRET", "Signs the tokens of people and tasks.", _signing_key),
    Secret("AIRFLOW_API_SECRET_KEY", "Signs sessions and requests for logs.", _signing_key),
    Secret("POSTGRES_PASSWORD", "The superuser's, for backups; no service of Airflow has it."),
    Secret("AIRFLOW_DATABASE_PASSWORD", "The owner's of Airflow's metadata."),
    Secret("MODELSCOUT_OWNER_PASSWORD", "The owner's of the warehouse, for migrations only."),
    Secret("MODELSCOUT_DATABASE_PASSWORD", "The nightly runs', whom row-level security binds."),
    Secret("REDIS_PASSWORD", "The broker's."),
)
SETTINGS = (
    ("AIRFLOW_ADMIN_USER", "admin"),
    ("AIRFLOW_LISTEN", "127.0.0.1:8080"),
    ("AIRFLOW_BASE_URL", "http://localhost:8080"),
    ("AIRFLOW_PARALLELISM", "16"),
    ("MODELSCOUT_IMAGE", "modelscout:0.1.0"),
    ("MODELSCOUT_WORKER_CONCURRENCY", "4"),
    ("MODELSCOUT_SHARDS", "4"),
    ("MODELSCOUT_SPEND_LIMIT_USD", "5"),
)
"""What compose reads beside the secrets, with its defaults; written as comments."""


def write_env(path: Path) -> None:
    """Write a `.env` with secrets of its own, readable to its owner only.

    Raises ConfigurationError where the file exists, whatever is in it, or cannot be written.
    """
    try:
        create_private(path, _text())
    except FileExistsError:
        raise ConfigurationError(
            f"{path} exists and is left as it is: its secrets open your databases. "
            "Give another name with --file, or move it away if nothing was ever started with it"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from None


def _text() -> str:
    lines = [
        "# Secrets and settings of this deployment. Keep a copy where the backups are, and nowhere else.",
        "COMPOSE_PROJECT_NAME=modelscout",
        "# Who owns the backups: the user who made this file.",
        f"MODELSCOUT_BACKUP_USER={os.getuid()}:{os.getgid()}",
        "",
    ]
    for secret in SECRETS:
        lines += [f"# {secret.meaning}", f"{secret.name}={secret.make()}"]
    lines += ["", "# Settings with their defaults: take the mark away to change one."]
    lines += [f"#{name}={value}" for name, value in SETTINGS]
    return "\n".join(lines) + "\n"
