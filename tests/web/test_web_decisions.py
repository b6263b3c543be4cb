"""Overview, recommendations and what people decide about them: pages, JSON, rights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from decision_rows import EDITOR, FOREIGN, OPEN, add, add_traffic
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from test_web_pages import Elements
from web_rows import ACME_OLD, ADMINISTRATOR, ANNA, HOSTILE, STRANGER, ClientFor, app_for

from modelscout.web.charts.specifications import specification
from modelscout.web.ranges import PADDING, WIDTH, side_by_side
from modelscout.web.schemas.common import Interval

TODAY = datetime.now(UTC).date()
PATH = f"/api/v1/organizations/acme/recommendations/{OPEN}"
BODIES: dict[str, dict[str, Any]] = {
    "accept": {},
    "reject": {"reason": f"no {HOSTILE}"},
    "snooze": {"until": (TODAY + timedelta(days=2)).isoformat()},
    "reopen": {},
    "undo": {},
    "rating": {"rating": 4, "comment": f"fine {HOSTILE}"},
}


@pytest.fixture(scope="module")
def filled_url(warehouse_url: str) -> str:
    """The module's warehouse with the rows of both files."""
    from web_rows import STATEMENTS

    from modelscout.warehouse.engine import open_engine

    engine = open_engine(warehouse_url)
    with engine.begin() as connection:
        for statement, rows in STATEMENTS:
            connection.execute(text(statement), rows)
    add(engine, TODAY)
    add_traffic(engine, TODAY)
    engine.dispose()
    return warehouse_url


@pytest.fixture
def afresh(engine: Engine, filled_url: str) -> Iterator[None]:  # noqa: ARG001
    """Undecided before and after."""
    yield
    with engine.begin() as c:
        c.execute(text("UPDATE ai_model_recommendations SET status = 'open', decided_by = NULL, decided_at = NULL, "
                       "decision_reason = NULL, snoozed_until = NULL WHERE feature_id = 'search'"))  # fmt: skip
        c.execute(text("UPDATE ai_feature_settings SET current_model_id = (SELECT current_model_id FROM "
                       "ai_model_recommendations WHERE id = :i) WHERE feature_id = 'search'"), {"i": OPEN})  # fmt: skip
        c.execute(text("DELETE FROM recommendation_ratings"))
        c.execute(text("TRUNCATE audit_log"))


def send(client: TestClient, name: str, path: str = PATH, body: Any = None) -> Any:
    asked = BODIES[name] if body is None else body
    return client.request("PUT" if name == "rating" else "POST", f"{path}/{name}", json=asked)


def words(page: str) -> str:
    return " ".join(Elements(page).text.split())


@pytest.mark.parametrize("name", BODIES)
def test_who_may_not_change_is_refused(client_for: ClientFor, engine: Engine, name: str) -> None:
    assert send(client_for(ANNA), name).status_code == 403
    assert send(client_for(STRANGER), name).status_code == 404
    foreign = PATH.replace("acme", "beta").replace(OPEN, FOREIGN)
    assert send(client_for(EDITOR), name, foreign).status_code == 404
    # One organization in the path, another's recommendation behind it: also for who may change both.
    for caller in (EDITOR, ADMINISTRATOR):
        assert send(client_for(caller), name, PATH.replace(OPEN, FOREIGN)).status_code == 404
    form = client_for(EDITOR).request(
        "PUT" if name == "rating" else "POST", f"{PATH}/{name}", data={"a": "b"}
    )
    assert form.status_code == 415
    abroad = client_for(EDITOR).request(
        "PUT" if name == "rating" else "POST",
        f"{PATH}/{name}",
        json=BODIES[name],
        headers={"sec-fetch-site": "cross-site"},
    )
    assert abroad.status_code == 403
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_log")).scalar_one() == 0


@pytest.mark.usefixtures("afresh")
def test_accept_and_take_back(client_for: ClientFor) -> None:
    client = client_for(EDITOR)
    page = client.get(f"/recommendations/{OPEN}").text
    assert "Accept and use it" in page
    answer = send(client, "accept")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["decided_by"], found["possible"]) == ("accepted", "otto", ["undo"])
    assert found["model_in_use"] == "gpt-6-sol"
    again = send(client, "accept")
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    page = client.get(f"/recommendations/{OPEN}").text
    assert "Accept and use it" not in page
    assert "Take it back" in page
    assert send(client, "undo").json()["status"] == "open"
    assert send(client, "undo").status_code == 409


@pytest.mark.usefixtures("afresh")
def test_reject_snooze_and_reopen(client_for: ClientFor) -> None:
    client = client_for(EDITOR)
    assert send(client, "reject").json()["status"] == "rejected"
    page = Elements(client.get(f"/recommendations/{OPEN}").text)
    assert f"“no {HOSTILE}”" in page.text
    assert send(client, "snooze").status_code == 409
    assert send(client, "reopen").json()["status"] == "open"
    assert send(client, "reopen").status_code == 409
    snoozed = send(client, "snooze").json()
    assert (snoozed["status"], snoozed["snoozed_until"]) == ("snoozed", BODIES["snooze"]["until"])
    only = client.get("/api/v1/recommendations", params={"status": "snoozed"}).json()["items"]
    assert [row["id"] for row in only] == [OPEN]


