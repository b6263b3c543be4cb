"""Nothing answers without authentication; everybody sees their organizations and no other."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from web_rows import (
    ACME_CHAT,
    ACME_OLD,
    ACME_RECOMMENDATION,
    ADMINISTRATOR,
    ANNA,
    BETA_RECOMMENDATION,
    HOSTILE_MODEL,
    STRANGER,
    ClientFor,
    app_for,
)

from modelscout.web.app import create_notice_app
from modelscout.web.headers import CONTENT_SECURITY_POLICY
from modelscout.web.ports import Caller
from modelscout.web.scoped import RowScope, scoped

PATHS = [
    "/",
    "/models",
    f"/recommendations/{ACME_RECOMMENDATION}",
    "/recommendations/not-an-id",
    "/recommendations/track-record",
    "/recommendations",
    "/features",
    "/features/chat",
    "/compare",
    f"/compare?model=anthropic/{HOSTILE_MODEL}",
    f"/models/{HOSTILE_MODEL}",
    f"/models/{HOSTILE_MODEL}?organization=acme",
    f"/api/v1/models/{HOSTILE_MODEL}",
    f"/api/v1/models/{HOSTILE_MODEL}/prices",
    f"/api/v1/models/{HOSTILE_MODEL}/usage",
    f"/api/v1/models/{HOSTILE_MODEL}/benchmarks",
    f"/api/v1/models/{HOSTILE_MODEL}/availability",
    f"/api/v1/models/{HOSTILE_MODEL}/events",
    f"/api/v1/organizations/acme/models/{HOSTILE_MODEL}/settings",
    f"/api/v1/organizations/acme/models/{HOSTILE_MODEL}/settings/undo",
    "/api/v1/comparison?model=openai/gpt-6-luna",
    "/calculator",
    "/analytics",
    "/calculator-results",
    "/analytics-live",
    "/analytics/costs",
    "/analytics/models",
    "/analytics/patterns",
    "/analytics/prediction",
    "/analytics/opportunities",
    "/benchmarks",
    "/benchmarks/00000000-0000-0000-0000-0000000000ff",
    "/static/any/style.css",
    "/static/any/nothing",
    "/static/any/vega.js",
    "/static/any/charts/nothing.json",
    "/api/v1/recommendations",
    f"/api/v1/recommendations/{ACME_RECOMMENDATION}",
    f"/api/v1/recommendations/{ACME_RECOMMENDATION}/history",
    f"/api/v1/recommendations/{ACME_RECOMMENDATION}/ratings",
    "/api/v1/overview",
    "/api/v1/track-record",
    *(
        f"/api/v1/organizations/acme/recommendations/{ACME_RECOMMENDATION}/{name}"
        for name in ("accept", "reject", "snooze", "reopen", "undo", "rating")
    ),
    "/api/v1/alerts",
    "/api/v1/models",
    "/api/v1/models?limit=none",
    "/api/v1/calculation",
    "/api/v1/analytics/recent",
    "/api/v1/analytics/organizations",
    "/api/v1/organizations/acme/analytics/live",
    "/api/v1/organizations/acme/analytics/trend",
    "/api/v1/organizations/acme/analytics/models",
    "/api/v1/organizations/acme/analytics/costs",
    "/api/v1/organizations/acme/analytics/patterns",
    "/api/v1/organizations/acme/analytics/prediction",
    "/api/v1/organizations/acme/analytics/opportunities",
    "/api/v1/organizations/acme/analytics/export/trend",
    "/api/v1/organizations/acme/features",
    "/api/v1/organizations/acme/features/chat",
    "/api/v1/organizations/acme/features/chat/choices",
    "/api/v1/organizations/acme/features/chat/changes",
    "/api/v1/organizations/acme/features/chat/undo",
    "/api/v1/organizations/acme/features/chat/prompt-tests",
    "/api/v1/organizations/acme/features/chat/prompt-tests/estimate",
    "/api/v1/benchmarks/runs",
    "/api/v1/benchmarks/estimate",
    "/api/v1/benchmarks/runs/00000000-0000-0000-0000-0000000000ff",
    "/api/v1/benchmarks/runs/00000000-0000-0000-0000-0000000000ff/cancel",
    "/api/v1/openapi.json",
    "/openapi.json",
    "/docs",
    "/redoc",
    "/nothing/at/all",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def identifiers(client: TestClient) -> set[str]:
    return {row["id"] for row in client.get("/api/v1/recommendations").json()["items"]}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_answers_without_authentication(client_for: ClientFor, path: str, method: str) -> None:
    answer = client_for(None).request(method, path, follow_redirects=False)
    assert answer.status_code == 401
    assert "Acme" not in answer.text


def test_every_route_is_covered_by_the_paths_above(client_for: ClientFor) -> None:
    """A route that the app serves without its dependency would not be an APIRoute."""
    app = client_for(None).app
    assert app.router.dependencies  # type: ignore[attr-defined]
    assert all(isinstance(route, APIRoute) for route in app.routes)  # type: ignore[attr-defined]


def test_a_member_sees_his_organizations_only(client_for: ClientFor) -> None:
    client = client_for(ANNA)
    assert identifiers(client) == {ACME_RECOMMENDATION, ACME_CHAT}
    messages = [row["message"] for row in client.get("/api/v1/alerts").json()["items"]]
    assert len(messages) == 2
    assert all(message.startswith("acme") for message in messages)
    models = client.get("/api/v1/models").json()["items"]
    assert {m["provider_model_id"] for m in models}.isdisjoint({"ft:beta-secret"})
    shared = next(m for m in models if m["provider"] == "anthropic")
    assert (shared["status"], shared["usable_by_organizations"], shared["used_by_features"]) == (
        "available",
        1,
        0,
    )
    for path in ("/", "/models", f"/recommendations/{ACME_RECOMMENDATION}"):
        page = client.get(path)
        assert page.status_code == 200
        for secret in ("Beta", "beta-secret", "platform trouble", "$0.11"):
            assert secret not in page.text


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
@pytest.mark.parametrize("caller", [ANNA, STRANGER])
def test_another_organizations_recommendation_does_not_exist(
    client_for: ClientFor, caller: Caller, prefix: str
) -> None:
    client = client_for(caller)
    foreign = client.get(f"{prefix}/recommendations/{BETA_RECOMMENDATION}")
    unknown = client.get(f"{prefix}/recommendations/00000000-0000-0000-0000-00000000ffff")
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.text.replace(BETA_RECOMMENDATION, "") == unknown.text.replace(
        "00000000-0000-0000-0000-00000000ffff", ""
    )


def test_an_administrator_sees_everything(client_for: ClientFor) -> None:
    client = client_for(ADMINISTRATOR)
    assert identifiers(client) == {ACME_RECOMMENDATION, ACME_CHAT, BETA_RECOMMENDATION}
    assert len(client.get("/api/v1/alerts").json()["items"]) == 4
    models = {m["provider_model_id"]: m for m in client.get("/api/v1/models").json()["items"]}
    assert "ft:beta-secret" in models
    assert models["gpt-6-luna"]["input_usd_per_million_tokens"] == "0.25"
    page = client.get("/")
    assert "Beta Ltd" in page.text
    assert "platform trouble" in page.text


def test_a_member_of_nothing_is_told_what_to_do(client_for: ClientFor) -> None:
    client = client_for(STRANGER)
    assert identifiers(client) == set()
    page = client.get("/")
    assert page.status_code == 200
    assert "organization_members" in page.text
    assert "Acme" not in page.text


def test_an_older_recommendation_keeps_its_address(client_for: ClientFor) -> None:
    assert client_for(ANNA).get(f"/recommendations/{ACME_OLD}").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_policy(client_for: ClientFor, path: str) -> None:
    for caller in (None, ADMINISTRATOR):
        headers = client_for(caller).get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert "frame-ancestors 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"].startswith(("no-store", "private"))


def test_get_changes_nothing(client_for: ClientFor, engine: Engine) -> None:
    def written() -> int:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
            connection.execute(text("SELECT pg_stat_clear_snapshot()"))
            statement = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
            return int(connection.execute(text(statement)).scalar_one())

    before = written()
    for path in PATHS:
        client_for(ADMINISTRATOR).get(path)
    assert written() == before


def test_the_database_refuses_writes_of_the_page(client_for: ClientFor) -> None:
    client = client_for(ADMINISTRATOR)
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "2s"


@pytest.mark.parametrize("method", METHODS[2:6])
def test_only_get_is_answered(client_for: ClientFor, method: str) -> None:
    answer = client_for(ADMINISTRATOR).request(method, "/api/v1/recommendations")
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_page_without_a_warehouse_says_so_to_whoever_is_logged_in() -> None:
    client = TestClient(create_notice_app(notice="set MODELSCOUT_DATABASE_URL", current_caller=lambda: ANNA))
    answer = client.get("/")
    assert answer.status_code == 503
    assert "set MODELSCOUT_DATABASE_URL" in answer.text
    assert client.get("/static/any/style.css").status_code == 200


def test_an_unreachable_warehouse_is_an_answer() -> None:
    url = "postgresql+psycopg://postgres:s3cretword@127.0.0.1:1/nothing"
    with TestClient(app_for(url, ANNA)) as client:
        page, problem = client.get("/"), client.get("/api/v1/models")
    assert (page.status_code, problem.status_code) == (503, 503)
    assert problem.json()["title"] == "Service Unavailable"
    assert "s3cretword" not in page.text + problem.text


def test_a_change_may_write_and_what_reads_may_not(client_for: ClientFor) -> None:
    engine = client_for(ADMINISTRATOR).app.state.engine  # type: ignore[attr-defined]
    scope = RowScope(visible=None, editable=None)
    shown = []
    for read_only in (False, True, False):
        with scoped(engine, scope, read_only=read_only).begin() as connection:
            shown.append(connection.execute(text("SHOW transaction_read_only")).scalar_one())
            assert connection.execute(text("SELECT current_user")).scalar_one() == "modelscout_page"
    assert shown == ["off", "on", "off"]
