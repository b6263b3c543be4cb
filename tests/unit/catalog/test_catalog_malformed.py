"""A catalog file with a mistake is refused; the message names file, line, key and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from modelscout.catalog.loader import load_catalog
from modelscout.core.errors import ConfigurationError

GOOD = """\
provider: openai
sources:
  page:
    text: "A page"
    read_on: 2026-11-23
models:
  - id: new-model
    name: New
    version: "2"
    family: new
    type: multimodal
    aliases: [newest]
    capabilities: [text_generation, image_analysis]
    performance: {speed: high, accuracy: medium, cost: low}
    limits:
      context_window_tokens: 1000
      max_output_tokens: 100
    lifecycle:
      released_on: 2026-01-01
      deprecated_on: 2026-02-01
      retires_on: 2026-03-01
      successor: next-model
    use_case_scores: &scores
      batch_processing: {score: 50, reason: because}
      real_time: {score: 50, reason: because}
      cost_sensitive: {score: 50, reason: because}
      high_accuracy: {score: 50, reason: because}
      complex_analysis: {score: 50, reason: because}
      quality_control: {score: 50, reason: because}
    sources: &from_page
      identity: page
      capabilities: page
      performance: page
      limits: page
      lifecycle: page
      use_case_scores: page
  - id: next-model
    name: Next
    version: "3"
    family: new
    type: language
    capabilities: [text_generation]
    performance: {speed: high, accuracy: medium, cost: low}
    limits: {}
    lifecycle: {}
    use_case_scores: *scores
    sources: *from_page
