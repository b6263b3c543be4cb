"""Every check of the project, in order, as `make test` runs them; stops at the first that fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parent


class Check(NamedTuple):
    """One command of the environment."""

    name: str
    command: tuple[str, ...]


READING = (
    Check("types", ("mypy",)),
    Check("SQL style", ("sqlfluff", "lint", "sql")),
    Check("style", ("ruff", "check", ".")),
    Check("format", ("ruff", "format", "--check", ".")),
    Check("import rule", ("lint-imports",)),
)
"""They only read: as many at once as the machine has cores, the longest first."""
ORDINARY = (
    "pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-m", "not verify and not end_to_end",
    "--durations", "10",
)  # fmt: skip
END_TO_END = ("pytest", "-m", "end_to_end and not verify", "-v")


def running() -> tuple[Check, ...]:
    """They start servers: one after the other. Only files that can hold such a test are read for the last."""
    files = sorted(path for path in TESTS.rglob("test_*.py") if "end_to_end" in path.read_text("utf-8"))
    return Check("tests", ORDINARY), Check("end to end", (*END_TO_END, *map(str, files)))


def main() -> int:
    """Run the checks; returns the exit code of the first that failed, else 0."""
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda check: run(check, shown_at_once=False), READING))
    if failed := next((code for code in codes if code), 0):
        return failed
    for check in running():
        if code := run(check, shown_at_once=True):
            return code
    print(f"== all checks passed in {time.monotonic() - began:.0f} s")
    return 0


def run(check: Check, *, shown_at_once: bool) -> int:
    """One check; what it prints comes as it runs, or after it in one piece."""
    program, *arguments = check.command
    started = time.monotonic()
    title = f"== {check.name}: {' '.join(check.command)}"
    if shown_at_once:
        print(title, flush=True)
    ended = subprocess.run(
        [BIN / program, *arguments],
        check=False,
        capture_output=not shown_at_once,
        text=True,
        env=_environment(),
    )
    before = "" if shown_at_once else f"{title}\n{ended.stdout}{ended.stderr}"
    verdict = "passed" if ended.returncode == 0 else "FAILED"
    print(f"{before}== {check.name}: {verdict} in {time.monotonic() - started:.0f} s", flush=True)
    return ended.returncode


def _environment() -> dict[str, str]:
    """As it is, except that compiled modules are kept: airflow in a hundred processes is compiled once."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    sys.exit(main())
