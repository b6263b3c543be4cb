"""Run as a program: how long each DAG file takes beyond `import airflow.sdk`, and what it pulls in, as JSON.

Every file is loaded in a forked child, so that none profits from what another has loaded; the best of three.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import airflow.sdk

TRIES = 3
HEAVY = (
    "pandas",
    "sklearn",
    "skops",
    "great_expectations",
    "openai",
    "anthropic",
    "google.genai",
    "psycopg",
    "numpy",
)


def load(path: Path) -> dict[str, Any]:
    for name in ("Asset", "AssetOrTimeSchedule", "CronTriggerTimetable", "Param", "dag", "task"):
        getattr(airflow.sdk, name)  # Loaded on first use: part of the import.
    before = set(sys.modules)
    began = time.perf_counter()
    spec = importlib.util.spec_from_file_location(f"dag_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    seconds = time.perf_counter() - began
    new = set(sys.modules) - before
    return {
        "seconds": seconds,
        "modelscout": sorted(m for m in sys.modules if m.startswith("modelscout.")),
        "heavy": sorted(h for h in HEAVY if any(m == h or m.startswith(f"{h}.") for m in new)),
    }


def in_child(path: Path) -> dict[str, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            json.dump(load(path), out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    result: dict[str, Any] = json.loads(text)
    return result


if __name__ == "__main__":
    measured = {}
    for file in map(Path, sys.argv[1:]):
        measured[file.name] = min(
            (in_child(file) for _ in range(TRIES)), key=lambda result: result["seconds"]
        )
    print(json.dumps(measured))