"""

# Name of the mistake: what to replace, by what, then what the message must hold.
MISTAKES = {
    "empty file": (GOOD, "", ["not a mapping", "start it with `provider:`"]),
    "a list": (GOOD, "- id: x\n", ["not a mapping", "start it with `provider:`"]),
    "not YAML": ("aliases: [newest]", "aliases: [newest", ["line 13", "not valid YAML"]),
    "tab as indent": ("    name: New", "\tname: New", ["line 8", "not valid YAML"]),
    "key twice": (
        "    name: New\n",
        "    name: New\n    name: Old\n",
        ["line 9", "'name' stands twice", "keep one"],
    ),
    "unknown provider": ("provider: openai", "provider: opnai", ["line 1", "provider", "'openai'"]),
    "other provider's file": (
        "provider: openai",
        "provider: google",
        ["line 1", "provider", "rename the file"],
    ),
    "no models": (GOOD[GOOD.index("models:") :], "models: []\n", ["line 6", "models", "at least 1 item"]),
    "misspelt key": (
        "    family: new\n    type: multi",
        "    famly: new\n    type: multi",
        ["line 7", "models[0].family (new-model)", "missing: add it"],
    ),
    "unknown key": (
        '    version: "2"',
        '    version: "2"\n    colour: red',
        ["line 10", "models[0].colour (new-model)", "remove it or correct"],
    ),
    "id with a space": ("id: new-model", "id: new model", ["line 7", "models[0].id", "without spaces"]),
    "number as version": ('version: "2"', "version: 2.0", ["line 9", "models[0].version", "in quotes"]),
    "unknown type": ("type: multimodal", "type: visual", ["line 11", "models[0].type", "'multimodal'"]),
    "blind multimodal": (
        "[text_generation, image_analysis]",
        "[text_generation]",
        ["line 7", "models[0]", "has no image_analysis"],
    ),
    "unknown capability": (
        "image_analysis]",
        "image_analysys]",
        ["line 13", "models[0].capabilities[1]", "'image_analysis'"],
    ),
    "no capability": (
        "[text_generation, image_analysis]",
        "[]",
        ["line 13", "models[0].capabilities", "at least 1 item"],
    ),
    "capability twice": (
        "[text_generation, image_analysis]",
        "[image_analysis, image_analysis]",
        ["line 7", "capabilities holds an entry twice", "keep one"],
    ),
    "unknown class": (
        "{speed: high, accuracy: medium, cost: low}\n    limits:\n",
        "{speed: fast, accuracy: medium, cost: low}\n    limits:\n",
        ["line 14", "models[0].performance.speed", "'very_high'"],
    ),
    "limit with unit": (
        "context_window_tokens: 1000",
        "context_window_tokens: 1k",
        ["line 16", "limits.context_window_tokens", "whole number"],
    ),
    "limit of zero": (
        "context_window_tokens: 1000",
        "context_window_tokens: 0",
        ["line 16", "limits.context_window_tokens", "greater than 0"],
    ),
    "limit with fraction": (
        "max_output_tokens: 100",
        "max_output_tokens: 100.5",
        ["line 17", "limits.max_output_tokens", "whole number"],
    ),
    "output beyond window": (
        "max_output_tokens: 100",
        "max_output_tokens: 2000",
        ["line 15", "max_output_tokens 2000", "context_window_tokens 1000", "correct one"],
    ),
    "no such day": (
        "retires_on: 2026-03-01",
        "retires_on: 2026-02-30",
        ["line 21", "not valid YAML", "day is out of range"],
    ),
    "day in words": (
        "retires_on: 2026-03-01",
        "retires_on: soon",
        ["line 21", "lifecycle.retires_on", "2026-11-23"],
    ),
    "retired before released": (
        "retires_on: 2026-03-01",
        "retires_on: 2025-03-01",
        ["line 18", "retires_on 2025-03-01 is before", "correct one of the dates"],
    ),
    "unknown successor": (
        "successor: next-model",
        "successor: no-model",
        ["line 22", "lifecycle.successor", "'no-model'", "add that model"],
    ),
    "its own successor": (
        "successor: next-model",
        "successor: new-model",
        ["line 22", "lifecycle.successor", "not another model"],
    ),
    "use case missing": (
        "      real_time: {score: 50, reason: because}\n",
        "",
        ["line 7", "use_case_scores lacks real_time", "0 to 100"],
    ),
    "unknown use case": ("real_time:", "realtime:", ["line 25", "use_case_scores.realtime", "'real_time'"]),
    "score above 100": (
        "real_time: {score: 50",
        "real_time: {score: 101",
        ["line 25", "use_case_scores.real_time.score", "less than or equal to 100"],
    ),
    "score without reason": (
        "real_time: {score: 50, reason: because}",
        "real_time: {score: 50}",
        ["line 25", "real_time.reason", "missing: add it"],
    ),
    "blank reason": (
        "real_time: {score: 50, reason: because}",
        'real_time: {score: 50, reason: " "}',
        ["line 25", "real_time.reason", "plain text"],
    ),
    "unknown source": ("limits: page", "limits: pag", ["line 34", "sources.limits", "'pag'", "add it there"]),
    "source missing": ("      limits: page\n", "", ["line 7", "sources lacks limits", "name one"]),
    "source without day": (
        "    read_on: 2026-11-23\n",
        "",
        ["line 3", "sources.page.read_on", "missing: add it"],
    ),
    "same id twice": ("id: next-model", "id: new-model", ["new-model", "names two models", "keep it at one"]),
    "alias of another": ("aliases: [newest]", "aliases: [next-model]", ["'next-model'", "names two models"]),
    "alias is the id": ("aliases: [newest]", "aliases: [new-model]", ["aliases repeats the id", "remove it"]),
}


def folder_with(tmp_path: Path, text: str) -> Path:
    (tmp_path / "openai.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_file_without_a_mistake_loads(tmp_path: Path) -> None:
    assert [m.model_id for m in load_catalog(folder_with(tmp_path, GOOD)).models] == [
        "new-model",
        "next-model",
    ]


@pytest.mark.parametrize(("old", "new", "told"), MISTAKES.values(), ids=list(MISTAKES))
def test_mistake_is_refused(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    assert old in GOOD
    folder = folder_with(tmp_path, GOOD.replace(old, new, 1))

    with pytest.raises(ConfigurationError) as caught:
        load_catalog(folder)

    message = str(caught.value)
    assert str(folder / "openai.yaml") in message
    assert [part for part in told if part not in message] == [], message
    assert "validation error" not in message
    assert not re.search(r"pydantic|Traceback", message)


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"add <provider>\.yaml"):
        load_catalog(tmp_path)


def test_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "openai.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_catalog(tmp_path)
