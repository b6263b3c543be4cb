"""The gate lets a sound rollup pass and stops at a broken one."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from modelscout.core.errors import QualityGateFailed
from modelscout.quality.gate import ROLLUP_CHECKS, require_passed, validate


def add_row(engine: Engine, **values: object) -> None:
    row = {"total_requests": 10, "success_count": 9, "success_rate": 0.9, "total_cost": 1} | values
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE ai_model_analytics, organizations, ai_models CASCADE"))
        connection.execute(
            text(
                "WITH o AS (INSERT INTO organizations (name) VALUES ('Acme') RETURNING id), "
                "m AS (INSERT INTO ai_models (name) VALUES ('x') RETURNING id) "
                "INSERT INTO ai_model_analytics (model_id, organization_id, feature_id, date, total_requests, "
                "success_count, success_rate, total_cost) SELECT m.id, o.id, 'chat', '2026-11-22', "
                ":total_requests, :success_count, :success_rate, :total_cost FROM o, m"
            ),
            row,
        )


def test_a_sound_rollup_passes(engine: Engine, warehouse_url: str) -> None:
    add_row(engine)
    results = validate(warehouse_url, ROLLUP_CHECKS)
    assert len(results) == len(ROLLUP_CHECKS)
    require_passed(results)


@pytest.mark.parametrize(
    ("broken", "named"), [({"success_count": 11}, "PairValues"), ({"total_cost": -1}, "Between.total_cost")]
)
def test_a_broken_rollup_is_stopped(
    engine: Engine, warehouse_url: str, broken: dict[str, object], named: str
) -> None:
    add_row(engine, **broken)
    with pytest.raises(QualityGateFailed, match=named):
        require_passed(validate(warehouse_url, ROLLUP_CHECKS))


def test_a_warning_does_not_stop(engine: Engine, warehouse_url: str) -> None:
    add_row(engine, total_cost=None)
    results = validate(warehouse_url, ROLLUP_CHECKS)
    assert [r.check.severity for r in results if not r.success] == ["warn"]
    require_passed(results)
