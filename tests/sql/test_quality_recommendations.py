"""Recommendations are checked before anybody sees them: each expectation on a planted fault, and publishing itself."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from modelscout.analytics.gate import read_results, run_suite
from modelscout.core.errors import QualityGateFailed
from modelscout.quality.suites import RECOMMENDATIONS
from modelscout.recommender.publish import publish
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
ACME, GLOBEX, STRANGER = (str(uuid.UUID(int=n)) for n in (0xA, 0xB, 0xC))
MODELS = {name: str(uuid.UUID(int=0x10 + n)) for n, name in enumerate(("leaving", "old", "good", "private"))}
FOREIGN = "recommends_a_foreign_private_model"
SOUND = {
    "organization_id": ACME, "feature_id": "chat", "recommended_model_id": MODELS["good"],
    "current_model_id": MODELS["leaving"], "reasons": '["Proven."]', "decision_date": "2026-11-23",
    "verdict": "switch", "evidence": '{"chosen": {"proven": true}}', "created_at": NOW,
    "cost_estimate": '{"saving_usd_per_month": {"estimate": 2, "low": 1, "high": 3}}',
    "valid_until": "2026-11-30",
}  # fmt: skip
FAULTS: dict[str, dict[str, Any]] = {
    "without_reasons": {"reasons": "[]"},
    "without_model": {"recommended_model_id": None},
    "changes_to_itself": {"current_model_id": MODELS["good"]},
    "keeps_another": {"verdict": "keep"},
    "unproven_switch": {"evidence": '{"chosen": {"proven": false}}'},
    "recommends_a_retired_model": {"recommended_model_id": MODELS["old"]},
    "recommends_an_unavailable_model": {"organization_id": GLOBEX},
    "recommends_a_foreign_private_model": {"recommended_model_id": MODELS["private"]},
    "impossible_cost": {"cost_estimate": '{"saving_usd_per_month": {"low": 3, "high": 1}}'},
    "already_expired": {"valid_until": "2026-11-22"},
    "switch_without_saving": {"cost_estimate": '{"saving_usd_per_month": null}'},
}


@pytest.fixture(scope="module")
def pipeline(warehouse_url: str) -> Iterator[Engine]:
    owner = open_engine(warehouse_url)
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE quality_nightly LOGIN IN ROLE modelscout_pipeline"))
    owner.dispose()
    engine = open_engine(warehouse_url.replace("postgres@", "quality_nightly@"))
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def warehouse(engine: Engine) -> None:
    """Two organizations; `old` has retired, `private` is a stranger's, and globex cannot use `good`."""
    with engine.begin() as c:
        c.execute(text("TRUNCATE organizations, ai_models, ai_features, data_quality_results CASCADE"))
        c.execute(text("INSERT INTO ai_features (id, name, use_case) VALUES ('chat', 'Chat', 'real_time')"))
        for organization, slug in ((ACME, "acme"), (GLOBEX, "globex")):
            c.execute(
                text("INSERT INTO organizations (id, name, slug) VALUES (:o, :s, :s)"),
                {"o": organization, "s": slug},
            )
        for name, model in MODELS.items():
            c.execute(
                text(
                    "INSERT INTO ai_models (id, provider, provider_model_id, name, retires_on, "
                    "owner_organization_id) VALUES (:id, 'openai', :n, :n, :retires, cast(:owner AS uuid))"
                ),
                {
                    "id": model,
                    "n": name,
                    "retires": {"old": "2026-11-20"}.get(name),
                    "owner": STRANGER if name == "private" else None,
                },
            )
        c.execute(
            text(
                "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, "
                "last_seen_at, checked_at) SELECT :o, id, 'unavailable', :now, :now, :now FROM ai_models "
                "WHERE name = 'good'"
            ),
            {"o": GLOBEX, "now": NOW},
        )


def add_recommendation(engine: Engine, **changed: Any) -> None:
    row = SOUND | changed
    with engine.begin() as connection:
        columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO ai_model_recommendations ({columns}) VALUES ({values})"), row)


def failures(engine: Engine) -> dict[str, set[str | None]]:
    with engine.connect() as connection:
        result = run_suite(connection, RECOMMENDATIONS, {"day": NOW.date()})
    return {r.check.name: {f.organization_id for f in r.findings} for r in result.results if r.findings}


