"""The JSON API: paging, errors as problem details, and a document that says what is answered."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from web_rows import ADMINISTRATOR, ClientFor

READ_ONLY = {
    "/api/v1/overview": {"get"},
    "/api/v1/track-record": {"get"},
    "/api/v1/recommendations": {"get"},
    "/api/v1/recommendations/{recommendation_id}": {"get"},
    "/api/v1/recommendations/{recommendation_id}/history": {"get"},
    "/api/v1/recommendations/{recommendation_id}/ratings": {"get"},
    "/api/v1/alerts": {"get"},
    "/api/v1/models": {"get"},
    "/api/v1/models/{model_id}": {"get"},
    "/api/v1/models/{model_id}/prices": {"get"},
    "/api/v1/models/{model_id}/usage": {"get"},
    "/api/v1/models/{model_id}/benchmarks": {"get"},
    "/api/v1/models/{model_id}/availability": {"get"},
    "/api/v1/models/{model_id}/events": {"get"},
    "/api/v1/comparison": {"get"},
    "/api/v1/calculation": {"get"},
    "/api/v1/analytics/recent": {"get"},
    "/api/v1/analytics/organizations": {"get"},
    "/api/v1/organizations/{organization}/analytics/live": {"get"},
    "/api/v1/organizations/{organization}/analytics/trend": {"get"},
    "/api/v1/organizations/{organization}/analytics/models": {"get"},
    "/api/v1/organizations/{organization}/analytics/costs": {"get"},
    "/api/v1/organizations/{organization}/analytics/patterns": {"get"},
    "/api/v1/organizations/{organization}/analytics/prediction": {"get"},
    "/api/v1/organizations/{organization}/analytics/opportunities": {"get"},
    "/api/v1/organizations/{organization}/analytics/export/{part}": {"get"},
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
ONE_ADVICE = "/api/v1/organizations/{organization}/recommendations/{recommendation_id}"
DECISIONS = {
    **{f"{ONE_ADVICE}/{name}": {"post"} for name in ("accept", "reject", "snooze", "reopen", "undo")},
    f"{ONE_ADVICE}/rating": {"put"},
}
SETTINGS = {
    "/api/v1/organizations/{organization}/models/{model_id}/settings": {"get", "patch"},
    "/api/v1/organizations/{organization}/models/{model_id}/settings/undo": {"post"},
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
    assert {
        path: set(methods) for path, methods in document["paths"].items()
    } == READ_ONLY | FEATURES | BENCHMARKS | DECISIONS | SETTINGS
    for path in document["paths"].values():
        for method, operation in path.items():
            answers = set(operation["responses"])
            assert {"401", "422", "503"} <= answers
            assert {"200", "202"} & answers
            assert method == "get" or {"403", "404", "409", "415"} <= answers
    assert "Problem" in document["components"]["schemas"]
    assert document["servers"] == [{"url": "/"}]
