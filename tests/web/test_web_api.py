"""The JSON API: paging, errors as problem details, and a document that says what is answered."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from web_rows import ADMINISTRATOR, ClientFor

READ_ONLY = {
    "/api/v1/recommendations": {"get"},
    "/api/v1/recommendations/{recommendation_id}": {"get"},
    "/api/v1/alerts": {"get"},
    "/api/v1/models": {"get"},
}
ONE_FEATURE = "/api/v1/organizations/{organization}/features/{feature_id}"
FEATURES = {
    "/api/v1/organizations/{organization}/features": {"get"},
    ONE_FEATURE: {"get", "patch"},
    f"{ONE_FEATURE}/choices": {"get"},
    f"{ONE_FEATURE}/changes": {"get"},
    f"{ONE_FEATURE}/undo": {"post"},
    f"{ONE_FEATURE}/prompt-tests": {"get", "post"},
    f"{ONE_FEATURE}/prompt-tests/estimate": {"post"},
    f"{ONE_FEATURE}/prompt-tests/{{test_id}}": {"get"},
}
BENCHMARKS = {
    "/api/v1/benchmarks/runs": {"get", "post"},
    "/api/v1/benchmarks/estimate": {"post"},
    "/api/v1/benchmarks/runs/{run_id}": {"get"},
    "/api/v1/benchmarks/runs/{run_id}/cancel": {"post"},
}


@pytest.mark.parametrize(("resource", "total"), [("recommendations", 3), ("alerts", 4), ("models", 3)])
def test_pages_of_one_give_everything_once_and_in_order(
    client_for: ClientFor, resource: str, total: int
) -> None:
    client = client_for(ADMINISTRATOR)
    address = f"/api/v1/{resource}"
    whole = client.get(address).json()
    assert whole["next"] is None
    assert len(whole["items"]) == total
    seen, after = [], None
    for _ in range(total):
        part = client.get(address, params={"limit": 1} | ({"after": after} if after else {})).json()
        seen += part["items"]
        after = part["next"]
    assert after is None
    assert seen == whole["items"]


def test_alerts_begin_with_the_most_severe(client_for: ClientFor) -> None:
    items = client_for(ADMINISTRATOR).get("/api/v1/alerts").json()["items"]
    assert [item["severity"] for item in items] == ["critical", "warning", "warning", "info"]


@pytest.mark.parametrize(
    "after",
    [
        "nonsense",
        "ä",
        "",
        urlsafe_b64encode(b'{"organization": "a"}').decode(),
        urlsafe_b64encode(b'{"organization": "a\\u0000", "feature_id": "b"}').decode(),
        urlsafe_b64encode(b'{"organization": "a\\ud800", "feature_id": "b"}').decode(),
        urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_cursor_that_is_none_is_a_problem(client_for: ClientFor, after: str) -> None:
    answer = client_for(ADMINISTRATOR).get("/api/v1/recommendations", params={"after": after})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == "/api/v1/recommendations"


@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", ""])
def test_a_wrong_limit_is_a_problem(client_for: ClientFor, limit: str) -> None:
    answer = client_for(ADMINISTRATOR).get("/api/v1/models", params={"limit": limit})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "limit" in answer.json()["detail"]


def test_the_document_describes_every_address(client_for: ClientFor) -> None:
    document = client_for(ADMINISTRATOR).get("/api/v1/openapi.json").json()
    decided = "/api/v1/organizations/{organization}/recommendations/{recommendation_id}"
    changes = {f"{decided}/{name}" for name in ("accept", "reject", "snooze", "reopen", "undo", "rating")}
    assert set(document["paths"]) == changes | {*READ_ONLY, *FEATURES, *BENCHMARKS} | {
        "/api/v1/overview",
        "/api/v1/track-record",
        "/api/v1/recommendations",
        "/api/v1/recommendations/{recommendation_id}",
        "/api/v1/recommendations/{recommendation_id}/history",
        "/api/v1/recommendations/{recommendation_id}/ratings",
        "/api/v1/alerts",
        "/api/v1/models",
        "/api/v1/models/{model_id}",
        "/api/v1/models/{model_id}/prices",
        "/api/v1/models/{model_id}/usage",
        "/api/v1/models/{model_id}/benchmarks",
        "/api/v1/models/{model_id}/availability",
        "/api/v1/models/{model_id}/events",
        "/api/v1/organizations/{organization}/models/{model_id}/settings",
        "/api/v1/organizations/{organization}/models/{model_id}/settings/undo",
        "/api/v1/comparison",
        "/api/v1/calculation",
        "/api/v1/analytics/recent",
        "/api/v1/analytics/organizations",
        "/api/v1/organizations/{organization}/analytics/live",
        "/api/v1/organizations/{organization}/analytics/trend",
        "/api/v1/organizations/{organization}/analytics/models",
        "/api/v1/organizations/{organization}/analytics/costs",
        "/api/v1/organizations/{organization}/analytics/patterns",
        "/api/v1/organizations/{organization}/analytics/prediction",
        "/api/v1/organizations/{organization}/analytics/opportunities",
        "/api/v1/organizations/{organization}/analytics/export/{part}",
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            assert {"200", "401", "422", "503"} <= set(operation["responses"])
            assert method == "get" or {"403", "409", "415"} <= set(operation["responses"])
    for name, path in document["paths"].items():
        [method] = path
        assert method == ("get" if name not in changes else "put" if name.endswith("rating") else "post")
        expected = {"200", "401", "422", "503"} | ({"403", "404", "409", "415"} if name in changes else set())
        assert expected <= set(path[method]["responses"])
    assert {
        path: set(methods) for path, methods in document["paths"].items()
    } == READ_ONLY | FEATURES | BENCHMARKS
    for path in document["paths"].values():
        for operation in path.values():
            assert {"401", "422", "503"} <= set(operation["responses"])
            assert {"200", "202"} & set(operation["responses"])
    assert "Problem" in document["components"]["schemas"]
    assert document["servers"] == [{"url": "/"}]