@pytest.mark.usefixtures("afresh")
def test_a_rating_stands_on_the_page_and_in_the_overview(client_for: ClientFor) -> None:
    client = client_for(EDITOR)
    assert send(client, "rating").status_code == 200
    assert send(client_for(ADMINISTRATOR), "rating", body={"rating": 2}).status_code == 200
    ratings = client.get(f"/api/v1/recommendations/{OPEN}/ratings").json()
    assert [(r["user_name"], r["rating"], r["is_own"]) for r in ratings] == [
        ("otto", 4, True),
        ("root", 2, False),
    ]
    page = Elements(client.get(f"/recommendations/{OPEN}").text)
    assert f"fine {HOSTILE}" in page.text
    [checked] = [a for tag, a in page.tags if tag == "input" and "checked" in a]
    assert checked["value"] == "4"
    standing = client.get("/api/v1/overview").json()["standing"]
    assert (standing["ratings"], standing["mean_rating"]) == (2, 3.0)
    assert "3.0 of 5" in words(client.get("/").text)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("reject", {}),
        ("reject", {"reason": ""}),
        ("reject", {"reason": "   "}),
        ("reject", {"reason": "x" * 2001}),
        ("reject", {"reason": "a\x00"}),
        ("reject", {"reason": "x", "more": 1}),
        ("snooze", {"until": TODAY.isoformat()}),
        ("snooze", {"until": "2126-01-01"}),
        ("snooze", {"until": "soon"}),
        ("rating", {"rating": 0}),
        ("rating", {"rating": 6}),
        ("rating", {"rating": "4.5"}),
        ("accept", {"force": True}),
        ("accept", []),
    ],
)
def test_what_is_wrong_in_a_body_is_a_problem(client_for: ClientFor, name: str, body: Any) -> None:
    answer = send(client_for(EDITOR), name, body=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_viewer_sees_no_controls_and_is_told_why(client_for: ClientFor) -> None:
    page = client_for(ANNA).get(f"/recommendations/{OPEN}").text
    assert "data-send" not in page
    assert "but not decide" in words(page)


def test_advice_of_an_earlier_night_leads_to_the_current_one(client_for: ClientFor) -> None:
    page = Elements(client_for(ADMINISTRATOR).get(f"/recommendations/{ACME_OLD}").text)
    assert "A later night decided this feature anew." in page.text
    nights = client_for(ANNA).get(f"/api/v1/recommendations/{ACME_OLD}/history", params={"limit": 1}).json()
    assert [n["decision_date"] for n in nights["items"]] == ["2026-11-23"]
    rest = client_for(ANNA).get(
        f"/api/v1/recommendations/{ACME_OLD}/history", params={"after": nights["next"]}
    )
    assert [n["id"] for n in rest.json()["items"]] == [ACME_OLD]
    old = client_for(ANNA).get("/api/v1/recommendations", params={"night": "2026-11-22"}).json()["items"]
    assert [row["id"] for row in old] == [ACME_OLD]
    assert old[0]["possible"] == []


@pytest.mark.parametrize(
    ("query", "features"),
    [
        ("", {"photo_tagging", "chat", "search"}),
        ("?verdict=keep", set()),
        ("?verdict=switch&feature=search", {"search"}),
        ("?status=accepted", set()),
        ("?night=2026-11-22", {"photo_tagging"}),
        ("?verdict=nonsense&night=x", {"photo_tagging", "chat", "search"}),
    ],
)
def test_the_list_is_filtered_by_its_address(client_for: ClientFor, query: str, features: set[str]) -> None:
    page = Elements(client_for(ANNA).get(f"/recommendations{query}").text)
    rows = [a for tag, a in page.tags if tag == "a" and "recommendations/0" in (a.get("href") or "")]
    assert len(rows) == len(features)
    if not features:
        assert "Nothing fits this filter" in page.text


def test_what_matters_most_comes_first(client_for: ClientFor, engine: Engine) -> None:
    def order() -> list[str]:
        items = client_for(ADMINISTRATOR).get("/api/v1/recommendations").json()["items"]
        return [f"{row['organization']}/{row['feature_id']}" for row in items]

    assert order()[-1] == "beta/photo_tagging", "a keep comes last"
    with engine.begin() as c:
        c.execute(
            text("UPDATE ai_model_recommendations SET verdict = 'migrate' WHERE id = :i"), {"i": FOREIGN}
        )
    assert order()[0] == "beta/search"
    with engine.begin() as c:
        c.execute(
            text("UPDATE ai_model_recommendations SET verdict = 'switch' WHERE id = :i"), {"i": FOREIGN}
        )


def test_the_overview_sums_what_the_caller_sees(client_for: ClientFor) -> None:
    mine = client_for(ANNA).get("/api/v1/overview").json()
    everybodys = client_for(ADMINISTRATOR).get("/api/v1/overview").json()
    assert float(mine["spend"]["last"]["cost_usd"]) == 75.0
    assert float(mine["spend"]["former"]["cost_usd"]) == 10.0
    assert (mine["spend"]["last"]["requests"], mine["spend"]["last"]["unpriced_requests"]) == (300, 4)
    assert mine["spend"]["change"] == 6.5
    assert len(mine["spend"]["days"]) == 40
    assert float(everybodys["spend"]["last"]["cost_usd"]) == 150.0
    assert [row["organization"] for row in everybodys["top_organizations"]] == ["acme", "beta"]
    assert (mine["top_organizations"], mine["retiring"]["total"]) == ([], 1)
    [retiring] = [m for m in everybodys["retiring"]["models"] if m["model"] == HOSTILE]
    assert (retiring["days_left"], retiring["features"], float(retiring["spend_usd_per_day"])) == (10, 2, 7.0)
    assert float(mine["standing"]["waiting_saving_usd_per_month"]) > 0
    one = client_for(ADMINISTRATOR).get("/api/v1/overview", params={"organization": "beta"}).json()
    assert float(one["spend"]["last"]["cost_usd"]) == 75.0
    assert client_for(ANNA).get("/api/v1/overview", params={"organization": "beta"}).status_code == 404


def test_the_overview_shows_figures_for_people(client_for: ClientFor) -> None:
    page = words(client_for(ADMINISTRATOR).get("/").text)
    for part in ("$150.00", "+650.0 %", "$20.00", "in 10 days", "$7.00 a day", "never ran", "Beta Ltd"):
        assert part in page
    assert "run train_recommender" in page


def test_the_track_record_says_what_is_not_known(client_for: ClientFor) -> None:
    found = client_for(ANNA).get("/api/v1/track-record").json()
    assert found["total"]["advised"] >= 2
    assert found["total"]["realised_saving_usd_per_month"] is None
    page = words(client_for(ANNA).get("/recommendations/track-record").text)
    assert "No adopted change has seven compared days yet" in page
    assert "Beta" not in page


def test_an_adopted_change_stands_in_the_track_record(client_for: ClientFor, engine: Engine) -> None:
    with engine.begin() as c:
        c.execute(text("INSERT INTO recommendation_adoptions (recommendation_id, organization_id, feature_id, "
                       "former_model_id, model_id, switched_at, applied_automatically, margin) SELECT id, "
                       "organization_id, feature_id, current_model_id, recommended_model_id, now(), FALSE, 0.03 "
                       "FROM ai_model_recommendations WHERE id = :i"), {"i": OPEN})  # fmt: skip
        c.execute(text("INSERT INTO recommendation_outcomes (recommendation_id, organization_id, reviewed_on, adopted, "
                       "promised_saving_usd_per_month, promised_saving_low_usd_per_month, "
                       "promised_saving_high_usd_per_month, realised_saving_usd_per_month, compared_days) "
                       "SELECT id, organization_id, current_date, TRUE, 100, 80, 120, 111, 8 "
                       "FROM ai_model_recommendations WHERE id = :i"), {"i": OPEN})  # fmt: skip
    page = client_for(ANNA).get("/recommendations/track-record").text
    for part in ("$100.00", "$111.00", "1 of 1 inside", "gpt-6-sol"):
        assert part in words(page)
    assert 'data-chart="promised"' in page
    found = client_for(ANNA).get("/api/v1/overview").json()["standing"]
    assert (float(found["realised_saving_usd_per_month"]), found["savings_known"]) == (111.0, 1)
    assert client_for(EDITOR).get("/api/v1/track-record").json()["changes"][0]["has_saving"] is True
    with engine.begin() as c:
        c.execute(text("DELETE FROM recommendation_adoptions"))
        c.execute(text("DELETE FROM recommendation_outcomes"))


@pytest.mark.parametrize("name", ["spend", "spend_compared", "promised"])
def test_charts_set_no_colours(name: str) -> None:
    found = specification(name)
    assert found is not None
    assert '"rows"' in found
    assert "#" not in found.replace("#/", "").partition('"config"')[0]


def test_intervals_share_one_scale() -> None:
    low, high = side_by_side([Interval(estimate=1, low=0, high=2), Interval(estimate=9, low=8, high=10)])
    assert low.range is not None
    assert high.range is not None
    assert (low.range.low, high.range.high) == (PADDING, WIDTH - PADDING)
    assert low.range.high < high.range.low
    [drawn] = side_by_side([Interval(estimate=5, low=4, high=6)], around_zero=True)
    assert drawn.range is not None
    assert drawn.range.zero == PADDING
    assert [d.range for d in side_by_side([None, None])] == [None, None]


@pytest.mark.parametrize("path", ["/recommendations", "/recommendations/track-record"])
def test_empty_pages_say_what_to_do(postgres_url: str, path: str) -> None:
    with TestClient(app_for(postgres_url.format(database="migrated_template"), ADMINISTRATOR)) as client:
        page = client.get(path)
    assert page.status_code == 200
    assert 'class="empty"' in page.text
    assert "<table" not in page.text
