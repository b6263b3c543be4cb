"""Starts processes in sessions of their own and finds every one of them again, also after a kill.

A process belongs to the installation if it carries its mark in the environment, or if its session was started
by it: some programs overwrite their environment when they name themselves, others leave their session.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from modelscout.demo.instance import INSTANCE_VARIABLE

GRACE_S = 10.0
SESSIONS_FILE = "sessions.json"


def start(
    command: Sequence[str], *, folder: Path, log: Path, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own that `folder` remembers; its output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            start_new_session=True,
        )
    sessions = _sessions(folder) | {process.pid: psutil.Process(process.pid).create_time()}
    (folder / SESSIONS_FILE).write_text(json.dumps(sessions), encoding="utf-8")
    return process


def running(folder: Path) -> list[psutil.Process]:
    """Every process of the installation in `folder`, the database server and this process left out."""
    mine = {os.getpid(), *(p.pid for p in psutil.Process().parents())}
    sessions = _sessions(folder)
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.pid in mine
                or process.name() == "postgres"
                or process.status() == psutil.STATUS_ZOMBIE
            ):
                continue
            if _in_session(process, sessions) or process.environ().get(INSTANCE_VARIABLE) == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess, ProcessLookupError):
            continue
    return found


def stop_all(folder: Path) -> int:
    """End every process of the installation: asked first, killed after a grace. Returns how many there were."""
    count = 0
    for signal_number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        processes = running(folder)
        count = max(count, len(processes))
        for process in processes:
            try:
                process.send_signal(signal_number)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=GRACE_S)
        if not running(folder):
            break
        time.sleep(0.2)
    (folder / SESSIONS_FILE).unlink(missing_ok=True)
    return count


def _sessions(folder: Path) -> dict[int, float]:
    try:
        stored = json.loads((folder / SESSIONS_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {int(pid): float(created) for pid, created in stored.items()}


def _in_session(process: psutil.Process, sessions: Mapping[int, float]) -> bool:
    session = os.getsid(process.pid)
    if session not in sessions:
        return False
    # A later process may have got the number of an ended leader: then the times differ.
    if process.pid == session:
        return abs(process.create_time() - sessions[session]) < 1.0
    return process.create_time() >= sessions[session] - 1.0
