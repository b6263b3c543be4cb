"""docker-compose.yaml without containers: the same commands and settings as processes of this machine.

Service names become 127.0.0.1 and ports free ones, `/opt/airflow` a folder; every other setting is the file's, with a
.env that `modelscout deployment env` wrote. Each process is started by us and stopped by its id.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from modelscout.demo.dotenv import read_dotenv
from modelscout.demo.instance import free_port
from topology import composition, container
from topology.server import Server

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
AIRFLOW_SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
HEALTHY_WITHIN_S = 240.0
KEPT = ("HOME", "LANG", "TZ")


class Stack:
    """One deployment in a folder of its own."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        """`settings` stand for the file modelscout.env."""
        # Not under /tmp, which is every service's own.
        self.folder = Path(tempfile.mkdtemp(prefix="mstopology", dir="/var/tmp"))
        self.env_file = self.folder / ".env"
        subprocess.run([BIN / "modelscout", "deployment", "env", "--file", self.env_file], check=True)
        self.settings = dict(settings or {})
        self.variables = read_dotenv(self.env_file)
        self.ports = _ports("postgres", "redis", "api", "scheduler", "triggerer", "worker-1", "worker-2")
        self.airflow = self.folder / "airflow"
        for name in ("logs", "data"):
            (self.airflow / name).mkdir(parents=True)
        for name in ("dags", "plugins"):
            (self.airflow / name).symlink_to(ROOT / name)
        self.services = composition.services(self.variables)
        self.server = Server(self.folder / "postgres", self.ports["postgres"], self.variables)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """Where the API server listens."""
        return f"http://127.0.0.1:{self.ports['api']}"

    def environment(self, service: str, instance: str | None = None) -> dict[str, str]:
        """What the service's processes have in theirs."""
        changes = {
            "@postgres:5432": f"@127.0.0.1:{self.ports['postgres']}",
            "@redis:6379": f"@127.0.0.1:{self.ports['redis']}",
            "http://api-server:8080": self.url,
            "http://localhost:8080": self.url,
            "/opt/airflow": str(self.airflow),
        }
        ours = composition.image_environment() | self.settings | self.services[service].environment
        own = {
            "AIRFLOW_HOME": str(self.airflow),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.ports["api"]),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports["scheduler"]),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.ports["triggerer"]),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self.ports.get(instance or "", 8793)),
            "HOSTNAME": instance or service,
            "NO_PROXY": "127.0.0.1,localhost",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        return kept | container.replaced(ours, changes) | own

    def command(self, service: str, words: Sequence[str], instance: str | None = None) -> list[str]:
        """`words` as they run in the service's container."""
        definition = self.services[service]
        local = [self._local(word) for word in words]
        writable = [self.airflow / name for name in ("logs", "data")] if definition.tmpfs == ["/tmp"] else []
        return container.wrapped(
            local,
            host_name=instance or service,
            writable=writable,
            ephemeral=[Path(p) for p in definition.tmpfs],
        )

    def _local(self, word: str) -> str:
        word = word.replace("http://localhost:8080", self.url)
        return word.replace("localhost:8974", f"127.0.0.1:{self.ports['scheduler']}")

    def start_data(self) -> None:
        """Postgres and the broker, empty."""
        self.server.create()
        self.start_redis()

    def start_redis(self) -> None:
        """The broker, with the command of the compose file."""
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        *shell, script = self.services["redis"].command
        script = script.replace(
            "dir /data\\n", f"dir {data}\\nbind 127.0.0.1\\nport {self.ports['redis']}\\n"
        )
        self.start("redis", [*shell, script], self.environment("redis"))
        check = self.services["redis"].healthcheck
        assert check is not None
        check = [word.replace("redis-cli", f"redis-cli -p {self.ports['redis']}") for word in check]
        _wait("redis", lambda: self._succeeds(check, self.environment("redis")), 30)

    def run(
        self,
        service: str,
        words: Sequence[str],
        *,
        text: str | None = None,
        timeout_s: float = 180,
        **more: str,
    ) -> subprocess.CompletedProcess[str]:
        """A command in a service's container, to its end: `docker compose exec SERVICE …`."""
        return subprocess.run(
            self.command(service, words),
            env=self.environment(service) | more,
            input=text,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def prepare(self) -> subprocess.CompletedProcess[str]:
        """The `prepare` service to its end."""
        return self.run("prepare", self.services["prepare"].entrypoint)

    def start_airflow(self) -> float:
        """Every component and two workers; returns the seconds until all health checks succeed."""
        began = time.monotonic()
        instances = [(name, name) for name in AIRFLOW_SERVICES] + [
            ("worker", "worker-1"),
            ("worker", "worker-2"),
        ]
        for service, instance in instances:
            self.start_service(service, instance)
        for service, instance in instances:
            _wait(instance, lambda s=service, i=instance: self.is_healthy(s, i), HEALTHY_WITHIN_S)  # type: ignore[misc]
        return time.monotonic() - began

    def start_service(self, service: str, instance: str) -> None:
        """One component; the image's entry point runs `airflow` with the service's command."""
        words = ["airflow", *self.services[service].command]
        self.start(instance, self.command(service, words, instance), self.environment(service, instance))

    def is_healthy(self, service: str, instance: str) -> bool:
        """Whether the service's health check succeeds, run as compose runs it: inside the container."""
        process = self.processes[instance]
        if process.poll() is not None:
            raise AssertionError(f"{instance} ended with {process.returncode}:\n{self.log(instance)}")
        check = self.services[service].healthcheck
        assert check is not None
        return self._succeeds(self.command(service, check, instance), self.environment(service, instance))

    def _succeeds(self, command: Sequence[str], environment: Mapping[str, str]) -> bool:
        done = subprocess.run(
            command,
            env=dict(environment),
            capture_output=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return done.returncode == 0

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process that this stack stops."""
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str, lines: int = 40) -> str:
        """The end of what a process printed."""
        text = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def memory_mb(self) -> dict[str, int]:
        """Proportional memory of each service with its children."""
        return {
            name: round(sum(_pss(p) for p in _family(process.pid)) / 1024**2)
            for name, process in self.processes.items()
        }

    @contextmanager
    def watching_memory(self) -> Iterator[dict[str, int]]:
        """The most that each service held at a look every other second, in MB."""
        peak: dict[str, int] = {}
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(2):
                for name, size in self.memory_mb().items():
                    peak[name] = max(size, peak.get(name, 0))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield peak
        finally:
            ended.set()
            watcher.join(timeout=60)

    def stop(self, *names: str) -> None:
        """Stop these processes, or all: asked first, killed after a while."""
        chosen = [
            self.processes.pop(name) for name in (names or tuple(self.processes)) if name in self.processes
        ]
        families = [_family(process.pid) for process in chosen]
        for process in chosen:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        everyone = [p for family in families for p in family]
        _, alive = psutil.wait_procs(everyone, timeout=20)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for process in chosen:
            process.wait(timeout=20)

    def destroy(self) -> None:
        """Stop everything and remove the folder."""
        self.stop()
        self.server.destroy()
        shutil.rmtree(self.folder, ignore_errors=True)


def _ports(*names: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = free_port(21000, taken=found.values())
    return found


def _wait(name: str, healthy: object, seconds: float) -> None:
    assert callable(healthy)
    deadline = time.monotonic() + seconds
    while not healthy():
        assert time.monotonic() < deadline, f"{name} is not healthy after {seconds:.0f} s"
        time.sleep(1)


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _pss(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.memory_full_info().pss)
    return 0
