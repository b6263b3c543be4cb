"""One embedded installation: its folder, its ports, and the environment that its processes get."""

from __future__ import annotations

import base64
import os
import secrets
import shlex
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelscout.core.errors import ConfigurationError

INSTANCE_VARIABLE = "MODELSCOUT_INSTANCE"
"""Set in every process of an installation, so that all of them are found again after a kill."""
PROJECT_ROOT = Path(__file__).parents[3]
PORTS = {
    "MODELSCOUT_PORT": 8080,
    "MODELSCOUT_EMULATOR_PORT": 8090,
    "MODELSCOUT_WORKER_LOG_PORT": 8793,
    "MODELSCOUT_TRIGGER_LOG_PORT": 8794,
}


@dataclass(frozen=True, slots=True)
class Instance:
    """Where one installation lives and listens."""

    folder: Path
    port: int
    emulator_port: int
    worker_log_port: int
    trigger_log_port: int

    @property
    def page_url(self) -> str:
        """Address of the Airflow UI with the page inside."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def emulator_url(self) -> str:
        """Address of the emulator; the providers live under it."""
        return f"http://127.0.0.1:{self.emulator_port}"

    def password(self) -> str:
        """The administrator's password."""
        return self._secret("admin_password", secrets.token_urlsafe(12))

    def fernet_key(self) -> str:
        """The key that Airflow encrypts connections with."""
        return self._secret("fernet_key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())

    def _secret(self, name: str, fresh: str) -> str:
        """A secret that is made once and kept readable to its owner only."""
        path = self.folder / name
        if not path.exists():
            write_private(path, fresh)
        return path.read_text(encoding="utf-8").strip()


def open_instance(folder: Path, environ: Mapping[str, str]) -> Instance:
    """Choose ports and make the folder. Raises ConfigurationError where a port that was asked for is busy."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[int] = set()
    ports = []
    for name, default in PORTS.items():
        port = _choose_port(name, default, environ, taken)
        taken.add(port)
        ports.append(port)
    return Instance(folder, *ports)


def airflow_environment(instance: Instance, metadata_url: str, warehouse_url: str) -> dict[str, str]:
    """Environment of every Airflow process: the caller's, plus ours, which also stands in a file for shells."""
    home = instance.folder / "airflow"
    home.mkdir(exist_ok=True)
    write_private(home / "passwords.json", f'{{"admin": "{instance.password()}"}}')
    ours = {
        INSTANCE_VARIABLE: str(instance.folder),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": instance.fernet_key(),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": os.environ.get("MODELSCOUT_PARALLELISM", "4"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(instance.port),
        "AIRFLOW__API__BASE_URL": instance.page_url,
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(instance.worker_log_port),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(instance.trigger_log_port),
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "MODELSCOUT_DATABASE_URL": warehouse_url,
        "MODELSCOUT_DATA_DIR": str(instance.folder),
        "GX_ANALYTICS_ENABLED": "false",
        "NO_PROXY": "127.0.0.1,localhost",
        # Numerical libraries would start a thread per core in each of several task processes.
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }
    # The variable that marks our processes stays out: a person's shell is not for the launcher to end.
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in ours.items() if name != INSTANCE_VARIABLE]
    write_private(instance.folder / "environment", "".join(lines))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW_")}
    return inherited | ours


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _choose_port(name: str, default: int, environ: Mapping[str, str], taken: set[int]) -> int:
    text = environ.get(name, "").strip()
    if text:
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise ConfigurationError(f"{name}={text!r} is not a port: give a number from 1 to 65535")
        if not _is_free(int(text)):
            raise ConfigurationError(f"port {text} is in use: free it or set {name} to another one")
        return int(text)
    return free_port(default, taken=taken)


def free_port(first: int, *, taken: Collection[int] = ()) -> int:
    """The first free port of this machine from `first` on. Raises ConfigurationError where there is none."""
    for port in range(first, first + 500):
        if port not in taken and _is_free(port):
            return port
    raise ConfigurationError(f"no free port from {first} to {first + 499}: end what listens there")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