def test_every_expectation_has_a_planted_fault() -> None:
    assert set(FAULTS) == {c.name for c in RECOMMENDATIONS.checks}


def test_a_sound_recommendation_passes(pipeline: Engine, engine: Engine) -> None:
    add_recommendation(engine)
    assert failures(pipeline) == {}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_recommendation_is_found(pipeline: Engine, engine: Engine, name: str) -> None:
    add_recommendation(engine, **FAULTS[name])
    assert failures(pipeline) == {name: {str((SOUND | FAULTS[name])["organization_id"])}}


def use(engine: Engine, organization: str, model: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO ai_feature_settings (organization_id, feature_id, current_model_id) "
                "VALUES (:o, 'chat', :m)"
            ),
            {"o": organization, "m": MODELS[model]},
        )


def mislead(engine: Engine) -> None:
    """Let the successor of the model that leaves be somebody else's private model that both keys can call."""
    with engine.begin() as connection:
        for statement in (
            "UPDATE ai_models SET retires_on = '2026-12-01', successor_model_id = 'private' WHERE name = 'leaving'",
            "INSERT INTO organization_provider_keys (organization_id, provider, secret_reference) "
            "SELECT id, 'openai', 'x' FROM organizations",
            "INSERT INTO ai_model_availability (organization_id, model_id, status, first_seen_at, last_seen_at, "
            "checked_at) SELECT o.id, m.id, 'available', now(), now(), now() FROM organizations AS o "
            "CROSS JOIN ai_models AS m WHERE m.name = 'private'",
        ):
            connection.execute(text(statement))


def night(engine: Engine) -> dict[str, int]:
    return publish(engine, now=NOW, horizon_days=30, run_key="night")


def recommended(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        statement = (
            "SELECT o.slug, r.verdict FROM ai_model_recommendations AS r "
            "INNER JOIN organizations AS o ON r.organization_id = o.id ORDER BY o.slug"
        )
        return {row.slug: row.verdict for row in connection.execute(text(statement))}


def open_alerts(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        statement = "SELECT kind FROM alerts WHERE resolved_at IS NULL AND kind LIKE '%quality' ORDER BY kind"
        return list(connection.execute(text(statement)).scalars())


def test_a_faulty_recommendation_is_not_shown_and_the_others_are(pipeline: Engine, engine: Engine) -> None:
    use(engine, ACME, "leaving")
    use(engine, GLOBEX, "good")
    mislead(engine)
    for _ in range(2):
        verdicts = night(pipeline)
        assert sum(verdicts.values()) == 1
        assert set(recommended(engine)) == {"globex"}
        assert open_alerts(engine) == ["recommendation_quality"]
        failed = [r for r in read_results(pipeline, "night") if not r["success"] and r["organization"]]
        assert [(r["organization"], r["expectation"]) for r in failed] == [("acme", FOREIGN)]


def test_what_was_mended_is_published_and_its_alert_ends(pipeline: Engine, engine: Engine) -> None:
    use(engine, ACME, "leaving")
    use(engine, GLOBEX, "good")
    mislead(engine)
    night(pipeline)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ai_models SET owner_organization_id = NULL"))
    night(pipeline)
    assert set(recommended(engine)) == {"acme", "globex"}
    assert open_alerts(engine) == []


def test_where_all_fail_nothing_is_written_and_the_run_fails(pipeline: Engine, engine: Engine) -> None:
    use(engine, ACME, "leaving")
    use(engine, GLOBEX, "leaving")
    mislead(engine)
    with pytest.raises(QualityGateFailed, match=FOREIGN):
        night(pipeline)
    assert recommended(engine) == {}
    assert any(row["observed"]["stops_the_run"] for row in read_results(pipeline, "night"))


def test_an_organization_whose_data_is_blocked_keeps_what_it_has(pipeline: Engine, engine: Engine) -> None:
    for organization in (ACME, GLOBEX):
        use(engine, organization, "good")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO alerts (organization_id, kind, severity, natural_key, message, raised_at) "
                "VALUES (:o, 'data_quality', 'critical', :key, 'x', :now)"
            ),
            {"o": ACME, "key": f"data_quality:rollup:{ACME}", "now": NOW},
        )
    night(pipeline)
    assert set(recommended(engine)) == {"globex"}
    # Nothing is known anew of its events and rollup.
    assert open_alerts(engine) == ["data_quality"]
