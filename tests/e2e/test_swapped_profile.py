"""The check of the printed recommendations can fail: with swapped qualities the same night is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from modelscout.demo.expectations import check_recommendations
from modelscout.demo.night import emulator, run_night
from modelscout.demo.profile import Swap
from modelscout.warehouse.engine import open_engine

pytestmark = [pytest.mark.end_to_end, pytest.mark.verify, pytest.mark.timeout(300)]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_swapped_qualities_are_found_out_and_a_second_night_changes_nothing(
    warehouse_url: str, tmp_path: Path
) -> None:
    swap = Swap("openai/gpt-6-luna", "openai/gpt-4o")
    with emulator(tmp_path, NOW, swap) as url:
        first = run_night(warehouse_url, url, tmp_path, NOW, swap=swap)
        analytics = _analytics(warehouse_url)
        second = run_night(warehouse_url, url, tmp_path, NOW, swap=swap, run_key="again")
    wrong = check_recommendations(first, now=NOW)
    assert any(line.startswith("acme/photo_tagging") for line in wrong), wrong
    assert _analytics(warehouse_url) == analytics
    assert [r["verdict"] for r in second] == [r["verdict"] for r in first]


def _analytics(url: str) -> list[tuple[object, ...]]:
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT a::text FROM ai_model_analytics AS a ORDER BY a.id")).all()
    engine.dispose()
    return [tuple(row) for row in rows]
