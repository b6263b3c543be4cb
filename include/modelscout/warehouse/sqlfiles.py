"""Finds the project's SQL: in the wheel beside the package, in a checkout under `sql/`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import modelscout


@lru_cache(maxsize=1)
def sql_root() -> Path:
    """Folder that holds `migrations/`, `rollup/` and `queries/`."""
    package = Path(modelscout.__file__).parent
    shipped = package / "_sql"
    return shipped if shipped.is_dir() else package.parents[1] / "sql"


@lru_cache(maxsize=128)
def load_sql(name: str) -> str:
    """Statement of one file, named relative to the root without its ending, such as `rollup/write_days`.

    Comment lines are left out: a colon in them would be taken for a parameter.
    """
    lines = (sql_root() / f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))
