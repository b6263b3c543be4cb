"""Models, one model, and models side by side: what is shown, filtered, and to whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from test_web_pages import Elements
from web_models_rows import CHEAP_MODEL, EDITOR, add_model_rows
from web_rows import ADMINISTRATOR, ANNA, BETA, GOOD_MODEL, HOSTILE, HOSTILE_MODEL, PRIVATE_MODEL, ClientFor

from modelscout.warehouse.engine import open_engine

PARTS = ("prices", "usage", "benchmarks", "availability", "events")


@pytest.fixture(scope="module", autouse=True)
def rows(filled_url: str) -> None:
    engine = open_engine(filled_url)
    add_model_rows(engine)
    engine.dispose()


def names(client: TestClient, **parameters: Any) -> list[str]:
    answer = client.get("/api/v1/models", params=parameters)
    assert answer.status_code == 200, answer.text
    return [m["provider_model_id"] for m in answer.json()["items"]]


def text_of(client: TestClient, path: str, **parameters: Any) -> str:
    page = client.get(path, params=parameters)
    assert page.status_code == 200, page.text
    return " ".join(Elements(page.text).text.split())


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [HOSTILE, "cheap", "gpt-6-luna"]),
        ({"sort": "name"}, [HOSTILE, "cheap", "gpt-6-luna"]),
        ({"sort": "price"}, ["cheap", "gpt-6-luna", HOSTILE]),
        ({"sort": "speed"}, ["cheap", HOSTILE, "gpt-6-luna"]),
        ({"sort": "context"}, ["cheap", HOSTILE, "gpt-6-luna"]),
        ({"sort": "real_time"}, ["cheap", HOSTILE, "gpt-6-luna"]),
        ({"sort": "high_accuracy"}, [HOSTILE, "cheap", "gpt-6-luna"]),
        ({"capability": "image_analysis"}, ["cheap"]),
        ({"capability": ["image_analysis", "tool_use"]}, []),
        ({"provider": ["openai", "google"]}, ["cheap", "gpt-6-luna"]),
        ({"status": "retired"}, ["gpt-6-luna"]),
        ({"status": ["available", "deprecated"]}, [HOSTILE, "cheap"]),
        ({"status": "not_listed"}, []),
        ({"max_usd_per_million_tokens": "0.2"}, ["cheap"]),
        ({"retires_within_days": "30"}, ["cheap"]),
        ({"retires_within_days": "10"}, []),
        ({"q": "100%_OFF"}, ["cheap"]),
        ({"q": "%"}, ["cheap"]),
        ({"enabled": "false"}, []),
        ({"enabled": "true"}, [HOSTILE, "cheap", "gpt-6-luna"]),
        ({"q": "", "provider": "", "max_usd_per_million_tokens": ""}, [HOSTILE, "cheap", "gpt-6-luna"]),
    ],
)  # fmt: skip
def test_models_are_filtered_and_sorted_by_the_address(
    client_for: ClientFor, asked: dict[str, Any], found: list[str]
) -> None:
    client = client_for(ANNA)
    assert names(client, **asked) == found
    page = Elements(client.get("/models", params=asked).text)
    links = [a["href"] for tag, a in page.tags if tag == "a" and "#configuration" in (a.get("href") or "")]
    assert len(links) == len(found)


@pytest.mark.parametrize("sort", ["status", "name", "price", "speed", "real_time"])
def test_parts_of_any_order_give_everything_once(client_for: ClientFor, sort: str) -> None:
    client = client_for(ADMINISTRATOR)
    whole = names(client, sort=sort)
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in whole:
        part = client.get("/api/v1/models", params={"limit": 1, "sort": sort, **after}).json()
        seen += [m["provider_model_id"] for m in part["items"]]
        after = {"after": part["next"] or ""}
    assert seen == whole
    first = client.get("/api/v1/models", params={"limit": 1, "sort": sort}).json()["next"]
    assert client.get("/api/v1/models", params={"sort": "newest", "after": first}).status_code == 400


@pytest.mark.parametrize(
    "asked",
    [{"sort": "cheapest"}, {"capability": "magic"}, {"status": "gone"}, {"max_usd_per_million_tokens": "-1"},
     {"max_usd_per_million_tokens": "NaN"}, {"retires_within_days": "0"}, {"q": "a\0"}, {"enabled": "perhaps"}],
)  # fmt: skip
def test_a_wrong_filter_is_a_problem(client_for: ClientFor, asked: dict[str, str]) -> None:
    answer = client_for(ANNA).get("/api/v1/models", params=asked)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_cheapest_that_reads_photos_is_one_click_away(client_for: ClientFor) -> None:
    page = Elements(client_for(ANNA).get("/models").text)
    link = next(a["href"] for tag, a in page.tags if tag == "a" and "sort=price" in (a.get("href") or ""))
    assert link is not None
    assert "capability=image_analysis" in link


def test_one_model_shows_its_record_within_the_callers_organizations(client_for: ClientFor) -> None:
    text = text_of(client_for(ANNA), f"/models/{CHEAP_MODEL}")
    for part in ("Cheap 100%_off", "$0.10", "Scheduled", "120 ms", "98.0 %", "$12.50", "500 ms", "chat/1", "50.0 %",
                 "<b>ours</b>", "Price changed", "quick", "91", "Configuration for Acme", "may look"):  # fmt: skip
        assert part in text, part
    for foreign in ("Beta", "foreign", "7,777"):
        assert foreign not in text
    assert "7,777" in text_of(client_for(ADMINISTRATOR), f"/models/{CHEAP_MODEL}")


def test_prices_say_what_is_past_in_force_and_scheduled(client_for: ClientFor) -> None:
    prices = client_for(ANNA).get(f"/api/v1/models/{CHEAP_MODEL}/prices").json()["items"]
    assert [(p["state"], p["input_usd_per_million_tokens"]) for p in prices] == [
        ("scheduled", "0.05"), ("in force", "0.1"),
    ]  # fmt: skip
    assert prices[1]["valid_until"] == prices[0]["valid_from"]
    negotiated = client_for(ADMINISTRATOR).get(
        f"/api/v1/models/{GOOD_MODEL}/prices", params={"organization": "beta"}
    )
    assert [p["negotiated"] for p in negotiated.json()["items"]] == [True, False]
    own = client_for(ANNA).get(f"/api/v1/models/{GOOD_MODEL}/prices").json()["items"]
    assert [p["negotiated"] for p in own] == [False]


@pytest.mark.parametrize("part", PARTS)
def test_what_is_on_record_for_programs(client_for: ClientFor, part: str) -> None:
    answer = client_for(ANNA).get(f"/api/v1/models/{CHEAP_MODEL}/{part}")
    assert answer.status_code == 200
    assert answer.json()["items"]
    assert "foreign" not in answer.text
    assert BETA not in answer.text
    assert "7777" not in answer.text


@pytest.mark.parametrize("path", ["", *(f"/{part}" for part in PARTS)])
def test_another_organizations_model_does_not_exist(client_for: ClientFor, path: str) -> None:
    assert client_for(ANNA).get(f"/api/v1/models/{PRIVATE_MODEL}{path}").status_code == 404
    assert client_for(ANNA).get(f"/models/{PRIVATE_MODEL}").status_code == 404
    assert client_for(ADMINISTRATOR).get(f"/api/v1/models/{PRIVATE_MODEL}{path}").status_code == 200
    assert client_for(ADMINISTRATOR).get(f"/models/{PRIVATE_MODEL}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [f"/models/{CHEAP_MODEL}", f"/models/{HOSTILE_MODEL}", "/models?q=<script>alert(1)</script>",
     "/compare?model=<script>alert(1)</script>", f"/compare?model=google/cheap&model=anthropic/{HOSTILE}"],
)  # fmt: skip
@pytest.mark.parametrize("caller", [ADMINISTRATOR, EDITOR])
def test_texts_of_others_are_inert(client_for: ClientFor, path: str, caller: Any) -> None:
    page = client_for(caller).get(path)
    assert page.status_code == 200
    elements = Elements(page.text)
    assert {tag for tag, _ in elements.tags}.isdisjoint({"style", "img", "iframe", "object"})
    attributes = {name for _, found in elements.tags for name in found}
    assert not [name for name in attributes if name.startswith("on") or name == "style"]
    for script in elements.script_texts:
        json.loads(script)


def test_models_side_by_side(client_for: ClientFor) -> None:
    client = client_for(ANNA)
    asked = {"model": ["google/cheap", "openai/gpt-6-luna"]}
    answer = client.get("/api/v1/comparison", params=asked)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [m["model"] for m in found["models"]] == asked["model"]
    assert found["organization"] == "acme"
    lines = {line["key"]: line for line in found["lines"]}
    assert {line["category"] for line in found["lines"]} == {"performance", "capabilities", "costs", "limits"}
    assert lines["input_usd_per_1k_tokens"]["values"] == ["0.0001", "0.00025"]
    assert lines["input_usd_per_1k_tokens"]["best"] == ["google/cheap"]
    assert lines["image_analysis"]["values"][0] == "documented"
    assert float(lines["own_success_rate"]["values"][0]) == 0.98
    assert lines["own_success_rate"]["values"][1] is None
    text = text_of(client, "/compare", **asked)
    for part in (
        "Cheap 100%_off",
        "gpt-6-luna",
        "Performance",
        "Capabilities",
        "Costs",
        "Limits",
        "best",
        "98.0 %",
    ):
        assert part in text
    assert "Assign" not in text


def test_an_editor_may_assign_a_compared_model(client_for: ClientFor) -> None:
    page = client_for(EDITOR).get("/compare", params={"model": "google/cheap"}).text
    assert 'data-assign="google/cheap"' in page
    assert 'data-organization="acme"' in page
    assert "(now google/cheap)" in page


@pytest.mark.parametrize(
    ("asked", "status"),
    [({}, 422), ({"model": "nobody/knows"}, 422), ({"model": "openai/ft:beta-secret"}, 422),
     ({"model": "google/cheap", "resolution": "huge"}, 422), ({"model": "google/cheap", "feature": "none"}, 422),
     ({"model": [f"google/{n}" for n in range(13)]}, 422), ({"model": "google/cheap", "organization": "beta"}, 404)],
)  # fmt: skip
def test_a_comparison_that_cannot_be_is_a_problem(
    client_for: ClientFor, asked: dict[str, Any], status: int
) -> None:
    answer = client_for(ANNA).get("/api/v1/comparison", params=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_page_of_models_that_nobody_knows_says_so_and_keeps_the_others(client_for: ClientFor) -> None:
    client = client_for(ANNA)
    text = text_of(client, "/compare", model=["google/cheap", "nobody/knows", "openai/ft:beta-secret"])
    assert "Nobody knows a model nobody/knows" in text
    assert "Cheap 100%_off" in text
    assert "Nothing is compared yet" in text_of(client, "/compare")
    many = text_of(client, "/compare", model=[f"google/{n}" for n in range(7)])
    assert "At most 6" in many or "Nobody knows" in many
