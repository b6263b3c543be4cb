"""The client installs alone: `pip install .` brings the package and its SQL, and no Airflow."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
PROBE = """
import sys
import modelscout.selection, modelscout.core.types
from modelscout.warehouse.sqlfiles import load_sql, sql_root
assert "site-packages" in str(sql_root()), sql_root()
assert load_sql("rollup/write_days").startswith("INSERT")
assert len(list((sql_root() / "migrations").glob("*.sql"))) >= 6
for name in ("airflow", "pandas", "sklearn", "great_expectations", "openai", "anthropic"):
    try:
        __import__(name)
    except ImportError:
        continue
    raise SystemExit(f"{name} was installed with the client")
"""


def test_the_client_installs_alone_with_its_sql(tmp_path: Path) -> None:
    def uv(*arguments: str) -> None:
        done = subprocess.run([UV, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    uv("build", "--system-certs", "--wheel", "--out-dir", str(tmp_path / "dist"), str(ROOT))
    wheel = next((tmp_path / "dist").glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("modelscout/_sql/migrations/") for name in names)
    assert any(name.startswith("modelscout/catalog/data/") for name in names)
    assert any(name.startswith("modelscout/benchmarks/suites/") for name in names)
    uv("venv", "--python", sys.executable, str(tmp_path / "venv"))
    python = tmp_path / "venv" / "bin" / "python"
    uv("pip", "install", "--system-certs", "--python", str(python), str(wheel))
    done = subprocess.run([python, "-c", PROBE], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
