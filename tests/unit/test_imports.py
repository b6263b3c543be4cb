"""The client is light: it starts fast, and it works where only the base dependencies are installed."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HEAVY = ("airflow", "pandas", "sklearn", "great_expectations")
MEASURE = """
import json, sys, time
began = time.perf_counter()
import modelscout.selection
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "roots": sorted({name.split(".")[0] for name in sys.modules})}))
"""
# A name that is None in sys.modules cannot be imported: as if it were not installed.
IMPORT_ALL = """
import importlib, json, pkgutil, sys
sys.modules.update(dict.fromkeys(json.loads(sys.argv[1])))
import modelscout.selection as package
names = [package.__name__, *(m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + "."))]
for name in names:
    importlib.import_module(name)
print(json.dumps(names))
"""


def run(program: str, *arguments: str) -> object:
    output = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    return json.loads(output)


def names_in(requirements: list[str]) -> set[str]:
    """Import names of requirements, by the distributions that provide them."""
    from importlib.metadata import packages_distributions
    from re import match

    wanted = {str(m.group()).lower().replace("_", "-") for r in requirements if (m := match(r"[\w.-]+", r))}
    return {
        name
        for name, distributions in packages_distributions().items()
        if wanted & {d.lower().replace("_", "-") for d in distributions}
    }


def extras() -> set[str]:
    """Import names of everything that only the extras bring."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    base = names_in(project["dependencies"]) | {"modelscout", "sqlalchemy", "psycopg"}
    return names_in([r for extra in project["optional-dependencies"].values() for r in extra]) - base


def test_importing_the_client_is_fast_and_pulls_in_nothing_heavy() -> None:
    tries = [run(MEASURE) for _ in range(3)]
    best = min(tries, key=lambda t: t["seconds"])  # type: ignore[index]
    assert isinstance(best, dict)
    assert best["seconds"] < 0.5
    assert not set(HEAVY) & set(best["roots"])


def test_the_extras_are_known_by_their_import_names() -> None:
    """Otherwise the next test blocks nothing."""
    assert {*HEAVY[1:], "openai", "anthropic", "fastapi", "genai_prices", "pydantic", "yaml"} <= extras()


def test_every_module_of_the_client_imports_with_the_base_dependencies_alone() -> None:
    names = run(IMPORT_ALL, json.dumps(sorted(extras() | set(HEAVY))))
    assert isinstance(names, list)
    assert "modelscout.selection" in names


def test_a_module_that_needs_an_extra_is_noticed() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run(IMPORT_ALL.replace("modelscout.selection", "modelscout.catalog"), json.dumps(sorted(extras())))
    assert "ModuleNotFoundError" in failed.value.stderr
