"""The configuration of models of an organization: validated, audited, undoable, and honoured by features."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from selection_support import ACME, MODELS, NOW, PRIVATE, change, fill
from sqlalchemy import Engine, text

from modelscout.core.errors import ChangedMeanwhile, ConfigurationError
from modelscout.features.model_service import ModelSettingsService, UnknownModel
from modelscout.features.model_settings import ModelChange, ModelChanged
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureChange
from modelscout.warehouse.engine import open_engine

LATER = NOW + timedelta(minutes=1)
LUNA = MODELS["openai/luna"]
WANTED: dict[str, Any] = {
    "enabled": False,
    "parameters": {"temperature": 0.2, "max_output_tokens": 300},
    "limits": {"max_requests_per_minute": 60},
    "cost_options": {"processing": "batch", "prompt_caching": True, "max_usd_per_day": 2.5},
    "fallbacks": ("anthropic/haiku", "google/flash"),
}


@pytest.fixture(scope="module")
def nightly(warehouse_url: str) -> Iterator[Engine]:
    owner = open_engine(warehouse_url)
    with owner.begin() as connection:
        connection.execute(text("CREATE ROLE models_nightly LOGIN IN ROLE modelscout_pipeline"))
        connection.execute(text("CREATE ROLE models_application LOGIN IN ROLE modelscout_application"))
    owner.dispose()
    engine = open_engine(warehouse_url.replace("postgres@", "models_nightly@"))
    yield engine
    engine.dispose()


@pytest.fixture
def service(engine: Engine, nightly: Engine) -> ModelSettingsService:
    fill(engine)
    return ModelSettingsService(nightly)


def update(service: ModelSettingsService, model_id: UUID = LUNA, **values: Any) -> ModelChanged:
    return service.update("acme", model_id, ModelChange(**values), actor="ann", now=NOW)


def log(engine: Engine) -> list[Any]:
    statement = "SELECT action, actor, subject, before, after, undoes FROM audit_log ORDER BY id"
    with engine.connect() as connection:
        return list(connection.execute(text(statement)).all())


def test_a_model_that_nobody_configured_is_on(service: ModelSettingsService) -> None:
    found = service.read("acme", LUNA)
    assert (found.model, found.configured, found.enabled, found.can_undo) == (
        "openai/luna", False, True, False,
    )  # fmt: skip


def test_a_change_is_stored_audited_and_not_repeated(service: ModelSettingsService, engine: Engine) -> None:
    done = update(service, **WANTED)
    assert done.changed
    read = service.read("acme", LUNA)
    assert read == done.settings
    assert {name: getattr(read, name) for name in WANTED} == WANTED
    assert (read.updated_by, read.updated_at, read.can_undo) == ("ann", NOW, True)
    assert not update(service, **WANTED).changed
    [entry] = log(engine)
    assert (entry.action, entry.actor, entry.subject, entry.before) == ("set_model", "ann", str(LUNA), None)
    assert entry.after["limits"] == {"max_requests_per_minute": 60}
    assert not service.read("globex", LUNA).configured


def test_only_what_is_named_changes(service: ModelSettingsService) -> None:
    update(service, **WANTED)
    done = update(service, enabled=True)
    assert (done.before, done.after) == ({"enabled": False}, {"enabled": True})
    assert done.settings.parameters == WANTED["parameters"]
    assert update(service, fallbacks=()).settings.fallbacks == ()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"enabled": 1}, "enabled=1"),
        ({"parameters": {"api_key": "x"}}, "parameters.api_key looks like a secret"),
        ({"parameters": {"temperature": 3}}, "from 0 to 2"),
        ({"parameters": {"x": "a\x00"}}, "holds a NUL"),
        ({"parameters": {"x": "\ud800"}}, "not plain JSON"),
        ({"limits": {"speed": 1}}, "limits.speed is unknown"),
        ({"limits": {"max_latency_ms": 0}}, "above 0"),
        ({"cost_options": {"processing": "slow"}}, "cost_options.processing='slow' is unknown"),
        ({"cost_options": {"prompt_caching": "yes"}}, "no truth value"),
        ({"cost_options": {"max_usd_per_day": True}}, "no amount"),
        ({"cost_options": {"max_usd_per_day": 0}}, "no amount"),
        ({"cost_options": {"discount": 1}}, "cost_options.discount is unknown"),
        ({"fallbacks": ["openai/none"]}, "fallbacks[0]='openai/none' is unknown"),
        ({"fallbacks": ["openai/ft:luna:globex"]}, "is unknown"),
        ({"fallbacks": ["google/flash", "google/flash"]}, "twice"),
        ({"fallbacks": ["openai/luna"]}, "the model itself"),
        ({"fallbacks": ["google/flash"] * 9}, "at most 8"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    service: ModelSettingsService, engine: Engine, values: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        update(service, **values)
    assert named in str(refused.value)
    assert not service.read("acme", LUNA).configured
    assert log(engine) == []


def test_another_organizations_model_and_one_that_nobody_knows_are_none(
    service: ModelSettingsService,
) -> None:
    for model_id in (PRIVATE, UUID(int=1)):
        with pytest.raises(UnknownModel, match="is unknown"):
            service.read("acme", model_id)
        with pytest.raises(UnknownModel, match="is unknown"):
            update(service, model_id, enabled=False)
    assert service.read("globex", PRIVATE).model == "openai/ft:luna:globex"


def test_a_change_can_be_undone_and_the_one_before_it_too(
    service: ModelSettingsService, engine: Engine
) -> None:
    update(service, enabled=False)
    update(service, parameters={"temperature": 1})
    done = service.undo("acme", LUNA, actor="bob", now=NOW)
    assert (done.settings.enabled, done.settings.parameters, done.settings.can_undo) == (False, {}, True)
    assert service.undo("acme", LUNA, actor="bob", now=NOW).settings.enabled
    with pytest.raises(ConfigurationError, match="no change to take back"):
        service.undo("acme", LUNA, actor="bob", now=NOW)
    assert [(e.action, e.undoes is not None) for e in log(engine)] == [
        ("set_model", False), ("set_model", False), ("undo", True), ("undo", True),
    ]  # fmt: skip


def test_what_was_changed_past_the_service_is_not_overwritten_by_an_undo(
    service: ModelSettingsService, engine: Engine
) -> None:
    update(service, enabled=False)
    change(engine, "UPDATE ai_model_settings SET parameters = '{\"top_p\": 1}' WHERE model_id = :m", m=LUNA)
    with pytest.raises(ConfigurationError, match=r"changed past this service.*parameters"):
        service.undo("acme", LUNA, actor="ann", now=NOW)


def test_a_model_that_is_switched_off_serves_no_feature(
    service: ModelSettingsService, nightly: Engine
) -> None:
    features = FeatureService(nightly)
    features.update("acme", "chat", FeatureChange(model="openai/luna"), actor="ann", now=NOW)
    assert update(service, enabled=False).settings.used_by_features == ("chat",)
    with pytest.raises(ConfigurationError, match="is switched off"):
        features.update("acme", "search", FeatureChange(model="openai/luna"), actor="ann", now=NOW)
    with pytest.raises(ConfigurationError, match=r"fallbacks\[0\]='openai/luna' is switched off"):
        update(service, MODELS["google/flash"], fallbacks=["openai/luna"])
    update(service, enabled=True)
    features.update("acme", "search", FeatureChange(model="openai/luna"), actor="ann", now=NOW)


def test_nobody_overwrites_what_he_did_not_see(service: ModelSettingsService, engine: Engine) -> None:
    def change_seen(seen_at: datetime | None, **values: Any) -> ModelChanged:
        return service.update("acme", LUNA, ModelChange(**values), actor="bob", now=LATER, seen_at=seen_at)

    update(service, enabled=False)
    for seen_at in (None, LATER):
        with pytest.raises(ChangedMeanwhile, match="ann changed this model meanwhile"):
            change_seen(seen_at, enabled=True)
    assert len(log(engine)) == 1
    assert change_seen(NOW, enabled=True).settings.updated_at == LATER


def test_clients_hear_of_a_change(service: ModelSettingsService, engine: Engine) -> None:
    change(engine, "DELETE FROM selection_versions")
    update(service, enabled=False)
    with engine.connect() as connection:
        slots = connection.execute(text("SELECT slot FROM selection_versions")).scalars().all()
    assert slots == [ACME.int % 1024]


def test_the_application_may_not_change_settings(service: ModelSettingsService, warehouse_url: str) -> None:
    engine = open_engine(warehouse_url.replace("postgres@", "models_application@"))
    with pytest.raises(ConfigurationError, match="may not use the feature service"):
        ModelSettingsService(engine).update("acme", LUNA, ModelChange(enabled=False), actor="x", now=NOW)
    engine.dispose()
