"""The configuration of models: who may change it, what is refused, that it is audited and can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text
from web_models_rows import CHEAP_MODEL, EDITOR, add_model_rows, reset_settings
from web_rows import ADMINISTRATOR, ANNA, HOSTILE, PRIVATE_MODEL, STRANGER, ClientFor

from modelscout.warehouse.engine import open_engine

PATH = f"/api/v1/organizations/acme/models/{CHEAP_MODEL}/settings"
CHANGES = [("PATCH", PATH, {"enabled": False}), ("POST", f"{PATH}/undo", {})]


@pytest.fixture(scope="module", autouse=True)
def rows(filled_url: str) -> None:
    engine = open_engine(filled_url)
    add_model_rows(engine)
    engine.dispose()


@pytest.fixture(autouse=True)
def nothing_configured(engine: Engine, rows: None) -> None:
    reset_settings(engine)


def log(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        statement = "SELECT actor, action, before, after, undoes FROM audit_log ORDER BY id"
        return list(connection.execute(text(statement)).all())


def test_an_editor_changes_and_takes_back(client_for: ClientFor, engine: Engine) -> None:
    client = client_for(EDITOR)
    assert client.get(PATH).json()["configured"] is False
    asked = {
        "enabled": False,
        "parameters": {"temperature": 0.2},
        "limits": {"max_latency_ms": 900},
        "cost_options": {"processing": "batch", "max_usd_per_day": 3},
        "fallbacks": [f"anthropic/{HOSTILE}"],
    }
    done = client.patch(PATH, json=asked).json()
    assert done["changed"]
    assert {name: done["settings"][name] for name in asked} == asked
    assert done["settings"]["used_by_features"] == ["chat"]
    assert client.patch(PATH, json=asked).json()["changed"] is False
    page = client.get(f"/models/{CHEAP_MODEL}").text
    assert "Switched off" in page
    assert "Undo the latest change" in page
    assert client.get("/api/v1/models", params={"enabled": "false"}).json()["items"][0]["id"] == CHEAP_MODEL
    undone = client.post(f"{PATH}/undo", json={})
    assert undone.json()["settings"]["enabled"] is True
    nothing = client.post(f"{PATH}/undo", json={})
    assert nothing.status_code == 422
    assert "no change to take back" in nothing.json()["detail"]
    first, second = log(engine)
    assert (first.actor, first.action, first.before) == ("edith", "set_model", None)
    assert first.after["limits"] == {"max_latency_ms": 900}
    assert (second.actor, second.action, second.undoes is not None) == ("edith", "undo", True)


def test_nobody_overwrites_what_he_did_not_see(client_for: ClientFor) -> None:
    client = client_for(EDITOR)
    seen = client.patch(PATH, json={"enabled": False, "seen_at": None}).json()["settings"]["updated_at"]
    late = client.patch(PATH, json={"enabled": True, "seen_at": None})
    assert late.status_code == 409
    assert "edith changed this model meanwhile" in late.json()["detail"]
    assert client.patch(PATH, json={"enabled": True, "seen_at": seen}).status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_who_may_not_changes_nothing(
    client_for: ClientFor, engine: Engine, method: str, path: str, body: dict[str, Any]
) -> None:
    assert client_for(None).request(method, path, json=body).status_code == 401
    assert client_for(ANNA).request(method, path, json=body).status_code == 403
    assert client_for(STRANGER).request(method, path, json=body).status_code == 404
    foreign = path.replace("/acme/", "/beta/")
    assert client_for(EDITOR).request(method, foreign, json=body).status_code == 404
    for model in (PRIVATE_MODEL, "00000000-0000-0000-0000-00000000ffff"):
        other = path.replace(CHEAP_MODEL, model)
        assert client_for(EDITOR).request(method, other, json=body).status_code == 404
    # An administrator sees the private model, but it is not this organization's.
    private = path.replace(CHEAP_MODEL, PRIVATE_MODEL)
    assert client_for(ADMINISTRATOR).request(method, private, json=body).status_code == 404
    wrong_type = client_for(EDITOR).request(method, path, content=b"enabled=false",
                                            headers={"content-type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert wrong_type.status_code == 415
    elsewhere = client_for(EDITOR).request(method, path, json=body, headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 403
    assert log(engine) == []


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"enabled": "perhaps"}, "enabled"),
        ({"colour": 1}, "colour"),
        ({"limits": {"speed": 1}}, "speed"),
        ({"limits": {"max_latency_ms": 0}}, "max_latency_ms"),
        ({"cost_options": {"processing": "slow"}}, "processing"),
        ({"parameters": {"api_key": "sk-verysecret"}}, "looks like a secret"),
        ({"parameters": {"temperature": 9}}, "from 0 to 2"),
        ({"parameters": {"x": "\x00"}}, "parameters"),
        ({"fallbacks": ["google/cheap"]}, "the model itself"),
        ({"fallbacks": ["nobody/knows"]}, "is unknown"),
        ({"fallbacks": ["a\x00"]}, "fallbacks"),
        ({"fallbacks": ["openai/ft:beta-secret"]}, "is unknown"),
        ({"fallbacks": ["openai/gpt-6-luna"]}, "was retired"),
    ],
)
def test_what_is_wrong_is_named(
    client_for: ClientFor, engine: Engine, asked: dict[str, Any], named: str
) -> None:
    answer = client_for(EDITOR).patch(PATH, json=asked)
    assert answer.status_code == 422, answer.text
    assert named in answer.json()["detail"]
    assert "sk-verysecret" not in answer.text
    assert log(engine) == []


def test_the_document_names_every_answer_of_a_change(client_for: ClientFor) -> None:
    paths = client_for(ADMINISTRATOR).get("/api/v1/openapi.json").json()["paths"]
    patch = paths["/api/v1/organizations/{organization}/models/{model_id}/settings"]["patch"]
    assert {"200", "401", "403", "404", "409", "415", "422", "503"} <= set(patch["responses"])
