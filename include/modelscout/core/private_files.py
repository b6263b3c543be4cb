"""Files that only their owner may read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def create_private(path: Path, text: str) -> None:
    """Write a new file whole or not at all, readable to its owner only.

    Raises FileExistsError where `path` exists: of two that start at once, the first wins. OSError as the system has it.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
