"""docs/extend-suite.md: its suite and its grader, used as the page says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelscout.benchmarks import graders
from modelscout.benchmarks.graders import grade, grader_names
from modelscout.benchmarks.suites import load_suites
from modelscout.core.errors import ConfigurationError

PAGE = Path("docs/extend-suite.md")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ticket_routing.yaml").write_text(block("yaml"), encoding="utf-8")
    monkeypatch.setenv("MODELSCOUT_SUITES_FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's grader as an installed package."""
    (tmp_path / "acme_graders.py").write_text(block("python"), encoding="utf-8")
    info = tmp_path / "acme_graders-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-graders\nVersion: 1.0\n")
    lines = block("toml").replace('[project.entry-points."modelscout.graders"]', "[modelscout.graders]")
    (info / "entry_points.txt").write_text(lines.replace('"', ""))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(graders, "_REGISTRY", dict(graders._REGISTRY))
    graders._added.cache_clear()
    yield
    graders._added.cache_clear()
    sys.modules.pop("acme_graders", None)


def test_the_suite_of_the_page_stands_beside_ours(folder: Path) -> None:
    suites = {suite.feature_id: suite for suite in load_suites()}
    assert {"chat", "ticket_routing"} <= set(suites)
    assert [case.reference for case in suites["ticket_routing"].cases] == ["billing", "delivery", "account"]


def test_a_second_suite_for_a_feature_is_refused_with_both_files(folder: Path) -> None:
    (folder / "chat.yaml").write_text(block("yaml").replace("ticket_routing", "chat"), encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"chat\.yaml: feature chat has the suite .*chat\.yaml already"
    ):
        load_suites()


def test_the_grader_of_the_page_is_found_by_its_name(package: None) -> None:
    assert "within_a_day" in grader_names()
    scores = [grade("within_a_day", answer, "2026-11-25") for answer in ("2026-11-25", "2026-11-26", "soon")]
    assert scores == [1.0, 0.5, 0.0]


def test_a_package_cannot_replace_a_grader_of_ours(package: None, tmp_path: Path) -> None:
    entries = tmp_path / "acme_graders-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[modelscout.graders]\nexact = acme_graders:within_a_day\n")
    graders._added.cache_clear()
    assert grade("exact", "2026-11-26", "2026-11-25") == 0.0
