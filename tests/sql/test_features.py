"""The configuration of features: validated, audited, undoable, told to whoever listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from selection_support import ACME, MODELS, NOW, assign, change, fill
from sqlalchemy import Engine, text

from modelscout.cli import main
from modelscout.core.errors import ChangedMeanwhile, ConfigurationError
from modelscout.features.reading import history, model_choices, usable_models
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureChange, WorkloadModel
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.maintenance import maintain


@pytest.fixture(scope="module")
def nightly(warehouse_url: str) -> Iterator[Engine]:
    owner = open_engine(warehouse_url)
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE features_nightly LOGIN IN ROLE modelscout_pipeline"))
        connection.execute(text("CREATE ROLE features_application LOGIN IN ROLE modelscout_application"))
    owner.dispose()
    engine = open_engine(warehouse_url.replace("postgres@", "features_nightly@"))
    yield engine
    engine.dispose()


@pytest.fixture
def service(engine: Engine, nightly: Engine) -> FeatureService:
    fill(engine)
    return FeatureService(nightly)


def update(service: FeatureService, feature: str = "chat", **values: Any) -> Any:
    return service.update("acme", feature, FeatureChange(**values), actor="ann", now=NOW)


def log(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(
            connection.execute(
                text("SELECT action, actor, before, after, undoes FROM audit_log ORDER BY id")
            ).all()
        )


def test_a_feature_that_nobody_configured_says_what_it_goes_by(service: FeatureService) -> None:
    found = {s.feature_id: s for s in service.read_all("acme")}
    assert {f: s.default_by for f, s in found.items()} == {
        "photo_tagging": "speed",
        "chat": "conversation",
        "search": "analysis",
    }
    assert not any(s.configured or s.model or s.fallbacks for s in found.values())
    assert found["chat"].margin == Decimal("0.03")


def test_a_change_is_stored_audited_and_not_repeated(service: FeatureService, engine: Engine) -> None:
    wanted = {
        "model": "openai/luna",
        "fallbacks": ("anthropic/haiku", "google/flash"),
        "parameters": {"temperature": 0.2, "max_output_tokens": 300},
        "margin": Decimal("0.0500"),
        "limits": {"max_latency_ms": 4000},
        "monthly_budget_usd": Decimal("123.4567"),
        "auto_apply": True,
        "workload_models": (WorkloadModel({"complexity": ["high"]}, "openai/terra"),),
    }
    done = update(service, **wanted)
    assert done.changed
    read = service.read("acme", "chat")
    assert read == done.settings
    assert (read.model, read.fallbacks) == ("openai/luna", ("anthropic/haiku", "google/flash"))
    assert read.parameters == {"temperature": 0.2, "max_output_tokens": 300}
    assert read.monthly_budget_usd == Decimal("123.4567")
    assert read.workload_models == (WorkloadModel({"complexity": ["high"]}, "openai/terra"),)
    assert (read.updated_by, read.updated_at) == ("ann", NOW)
    assert not update(service, **wanted).changed
    [entry] = log(engine)
    assert (entry.action, entry.actor, entry.before) == ("set_feature", "ann", None)
    assert entry.after["current_model_id"] == str(MODELS["openai/luna"])
    assert not service.read("globex", "chat").configured


def test_only_what_is_named_changes(service: FeatureService) -> None:
    update(service, model="openai/luna", margin=Decimal("0.1"))
    done = update(service, monthly_budget_usd=Decimal(9))
    assert (done.settings.model, done.settings.margin) == ("openai/luna", Decimal("0.1000"))
    assert (done.before, done.after) == ({"monthly_budget_usd": None}, {"monthly_budget_usd": Decimal(9)})
    assert update(service, margin=None, model=None).settings.model is None


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"model": "openai/none"}, "model='openai/none' is unknown"),
        ({"model": "luna"}, "write it as provider/model"),
        ({"model": "openai/ft:luna:globex"}, "is unknown"),
        ({"fallbacks": "openai/luna"}, "give a list"),
        ({"fallbacks": ["openai/luna"] * 9}, "at most 8"),
        ({"fallbacks": ["openai/luna", "openai/luna"]}, "twice"),
        ({"model": "openai/luna", "fallbacks": ["openai/luna"]}, "the model in use itself"),
        ({"margin": Decimal("1.0")}, "margin=1.0 is no share"),
        ({"margin": Decimal("NaN")}, "is no share"),
        ({"margin": 0.05}, "margin=0.05"),
        ({"margin": Decimal("0.00001")}, "four decimals"),
        ({"monthly_budget_usd": Decimal(-1)}, "monthly_budget_usd=-1"),
        ({"parameters": {"api_key": "x"}}, "parameters.api_key looks like a secret"),
        ({"parameters": {"temperature": 3}}, "from 0 to 2"),
        ({"parameters": {"max_output_tokens": 0}}, "at least 1"),
        ({"parameters": {"x": float("nan")}}, "not plain JSON"),
        ({"parameters": {"x": "y" * 5000}}, "characters"),
        ({"limits": {"speed": 1}}, "limits.speed is unknown"),
        ({"limits": {"max_latency_ms": 0}}, "above 0"),
        ({"workload_models": [WorkloadModel({}, "openai/luna")]}, "workload_models[0].when is empty"),
        ({"workload_models": [WorkloadModel({"complexity": ["huge"]}, "openai/luna")]}, "'huge' is unknown"),
        ({"workload_models": [WorkloadModel({"size": ["low"]}, "openai/luna")]}, "when.size is unknown"),
        ({"auto_apply": 1}, "auto_apply=1"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    service: FeatureService, engine: Engine, values: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        update(service, **values)
    assert named in str(refused.value)
    assert not service.read("acme", "chat").configured
    assert log(engine) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE ai_models SET retires_on = '2026-11-25' WHERE id = :m", "was retired on 2026-11-25"),
        ("UPDATE ai_model_availability SET status = 'unavailable' WHERE model_id = :m", "is unavailable"),
        ("DELETE FROM ai_model_availability WHERE model_id = :m", "is not listed"),
        ("UPDATE organizations SET allowed_providers = '{google}' WHERE :m = :m", "no usable key"),
        ("UPDATE organization_provider_keys SET health = 'refused' WHERE :m = :m", "no usable key"),
        (
            "INSERT INTO ai_model_settings (organization_id, model_id, enabled) "
            "SELECT id, :m, FALSE FROM organizations",
            "is switched off",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(
    service: FeatureService, engine: Engine, statement: str, named: str
) -> None:
    change(engine, statement, m=MODELS["openai/luna"])
    for values in ({"model": "openai/luna"}, {"fallbacks": ["openai/luna"]}):
        with pytest.raises(ConfigurationError, match=named):
            update(service, **values)


def test_a_fallback_that_cannot_do_what_the_feature_needs_is_none(
    service: FeatureService, engine: Engine
) -> None:
    with pytest.raises(ConfigurationError, match="failed the test of image_analysis"):
        update(service, "photo_tagging", model="google/text-only")
    with pytest.raises(ConfigurationError, match="not verified for image_analysis"):
        update(service, "photo_tagging", fallbacks=["google/text-only"])
    update(service, fallbacks=["google/text-only"])
    change(engine, "UPDATE ai_model_capabilities SET result = 'documented' WHERE model_id = :m",
           m=MODELS["openai/luna"])  # fmt: skip
    update(service, "photo_tagging", model="openai/luna")
    with pytest.raises(ConfigurationError, match="not verified"):
        update(service, "photo_tagging", model=None, fallbacks=["openai/luna"])


def test_a_change_can_be_undone_and_the_one_before_it_too(service: FeatureService, engine: Engine) -> None:
    update(service, model="openai/luna", margin=Decimal("0.05"), monthly_budget_usd=Decimal("1.10"))
    update(service, model="anthropic/haiku", parameters={"temperature": 1})
    done = service.undo("acme", "chat", actor="bob", now=NOW)
    assert done.settings.model == "openai/luna"
    assert (done.settings.parameters, done.settings.monthly_budget_usd) == ({}, Decimal("1.10"))
    assert service.undo("acme", "chat", actor="bob", now=NOW).settings.model is None
    with pytest.raises(ConfigurationError, match="no change to take back"):
        service.undo("acme", "chat", actor="bob", now=NOW)
    assert [(e.action, e.undoes is not None) for e in log(engine)] == [
        ("set_feature", False), ("set_feature", False), ("undo", True), ("undo", True),
    ]  # fmt: skip


def test_an_automatic_application_can_be_undone(service: FeatureService, engine: Engine) -> None:
    update(service, model="openai/luna", margin=Decimal("0.05"))
    change(engine, "UPDATE ai_feature_settings SET current_model_id = :m", m=MODELS["google/flash"])
    change(
        engine,
        "INSERT INTO audit_log (organization_id, actor, action, subject, before, after) "
        "VALUES (:o, 'review_adoption', 'apply', 'chat', cast(:b AS jsonb), cast(:a AS jsonb))",
        o=ACME,
        b=json.dumps({"current_model_id": str(MODELS["openai/luna"])}),
        a=json.dumps({"current_model_id": str(MODELS["google/flash"])}),
    )
    undone = service.undo("acme", "chat", actor="ann", now=NOW).settings
    assert (undone.model, undone.margin) == ("openai/luna", Decimal("0.0500"))


def test_what_was_changed_past_the_service_is_not_overwritten_by_an_undo(
    service: FeatureService, engine: Engine
) -> None:
    update(service, model="openai/luna")
    assign(engine, ACME, "chat", "anthropic/sonnet")
    with pytest.raises(ConfigurationError, match=r"changed past this service.*current_model_id"):
        service.undo("acme", "chat", actor="ann", now=NOW)
    assert service.read("acme", "chat").model == "anthropic/sonnet"


def test_changes_at_once_all_count(service: FeatureService, engine: Engine) -> None:
    values: list[dict[str, Any]] = [
        {"model": "openai/luna"}, {"margin": Decimal("0.2")}, {"parameters": {"top_p": 1}},
        {"monthly_budget_usd": Decimal(5)},
    ]  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda v: update(service, **v), values))
    read = service.read("acme", "chat")
    assert (read.model, read.margin, read.parameters) == ("openai/luna", Decimal("0.2"), {"top_p": 1})
    assert len(log(engine)) == 4


def test_the_application_may_not_change_settings(service: FeatureService, warehouse_url: str) -> None:
    engine = open_engine(warehouse_url.replace("postgres@", "features_application@"))
    with pytest.raises(ConfigurationError, match="may not use the feature service"):
        FeatureService(engine).update("acme", "chat", FeatureChange(auto_apply=True), actor="x", now=NOW)
    engine.dispose()


def test_whoever_listens_hears_of_a_change_and_learns_nothing_else(
    service: FeatureService, engine: Engine, warehouse_url: str
) -> None:
    url = warehouse_url.replace("+psycopg", "").replace("postgres@", "features_application@")
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("LISTEN modelscout_selection")
        update(service, model="openai/luna")
        [told] = list(listener.notifies(timeout=5, stop_after=1))
    assert told.payload.isdecimal()
    with engine.connect() as connection:
        slot = connection.execute(
            text("SELECT slot FROM selection_versions WHERE changed_in = cast(:x AS xid8)"),
            {"x": told.payload},
        ).scalar_one()
    assert slot == 10  # The last bytes of ACME's id.


def test_old_versions_are_deleted_by_the_nightly_maintenance(
    service: FeatureService, engine: Engine, nightly: Engine
) -> None:
    update(service, model="openai/luna")
    change(engine, "UPDATE selection_versions SET changed_at = :t", t=NOW.replace(day=20))
    maintain(nightly, now=NOW)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM selection_versions")).scalar() == 0


def test_the_command(
    service: FeatureService,
    nightly: Engine,
    warehouse_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", warehouse_url.replace("postgres@", "features_nightly@"))
    monkeypatch.setenv("MODELSCOUT_NOW", NOW.isoformat())
    named = ["--organization", "acme", "--feature", "chat"]
    rules = "complexity=low|medium,urgency=batch:openai/luna;accuracy=critical:anthropic/sonnet"
    given = ["--model", "openai/terra", "--fallbacks", "google/flash", "--workload-models", rules]
    assert main(["features", "set", *named, *given, "--margin", "0.04", "--actor", "ann"]) == 0
    assert "for complexity low|medium, urgency batch: openai/luna" in capsys.readouterr().out
    assert main(["features", "show", *named, "--json"]) == 0
    [shown] = json.loads(capsys.readouterr().out)
    assert (shown["model"], shown["fallbacks"], shown["margin"]) == (
        "openai/terra",
        ["google/flash"],
        "0.0400",
    )
    assert main(["features", "undo", *named, "--json"]) == 0
    undone = json.loads(capsys.readouterr().out)
    assert (undone["changed"], undone["model"]) == (True, None)
    assert main(["features", "set", *named, "--model", "openai/nothing"]) == 2
    assert "unknown" in capsys.readouterr().err


def test_the_log_of_a_feature_shows_what_changed_by_name(service: FeatureService, engine: Engine) -> None:
    update(service, model="openai/luna", fallbacks=("google/flash",))
    update(service, margin=Decimal("0.05"))
    service.undo("acme", "chat", actor="bea", now=NOW)
    with engine.connect() as connection:
        found = history(connection, str(ACME), "chat", max_rows=10)
        older = history(connection, str(ACME), "chat", max_rows=10, before_id=found[1].id)
    assert [(c.action, c.actor, c.is_undone, c.can_undo) for c in found] == [
        ("undo", "bea", False, False),
        ("set_feature", "ann", True, False),
        ("set_feature", "ann", False, True),
    ]
    assert found[2].after == {"current_model_id": "openai/luna", "fallback_model_ids": ["google/flash"]}
    assert found[2].before == {"current_model_id": None, "fallback_model_ids": []}
    assert older == found[2:]


def test_models_to_choose_from_can_be_used_now(service: FeatureService, engine: Engine) -> None:
    with engine.connect() as connection:
        found = {c.model: c for c in model_choices(connection, str(ACME), today=NOW.date())}
        names = usable_models(connection, [str(ACME)], today=NOW.date())
    assert names == sorted(found)
    for model in found:
        assert update(service, model=model).settings.model == model
    required = service.read("acme", "photo_tagging").required_capabilities
    able = {model for model, choice in found.items() if not choice.lacks(required)}
    assert able
    assert able < set(found)
    for model in found:
        if model in able:
            update(service, "photo_tagging", fallbacks=(model,))
        else:
            with pytest.raises(ConfigurationError, match="is not verified"):
                update(service, "photo_tagging", fallbacks=(model,))


def test_an_objective_of_its_own_comes_before_the_features(service: FeatureService) -> None:
    before = service.read("acme", "chat").objective
    assert update(service, objective="latency").settings.objective == "latency"
    assert update(service, objective=None).settings.objective == before
    with pytest.raises(ConfigurationError, match="objective='speed' is unknown"):
        update(service, objective="speed")


def test_what_somebody_changed_meanwhile_is_not_overwritten(service: FeatureService) -> None:
    seen_at = update(service, margin=Decimal("0.05")).settings.updated_at
    later = FeatureChange(margin=Decimal("0.06"))
    service.update("acme", "chat", later, actor="bea", now=NOW + timedelta(hours=1), seen_at=seen_at)
    with pytest.raises(ChangedMeanwhile, match="bea changed this feature meanwhile"):
        service.update("acme", "chat", FeatureChange(auto_apply=True), actor="ann", now=NOW, seen_at=seen_at)
    assert service.read("acme", "chat").auto_apply is False
