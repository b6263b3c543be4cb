"""Runs a command as a container would: a host name of its own, the root read-only, what compose mounts writable."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

SCRIPT = """
hostname "$1"
writable=$2
ephemeral=$3
shift 3
for folder in $writable; do mount --bind "$folder" "$folder"; done
mount -o remount,bind,ro /
for folder in $ephemeral; do mount -t tmpfs tmpfs "$folder"; done
exec "$@"
"""


def unshare() -> list[str]:
    """The command that gives a process its own mounts and host name."""
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *own, "--mount", "--uts", "--propagation", "private"]


def is_possible() -> bool:
    """Whether this machine lets us."""
    try:
        done = subprocess.run([*unshare(), "hostname", "x"], capture_output=True, check=False, timeout=20)
    except OSError:
        return False
    return done.returncode == 0


def wrapped(
    command: Sequence[str], *, host_name: str, writable: Sequence[Path], ephemeral: Sequence[Path]
) -> list[str]:
    """`command` with a read-only root. Folders are existing ones without spaces in their names."""
    spaces = [" ".join(map(str, folders)) for folders in (writable, ephemeral)]
    return [*unshare(), "sh", "-euc", SCRIPT, "sh", host_name, *spaces, *command]


def replaced(values: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """Every value with every change made in it."""
    found = dict(values)
    for old, new in changes.items():
        found = {name: value.replace(old, new) for name, value in found.items()}
    return found
