"""What the pages show: figures for people, texts of others as text, links that survive a prefix."""

from __future__ import annotations

import json
from decimal import Decimal
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from web_rows import (
    ACME_RECOMMENDATION,
    ADMINISTRATOR,
    ANNA,
    BETA_RECOMMENDATION,
    HOSTILE,
    HOSTILE_MODEL,
    ClientFor,
    app_for,
)

from modelscout.web import formatting
from modelscout.web.assets import version
from modelscout.web.interval_chart import draw

PAGES = [
    "/",
    "/models",
    f"/models/{HOSTILE_MODEL}",
    f"/compare?model=anthropic/{HOSTILE}",
    "/recommendations",
    f"/recommendations/{ACME_RECOMMENDATION}",
    "/nothing/at/all",
]


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.script_texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.cdata_elem == "script":
            self.script_texts.append(data)
        else:
            self.text += data


@pytest.mark.parametrize("path", PAGES)
def test_nothing_runs_inline_and_texts_of_others_are_inert(client_for: ClientFor, path: str) -> None:
    elements = Elements(client_for(ADMINISTRATOR).get(path).text)
    assert {tag for tag, _ in elements.tags}.isdisjoint({"style", "img", "iframe", "object"})
    scripts = [attributes for tag, attributes in elements.tags if tag == "script"]
    own = [a for a in scripts if (a.get("src") or "").lstrip("./").startswith(f"static/{version()}/")]
    data = [a for a in scripts if a.get("type") == "application/json" and "src" not in a]
    assert len(own) + len(data) == len(scripts)
    assert len(elements.script_texts) == len(data), "a script with an address holds no text"
    for script_text in elements.script_texts:
        json.loads(script_text)
    names = {name for _, attributes in elements.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    if path != "/nothing/at/all":
        assert HOSTILE in elements.text


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("prefix", ["/modelscout", "/deep/under/modelscout"])
def test_links_are_relative_and_work_under_a_prefix(filled_url: str, path: str, prefix: str) -> None:
    page_app = app_for(filled_url, ADMINISTRATOR)
    root = FastAPI()
    root.mount(prefix, page_app)
    # The root's client does not start a mounted app; Airflow does.
    with TestClient(page_app), TestClient(root) as client:
        page = client.get(prefix + path)
        links = [a["href"] for tag, a in Elements(page.text).tags if tag in {"a", "link"} and a.get("href")]
        assert links
        for link in links:
            assert link is not None
            assert not link.startswith(("/", "http"))
            target = urljoin(str(page.url), link)
            assert target.startswith(f"http://testserver{prefix}/")
            assert client.get(target).status_code == (200 if link[0] != "#" else page.status_code)


def test_overview_shows_the_decision_for_people(client_for: ClientFor) -> None:
    text = " ".join(Elements(client_for(ANNA).get("/").text).text.split())
    for part in (
        "Acme",
        "Photo tagging",
        "gpt-6-luna",
        "Switch",
        "87",
        "$1,234.50",
        "$1,000.00 to $1,400.00",
        "\N{MINUS SIGN}2.1 points",
        "160",
        "simulated",
    ):
        assert part in text


def test_recommendation_shows_reasons_and_evidence(client_for: ClientFor) -> None:
    page = client_for(ANNA).get(f"/recommendations/{ACME_RECOMMENDATION}").text
    text = " ".join(Elements(page).text.split())
    for part in ("is cheaper", "3.0 %", "24 Oct 2026 to 22 Nov 2026", "proven", "e-process", "23 Nov 2026"):
        assert part in text
    assert "<svg" in page


def test_costs_are_those_of_the_features_own_requests(client_for: ClientFor) -> None:
    """The replayed items' own cost per request is of another mix: side by side it would mislead."""
    page = client_for(ANNA).get(f"/recommendations/{ACME_RECOMMENDATION}").text
    text = " ".join(Elements(page).text.split())
    assert "Cost a month$2,000.00$765.50" in text
    assert "$0.0000053" not in text
    assert "going away" not in text


def test_keep_shows_what_was_tried_not_a_loss_of_the_model_in_use(client_for: ClientFor) -> None:
    client = client_for(ADMINISTRATOR)
    overview = " ".join(Elements(client.get("/").text).text.split())
    assert "same model" in overview
    kept = " ".join(Elements(client.get(f"/recommendations/{BETA_RECOMMENDATION}").text).text.split())
    assert "Best tried: <script>" in kept


def test_models_show_status_price_and_what_was_measured(client_for: ClientFor) -> None:
    text = " ".join(Elements(client_for(ANNA).get("/models").text).text.split())
    for part in ("retired", "available", "128K", "$0.25", "$2.00", "Chat 93.0 % of 12", "Text generation"):
        assert part in text


@pytest.mark.parametrize(("path", "hint"), [("/", "discover_models"), ("/models", "discover_models")])
def test_an_empty_warehouse_says_what_to_do(postgres_url: str, path: str, hint: str) -> None:
    with TestClient(app_for(postgres_url.format(database="migrated_template"), ADMINISTRATOR)) as client:
        page = client.get(path)
    assert page.status_code == 200
    assert hint in page.text
    assert "<table" not in page.text


def test_a_database_without_tables_says_what_to_do(empty_database_url: str) -> None:
    with TestClient(app_for(empty_database_url, ADMINISTRATOR)) as client:
        page = client.get("/")
    assert page.status_code == 503
    assert "modelscout db upgrade" in page.text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\N{EN DASH}"),
        (0, "$0.00"),
        (1234567.891, "$1,234,567.89"),
        (-12.5, "\N{MINUS SIGN}$12.50"),
        (Decimal("0.00000075"), "$0.00000075"),
        (0.00123, "$0.0012"),
        (0.01, "$0.01"),
    ],
)
def test_money(value: float | None, shown: str) -> None:
    assert formatting.money(value) == shown


def test_other_figures() -> None:
    assert formatting.percent(0.934) == "93.4 %"
    assert formatting.points(-0.0213) == "\N{MINUS SIGN}2.1 points"
    assert formatting.points(0.01) == "+1.0 points"
    assert formatting.tokens(1_050_000) == "1.05M"
    assert formatting.tokens(128_000) == "128K"
    assert formatting.milliseconds(950) == "950 ms"
    assert formatting.milliseconds(12_340) == "12.3 s"
    assert formatting.words("text_generation") == "Text generation"
    assert formatting.verdict("trial") == "Try"


def test_interval_is_drawn_in_order_and_within_its_width() -> None:
    chart = draw(-0.08, -0.02, 0.05, 0.03)
    assert chart is not None
    assert 0 < chart.low < chart.margin < chart.effect < chart.zero < chart.high < chart.width
    assert draw(None, -0.02, 0.05, 0.03) is None
    assert draw(0.0, 0.0, 0.0, 0.0) is not None
