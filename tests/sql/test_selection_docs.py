"""The examples of docs/selection.md, run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from selection_support import ACME, NOW, assign, change, fill
from sqlalchemy import Engine

from modelscout.cli import main
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureChange, WorkloadModel

PAGE = Path(__file__).parents[2] / "docs/selection.md"
NAMES = {
    "luna": "gpt-6-luna",
    "terra": "gpt-6.1-terra",
    "haiku": "claude-haiku-5-5",
    "flash": "gemini-3.8-flash",
}


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, monkeypatch: pytest.MonkeyPatch, warehouse_url: str) -> None:
    fill(engine)
    assign(engine, ACME, "chat", "openai/luna", "anthropic/haiku", "google/flash")
    for short, name in NAMES.items():
        change(
            engine,
            "UPDATE ai_models SET provider_model_id = :n WHERE provider_model_id = :s",
            n=name,
            s=short,
        )
    rules = [WorkloadModel({"complexity": ["high"]}, "openai/gpt-6.1-terra")]
    settings = FeatureChange(parameters={"temperature": 0.2}, workload_models=rules)
    FeatureService(engine).update("acme", "chat", settings, actor="ann", now=NOW)
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url)
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())


def test_the_program() -> None:
    [program], [answer] = blocks("python"), blocks("text")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == answer


def test_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for transcript in blocks("console"):
        for command, answer in re.findall(r"^\$ modelscout (.+)\n((?:[^$].*\n)*)", transcript, re.MULTILINE):
            assert main(shlex.split(command)) == 0
            assert capsys.readouterr().out == answer
