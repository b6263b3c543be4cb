"""Analytics: what is shown of whom, in an address that says it all; downloads that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from money_rows import FORMULA, NOW, fill_use
from test_web_pages import Elements
from web_rows import ADMINISTRATOR, ANNA, HOSTILE, STRANGER, ClientFor

from modelscout.warehouse.engine import open_engine
from modelscout.web.data.analytics_export import cell, csv_lines

PARTS = ("", "/costs", "/models", "/patterns", "/prediction", "/opportunities")
API = "/api/v1/organizations/{}/analytics/{}"
NAMES = ("live", "trend", "models", "costs", "patterns", "prediction", "opportunities", "export/trend")


@pytest.fixture(scope="module", autouse=True)
def used(filled_url: str) -> Iterator[None]:
    engine = open_engine(filled_url)
    with engine.begin() as connection:
        fill_use(connection)
    engine.dispose()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELSCOUT_NOW", NOW.isoformat())
        yield


def text_of(page: str) -> str:
    return " ".join(Elements(page).text.split())


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_a_page_whose_texts_of_others_are_inert(client_for: ClientFor, part: str) -> None:
    answer = client_for(ADMINISTRATOR).get(f"/analytics{part}?organization=acme")
    assert answer.status_code == 200
    elements = Elements(answer.text)
    assert "<script>alert" not in answer.text
    assert "img" not in {tag for tag, _ in elements.tags}
    names = {name for _, attributes in elements.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    for script in elements.script_texts:
        json.loads(script)
    assert "beta_secret_feature" not in answer.text
    assert "simulated" in elements.text


def test_a_hostile_feature_is_shown_as_it_is_called(client_for: ClientFor) -> None:
    assert HOSTILE in text_of(client_for(ANNA).get("/analytics/costs").text)


def test_the_figures_of_the_range_are_written_for_people(client_for: ClientFor) -> None:
    text = text_of(client_for(ANNA).get("/analytics").text)
    # 30 days of 100 requests and 1.25, and on one day 100 more twice, one of them unpriced.
    for part in ("3,200", "95.0 %", "$38.00", "100 of 3,200 requests have no known price", "26 Oct 2026"):
        assert part in text
    costs = text_of(client_for(ANNA).get("/analytics/costs?split=feature").text)
    assert "$37.50" in costs
    assert "Where the money goes" in costs


def test_the_address_says_range_and_choice(client_for: ClientFor) -> None:
    client = client_for(ANNA)
    one_day = client.get("/analytics?since=2026-11-20&until=2026-11-20&step=day&feature=chat")
    assert "$1.25" in text_of(one_day.text)
    nothing = client.get("/analytics?since=2020-01-01&until=2020-01-02")
    assert "No requests from 1 Jan 2020 to 2 Jan 2020" in text_of(nothing.text)
    assert client.get("/analytics?since=2026-11-24&until=2026-11-20").status_code == 400
    assert client.get("/analytics?step=hour").status_code == 400
    assert client.get("/analytics?model=nobody").status_code == 400


def test_the_running_hour_comes_alone_too(client_for: ClientFor) -> None:
    part = client_for(ANNA).get("/analytics-live?organization=acme")
    text = text_of(part.text)
    assert part.status_code == 200
    assert "<html" not in part.text
    for figure in ("Calls3", "66.7 %", "248 ms", HOSTILE, "12:27:00"):
        assert figure in text


def test_all_organizations_are_a_summary_for_those_who_see_several(client_for: ClientFor) -> None:
    everything = text_of(client_for(ADMINISTRATOR).get("/analytics").text)
    assert "Organizations since yesterday" in everything
    assert "$77.77" in everything
    assert "Organizations since yesterday" not in client_for(ANNA).get("/analytics").text
    nobody = client_for(STRANGER).get("/analytics")
    assert nobody.status_code == 200
    assert "organization_members" in nobody.text


@pytest.mark.parametrize("name", NAMES)
def test_another_organization_does_not_exist(client_for: ClientFor, name: str) -> None:
    assert client_for(ADMINISTRATOR).get(API.format("beta", name)).status_code in (200, 422)
    for caller in (ANNA, STRANGER):
        answer = client_for(caller).get(API.format("beta", name))
        assert answer.status_code == 404
        assert answer.json() | {"instance": ""} == client_for(caller).get(API.format("none", name)).json() | {
            "instance": ""
        }


@pytest.mark.parametrize("part", PARTS)
def test_another_organizations_page_does_not_exist(client_for: ClientFor, part: str) -> None:
    assert client_for(ANNA).get(f"/analytics{part}?organization=beta").status_code == 404


def test_a_member_reads_his_own_organizations_alone(client_for: ClientFor) -> None:
    mine = client_for(ANNA).get("/api/v1/analytics/organizations").json()["items"]
    everybody = client_for(ADMINISTRATOR).get("/api/v1/analytics/organizations").json()["items"]
    assert [o["organization"] for o in mine] == ["acme"]
    assert [o["organization"] for o in everybody] == ["beta", "acme"]
    assert client_for(STRANGER).get("/api/v1/analytics/organizations").json() == {"items": []}
    assert client_for(STRANGER).get("/api/v1/analytics/recent").json()["total"] is None


def test_amounts_of_the_api_are_exact_strings(client_for: ClientFor) -> None:
    found = client_for(ANNA).get(API.format("acme", "trend"), params={"split": "model"}).json()
    assert found["total"]["cost_usd"] == "38.00"
    unknown = [p for p in found["points"] if p["part"] == f"anthropic/{HOSTILE}"]
    assert [(p["cost_usd"], p["unpriced_requests"]) for p in unknown] == [(None, 100)]


def test_a_prediction_needs_a_past(client_for: ClientFor) -> None:
    assert client_for(ANNA).get(API.format("acme", "prediction")).json()["level"] == 0.9
    refused = client_for(ADMINISTRATOR).get(API.format("beta", "prediction"))
    assert refused.status_code == 422
    page = client_for(ADMINISTRATOR).get("/analytics/prediction?organization=beta")
    assert page.status_code == 200
    assert "Nothing can be predicted yet" in page.text


@pytest.mark.parametrize("part", ["trend", "costs", "models", "hours", "prediction", "opportunities"])
def test_each_part_can_be_downloaded(client_for: ClientFor, part: str) -> None:
    answer = client_for(ANNA).get(API.format("acme", f"export/{part}"), params={"split": "feature"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="modelscout-{part}-2026-')
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows or part == "hours"
    assert "beta_secret_feature" not in answer.text


def test_no_download_holds_a_formula(client_for: ClientFor) -> None:
    answer = client_for(ANNA).get(API.format("acme", "export/costs"))
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    features = {row["feature"]: row["cost_usd"] for row in rows}
    assert FORMULA not in features
    assert features[f"'{FORMULA}"] == "0.5"
    assert features[HOSTILE] == ""


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", " ="])
def test_text_that_a_spreadsheet_would_run_is_marked(begin: str) -> None:
    assert cell(f"{begin}1") == f"'{begin}1"
    assert cell(-1.5) == "-1.5"
    assert cell(None) == ""


def test_lines_are_made_one_by_one() -> None:
    given = iter([{"a": 1, "b": 'x"y'}, {"a": 2, "b": None}])
    lines = csv_lines(given)
    assert [next(lines), next(lines)] == ["\ufeff", 'a,b\r\n1,"x""y"\r\n']
    assert next(given)["a"] == 2
