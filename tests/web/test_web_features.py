"""Features on the page and in the API: what is shown, who may change it, what is refused and where."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from feature_rows import BETA_TEST, EDITH, add
from sqlalchemy import Engine, text
from web_rows import ACME, ADMINISTRATOR, ANNA, BETA, GOOD_MODEL, HOSTILE, HOSTILE_MODEL, STARTED, ClientFor

from modelscout.warehouse.engine import open_engine

CHAT = "/api/v1/organizations/acme/features/chat"
TESTS = f"{CHAT}/prompt-tests"
PROMPT = {"prompt": "Hello?", "model_ids": [GOOD_MODEL]}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
CHANGES = [
    ("PATCH", "", {}),
    ("POST", "/undo", {}),
    ("POST", "/prompt-tests", PROMPT),
    ("POST", "/prompt-tests/estimate", PROMPT),
]


@pytest.fixture(scope="module", autouse=True)
def rows(filled_url: str) -> Iterator[Engine]:
    engine = open_engine(filled_url)
    with engine.begin() as connection:
        add(connection)
    yield engine
    engine.dispose()


def test_a_viewer_sees_features_as_they_are(client_for: ClientFor) -> None:
    items = client_for(ANNA).get("/api/v1/organizations/acme/features").json()["items"]
    assert [item["feature_id"] for item in items] == ["chat", "photo_tagging"]
    chat = client_for(ANNA).get(CHAT).json()
    assert chat["model"] is None
    assert (chat["performance"], chat["monthly_budget_usd"]) == (None, None)
    [served] = chat["models"]
    assert (served["success_rate"], served["p50_ms"], served["simulated"]) == (0.9, None, True)
    assert chat["suggestion"]["verdict"] == "switch"
    page = client_for(ANNA).get("/features?organization=acme")
    assert page.status_code == 200
    assert "data-switch" not in page.text
    one = client_for(ANNA).get("/features/chat?organization=acme")
    assert "configure-form" not in one.text


def test_paging_gives_every_feature_once(client_for: ClientFor) -> None:
    address = "/api/v1/organizations/acme/features"
    first = client_for(ANNA).get(address, params={"limit": 1}).json()
    second = client_for(ANNA).get(address, params={"limit": 1, "after": first["next"]}).json()
    assert [part["items"][0]["feature_id"] for part in (first, second)] == ["chat", "photo_tagging"]
    assert second["next"] is None


@pytest.mark.parametrize("path", ["/features?organization=acme", "/features/chat?organization=acme"])
def test_hostile_texts_are_inert(client_for: ClientFor, path: str) -> None:
    page = client_for(EDITH).get(path).text
    assert HOSTILE not in page
    assert "<img src=x" not in page
    assert " style=" not in page
    assert "onerror=alert(1)" in page


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_who_may_change_what(client_for: ClientFor, method: str, path: str, body: dict[str, object]) -> None:
    assert client_for(ANNA).request(method, CHAT + path, json=body).status_code == 403
    foreign = CHAT.replace("acme", "beta") + path
    assert client_for(EDITH).request(method, foreign, json=body).status_code == 404
    answer = client_for(EDITH).request(
        method, CHAT + path, content="{}", headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 415
    elsewhere = client_for(EDITH).request(
        method, CHAT + path, json=body, headers={"sec-fetch-site": "cross-site"}
    )
    assert elsewhere.status_code == 403
    nowhere = CHAT.replace("chat", "nothing") + path
    assert client_for(EDITH).request(method, nowhere, json=body).status_code == 404


def test_a_change_is_logged_shown_and_undone(client_for: ClientFor, rows: Engine) -> None:
    client = client_for(EDITH)
    seen_at = client.get(CHAT).json()["updated_at"]
    change = {
        "model": "openai/gpt-6-luna",
        "margin": "0.05",
        "limits": {"max_latency_ms": 900},
        "seen_at": seen_at,
    }
    done = client.patch(CHAT, json=change).json()
    assert done["changed"] is True
    assert done["feature"]["model"] == "openai/gpt-6-luna"
    [entry] = client.get(f"{CHAT}/changes").json()["items"]
    assert (entry["actor"], entry["can_undo"]) == ("edith", True)
    assert entry["after"]["current_model_id"] == "openai/gpt-6-luna"
    assert "edith" in client.get("/features/chat?organization=acme").text
    assert client.patch(CHAT, json={"auto_apply": True, "seen_at": seen_at}).status_code == 409
    assert client.post(f"{CHAT}/undo", json={}).json()["feature"]["model"] is None
    actions = [e["action"] for e in client.get(f"{CHAT}/changes").json()["items"]]
    assert actions == ["undo", "set_feature"]
    again = client.post(f"{CHAT}/undo", json={})
    assert again.status_code == 422
    with rows.connect() as connection:
        logged = connection.execute(text("SELECT actor, organization_id::text FROM audit_log")).all()
    assert set(logged) == {("edith", ACME)}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"margin": "1.5"}, "margin="),
        ({"limits": {"max_latency_ms": 0}}, "limits.max_latency_ms="),
        ({"parameters": {"reasoning_effort": "endless"}}, "parameters.reasoning_effort="),
        ({"parameters": {"api_key": "x"}}, "parameters.api_key"),
        ({"fallbacks": [f"anthropic/{HOSTILE}"]}, "fallbacks[0]="),
        ({"model": "openai/nothing"}, "model="),
        ({"monthly_budget_usd": "-1"}, "monthly_budget_usd="),
        (
            {"workload_models": [{"when": {"mood": ["low"]}, "model": "openai/gpt-6-luna"}]},
            "workload_models[0]",
        ),
    ],
    ids=str,
)
def test_a_refusal_begins_with_its_field(
    client_for: ClientFor, change: dict[str, object], field: str
) -> None:
    answer = client_for(EDITH).patch(CHAT, json=change)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(field)


def test_choices_say_what_a_model_lacks(client_for: ClientFor) -> None:
    found = {c["model"]: c for c in client_for(ANNA).get(f"{CHAT}/choices").json()["items"]}
    assert set(found) == {"openai/gpt-6-luna", f"anthropic/{HOSTILE}"}
    assert found["openai/gpt-6-luna"]["lacks"] == []
    assert found[f"anthropic/{HOSTILE}"]["lacks"] == ["text_generation"]


def test_a_prompt_is_stored_here_and_only_named_to_airflow(client_for: ClientFor, rows: Engine) -> None:
    estimate = client_for(EDITH).post(f"{TESTS}/estimate", json=PROMPT).json()
    assert estimate["refusal"] is None
    assert 0 < float(estimate["worst_usd"]) < 0.01
    body = {**PROMPT, "prompt": "a secret question", "image": {"media_type": "image/png", "data": PNG}}
    test = client_for(EDITH).post(TESTS, json=body).json()
    assert (test["status"], test["has_image"], test["asked_by"]) == ("queued", True, "edith")
    assert [(a["model"], a["state"]) for a in test["answers"]] == [("openai/gpt-6-luna", "waiting")]
    assert STARTED[-1] == ("benchmark_models", {"prompt_test": test["id"], "organizations": [ACME]})
    with rows.connect() as connection:
        logged = connection.execute(
            text("SELECT actor, after::text FROM audit_log WHERE action = 'start_prompt_test'")
        ).one()
    assert logged[0] == "edith"
    assert "secret" not in logged[1]
    assert client_for(ANNA).get(f"{TESTS}/{test['id']}").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"spend_limit_usd": "0.000001"}, "spend_limit_usd: these answers can cost"),
        ({"spend_limit_usd": "1000"}, "spend_limit_usd: a test may spend at most"),
        ({"model_ids": [BETA]}, "model_ids: "),
        ({"model_ids": [HOSTILE_MODEL]}, "has no known price"),
        ({"image": {"media_type": "image/png", "data": "AAAA"}}, "image.data is no image/png"),
        ({"image": {"media_type": "image/png", "data": "!!!!"}}, "image.data is no base64"),
    ],
)
def test_a_test_is_refused_before_it_starts(
    client_for: ClientFor, wrong: dict[str, object], words: str
) -> None:
    before = len(STARTED)
    answer = client_for(EDITH).post(TESTS, json=PROMPT | wrong)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]
    assert len(STARTED) == before


def test_another_organizations_tests_do_not_exist(client_for: ClientFor) -> None:
    assert client_for(EDITH).get(f"{TESTS}/{BETA_TEST}").status_code == 404
    assert client_for(ADMINISTRATOR).get(f"{TESTS}/{BETA_TEST}").status_code == 404
    theirs = f"/api/v1/organizations/beta/features/chat/prompt-tests/{BETA_TEST}"
    assert client_for(ADMINISTRATOR).get(theirs).json()["prompt"] == HOSTILE
    assert BETA_TEST not in {t["id"] for t in client_for(EDITH).get(TESTS).json()["items"]}
