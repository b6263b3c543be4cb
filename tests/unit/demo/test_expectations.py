"""The check of the printed recommendations accepts what is planted and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelscout.core.types import Verdict
from modelscout.demo.expectations import check_recommendations
from modelscout.demo.profile import retires_on
from modelscout.demo.scenario import ASSIGNMENTS

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def planted_rows() -> list[dict[str, Any]]:
    rows = []
    for a in ASSIGNMENTS:
        end = retires_on(a.incumbent.key, NOW)
        recommended = a.expected_models[0] if a.expected_models else None
        if a.expected is Verdict.KEEP:
            recommended = a.incumbent.model
        rows.append(
            {
                "organization": a.organization,
                "feature_id": a.feature,
                "verdict": str(a.expected),
                "current_model": a.incumbent.model,
                "recommended_model": recommended,
                "n": 160,
                "evidence": {"retires_on": None if end is None else end.isoformat()},
            }
        )
    return rows


def with_change(organization: str, feature: str, **changes: Any) -> list[dict[str, Any]]:
    return [
        row | changes if (row["organization"], row["feature_id"]) == (organization, feature) else row
        for row in planted_rows()
    ]


def test_what_is_planted_is_right() -> None:
    assert check_recommendations(planted_rows(), now=NOW) == []
    assert check_recommendations(planted_rows()) == []


def test_every_verdict_of_the_design_is_planted() -> None:
    assert {a.expected for a in ASSIGNMENTS} == set(Verdict)


@pytest.mark.parametrize(
    ("organization", "feature", "changes", "said"),
    [
        ("acme", "photo_tagging", {"verdict": "keep", "recommended_model": "gpt-4o"}, "verdict keep"),
        ("acme", "photo_tagging", {"recommended_model": "claude-haiku-5-5"}, "recommended claude-haiku-5-5"),
        ("acme", "photo_tagging", {"verdict": "migrate"}, "verdict migrate"),
        ("acme", "descriptions", {"evidence": {"retires_on": None}}, "without a date"),
        ("acme", "descriptions", {"evidence": {"retires_on": "2026-11-30"}}, "2026-11-30 instead of"),
        ("acme", "chat", {"verdict": "switch", "recommended_model": "gpt-6.1-terra"}, "verdict switch"),
        ("acme", "chat", {"recommended_model": "gpt-6.1-terra"}, "keeps gpt-6-luna"),
        ("acme", "search", {"verdict": "switch"}, "verdict switch"),
        ("acme", "moderation", {"verdict": "keep"}, "verdict keep"),
        ("civic", "descriptions", {"recommended_model": "claude-haiku-5-5"}, "claude-haiku-5-5 instead of"),
        ("bloom", "chat", {"current_model": "gpt-6-luna"}, "model in use gpt-6-luna"),
    ],
)
def test_each_wrong_answer_is_named(
    organization: str, feature: str, changes: dict[str, Any], said: str
) -> None:
    problems = check_recommendations(with_change(organization, feature, **changes), now=NOW)
    assert len(problems) == 1
    assert problems[0].startswith(f"{organization}/{feature}: ")
    assert said in problems[0]


def test_rows_swapped_between_two_features_are_wrong() -> None:
    rows = planted_rows()
    for row in rows:
        if row["organization"] == "acme" and row["feature_id"] in ("photo_tagging", "chat"):
            row["feature_id"] = {"photo_tagging": "chat", "chat": "photo_tagging"}[row["feature_id"]]
    assert len(check_recommendations(rows)) == 2


def test_a_missing_and_a_doubled_row_are_wrong() -> None:
    rows = planted_rows()
    assert check_recommendations(rows[1:]) == ["acme/photo_tagging: 0 recommendations instead of one"]
    assert check_recommendations([*rows, rows[0]]) == ["acme/photo_tagging: 2 recommendations instead of one"]


def test_later_nights_may_settle_the_trial() -> None:
    assert check_recommendations(with_change("acme", "search", verdict="switch", n=200)) == []


def test_a_real_retirement_turns_the_switch_into_a_migration() -> None:
    soon = (NOW + timedelta(days=20)).date().isoformat()
    rows = with_change("acme", "photo_tagging", verdict="migrate", evidence={"retires_on": soon})
    assert check_recommendations(rows, now=NOW) == []


def test_other_organizations_do_not_matter() -> None:
    assert check_recommendations([*planted_rows(), {"organization": "mine", "feature_id": "chat"}]) == []
