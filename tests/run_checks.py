"""Every check of the project, in order, as `make test` runs them; stops at the first that fails."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("style", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy",)),
    ("import rule", ("lint-imports",)),
    ("SQL style", ("sqlfluff", "lint", "sql", "--processes", "2")),
    ("tests", ("pytest", "-n", "2", "-m", "not verify and not end_to_end", "--durations", "10")),
    ("end to end", ("pytest", "-m", "end_to_end and not verify", "-v")),
)


def main() -> int:
    """Run the checks; returns the exit code of the first that failed, else 0."""
    began = time.monotonic()
    for name, (program, *arguments) in CHECKS:
        print(f"== {name}: {program} {' '.join(arguments)}", flush=True)
        started = time.monotonic()
        code = subprocess.run([BIN / program, *arguments], check=False).returncode
        print(
            f"== {name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - started:.0f} s",
            flush=True,
        )
        if code != 0:
            return code
    print(f"== all checks passed in {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
