"""The examples of docs/calculator.md: every figure worked out by hand is what the documented command answers."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from modelscout.cli import main

PAGE = Path(__file__).parents[3] / "docs" / "calculator.md"
NOW = "2026-11-23T12:00:00+00:00"


class Example(NamedTuple):
    title: str
    command: str
    figures: dict[str, str]


def examples() -> list[Example]:
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [read(section) for section in sections]


def read(section: str) -> Example:
    command = re.search(r"```sh\n(.+?)\n```", section, flags=re.DOTALL)
    assert command is not None
    figures = dict(re.findall(r"^\| `([^`]+)` \| .+ \| `([^`]+)` \|$", section, flags=re.MULTILINE))
    return Example(section.splitlines()[0], command[1], figures)


def at(value: Any, path: str) -> Any:
    """`models[openai/gpt-4o].features[0].usage` of a JSON value; a name picks the entry that bears it."""
    for name, key in re.findall(r"([a-z_0-9]+)|\[([^\]]+)\]", path):
        if name:
            value = value[name]
        elif key.isdecimal():
            value = value[int(key)]
        else:
            value = next(v for v in value if key in (v.get("model"), v.get("feature"), v.get("candidate")))
    return value


def as_written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def test_there_are_five_examples_with_figures() -> None:
    found = examples()
    assert len(found) == 5
    assert [len(example.figures) for example in found] == [8, 9, 12, 11, 13]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title[:20])
def test_example(
    example: Example, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELSCOUT_NOW", NOW)
    monkeypatch.delenv("MODELSCOUT_DATABASE_URL", raising=False)
    program, *arguments = shlex.split(example.command)

    assert (program, main(arguments)) == ("modelscout", 0)

    answer = json.loads(capsys.readouterr().out)
    got = {path: as_written(at(answer, path)) for path in example.figures}
    assert got == example.figures
