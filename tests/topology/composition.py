"""docker-compose.yaml as compose reads it: merged, and interpolated with a .env."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yaml"
VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Z_]+)(?:(:\?|:-)([^}]*))?\})")


class MissingVariable(Exception):
    """As compose says it."""


@dataclass(frozen=True)
class Service:
    """One service, ready to run."""

    name: str
    environment: dict[str, str]
    entrypoint: list[str]
    command: list[str]
    healthcheck: list[str] | None
    tmpfs: list[str]
    volumes: list[str]


def document(path: Path = FILE) -> dict[str, Any]:
    """The file with its anchors merged, not interpolated."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$` in every string. Raises MissingVariable."""
    if isinstance(value, dict):
        return {key: interpolate(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [interpolate(part, variables) for part in value]
    return VARIABLE.sub(lambda m: _replace(m, variables), value) if isinstance(value, str) else value


def _replace(match: re.Match[str], variables: Mapping[str, str]) -> str:
    dollar, name, operator, text = match.groups()
    if dollar:
        return "$"
    if found := variables.get(name, ""):
        return found
    if operator == ":?":
        raise MissingVariable(f"required variable {name} is missing a value: {text}")
    return text if operator == ":-" else ""


def services(variables: Mapping[str, str]) -> dict[str, Service]:
    """Every service of the file, those of profiles too."""
    found = {}
    for name, raw in interpolate(document()["services"], variables).items():
        found[name] = Service(
            name=name,
            environment={k: str(v) for k, v in (raw.get("environment") or {}).items()},
            entrypoint=_words(raw.get("entrypoint")),
            command=_words(raw.get("command")),
            healthcheck=_test(raw.get("healthcheck")),
            tmpfs=list(raw.get("tmpfs") or []),
            volumes=list(raw.get("volumes") or []),
        )
    return found


def _words(value: Any) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else list(value or [])


def _test(healthcheck: Any) -> list[str] | None:
    if not healthcheck:
        return None
    kind, *rest = healthcheck["test"]
    return ["sh", "-c", rest[0]] if kind == "CMD-SHELL" else rest


def image_environment() -> dict[str, str]:
    """What the Dockerfile's ENV sets."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.startswith("ENV ")]
    return dict(pair.split("=", 1) for line in lines for pair in shlex.split(line[4:]))
