"""Reads the real providers' keys from `.env`. They go into connections, never into a table or a log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

KEY_VARIABLES = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "clarifai": ("CLARIFAI_PAT",),
}


def read_dotenv(path: Path) -> dict[str, str]:
    """`NAME=value` lines; comments, blank lines and quotes around values are taken away."""
    if not path.exists():
        return {}
    values = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("'\"")
    return values


def provider_keys(values: Mapping[str, str]) -> dict[str, str]:
    """Provider to key, for the providers that have one."""
    keys = {}
    for provider, names in KEY_VARIABLES.items():
        key = next((values[name] for name in names if values.get(name)), None)
        if key:
            keys[provider] = key
    return keys
