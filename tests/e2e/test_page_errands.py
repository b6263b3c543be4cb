"""Ten errands of a person, in a real Chromium, inside Airflow's own UI, on the installation of `modelscout up`.

They stand last: they change what the nightly flow decided.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Frame, Page, expect
from sqlalchemy import text

from browser import WIDE, chromium, complaints_of
from e2e.conftest import RunningInstallation
from modelscout.selection.once import selector_of
from modelscout.warehouse.engine import open_engine

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300), pytest.mark.page]
PATIENCE_MS = 20_000
RUN_MS = 150_000


class Person:
    """Somebody in front of Airflow: the page stands in its frame."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def open(self, path: str = "") -> Frame:
        """The page at a path of its own, within Airflow."""
        # Airflow puts the path within its frame behind the view's own.
        self.page.goto(f"{self.address}/plugin/modelscout/modelscout/{path}")
        return self.frame()

    def frame(self) -> Frame:
        """What Airflow's frame shows."""
        element = self.page.locator("iframe").first.element_handle(timeout=PATIENCE_MS)
        frame = element.content_frame()
        assert frame is not None
        expect(frame.locator("main")).to_be_visible(timeout=PATIENCE_MS)
        return frame

    def go(self, frame: Frame, view: str) -> None:
        """To another view by the navigation."""
        frame.get_by_role("navigation", name="Views").get_by_role("link", name=view, exact=True).click()
        expect(frame.locator(".views [aria-current=page]")).to_have_text(view, timeout=PATIENCE_MS)

    def choose(self, frame: Frame, organization: str) -> None:
        """An organization by the switcher."""
        frame.get_by_label("Organization", exact=True).select_option(label=organization)
        expect(frame.locator("#organization option:checked")).to_have_text(organization, timeout=PATIENCE_MS)
        frame.wait_for_url(re.compile("organization="))


@pytest.fixture(scope="module")
def person(running: RunningInstallation) -> Iterator[Person]:
    """Signed in through Airflow's own form."""
    with chromium() as browser:
        page = browser.new_context(viewport=WIDE, accept_downloads=True).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(running.page_url)
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill(running.password)
        page.locator("button[type=submit]").click()
        page.get_by_role("link", name="Modelscout").first.wait_for()
        yield Person(page, running.page_url)


def toast(frame: Frame, words: str) -> None:
    expect(frame.locator(".toast").filter(has_text=words)).to_be_visible(timeout=PATIENCE_MS)


def test_the_page_is_one_click_away_in_airflow(person: Person) -> None:
    complaints = complaints_of(person.page)
    person.page.get_by_role("link", name="Modelscout").first.click()
    frame = person.frame()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(frame.locator(".tile").first).to_contain_text("Spend")
    assert [c for c in complaints if "modelscout" in c.lower()] == []


def test_find_the_cheapest_model_that_reads_photos(person: Person) -> None:
    frame = person.open()
    person.go(frame, "Models")
    frame.get_by_role("link", name="Cheapest that reads photos").click()
    frame.wait_for_url(re.compile("capability=image_analysis"))
    first = frame.locator(".model").first
    expect(first.get_by_label("Capabilities")).to_contain_text("Image analysis")
    prices = [
        Decimal(found.replace(",", ""))
        for shown in frame.locator(".model-price").all_inner_texts()
        if (found := "".join(re.findall(r"^\$([\d,.]+) in", shown)))
    ]
    assert len(prices) > 5
    assert prices[0] <= min(prices) * 2


def test_compare_three_models(person: Person) -> None:
    frame = person.open("models?organization=acme")
    frame.evaluate("sessionStorage.clear()")
    names = ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "google/gemini-3.5-flash-lite"]
    for name in names:
        frame.locator(f"[data-compare='{name}']").check()
    frame.get_by_role("link", name="Compare 3 models").click()
    expect(frame.locator(".side-by-side thead th")).to_have_count(3)
    for line in ("Context window", "Image analysis"):
        expect(frame.locator(".side-by-side")).to_contain_text(re.compile(line, re.IGNORECASE))
    expect(frame.locator(".chart svg").first).to_be_visible(timeout=PATIENCE_MS)


def test_calculate_50000_photos_a_month_in_high_resolution_with_batch(person: Person) -> None:
    frame = person.open("calculator?organization=acme")
    frame.get_by_label("Photos a month", exact=True).fill("50000")
    frame.get_by_label("Resolution", exact=True).select_option("high")
    frame.get_by_label(re.compile("Batch processing")).check()
    expect(frame.locator("[data-results]")).to_contain_text("batch", timeout=PATIENCE_MS)
    expect(frame.locator("[data-results]")).to_contain_text("4032 \u00d7 3024")
    shown = frame.locator("[data-results] table").first.locator("tbody tr").first.inner_text()
    answer = person.page.request.get(
        f"{person.address}/modelscout/api/v1/calculation?organization=acme&photos=50000&resolution=high&batch=true"
    )
    cheapest = answer.json()["models"][0]
    assert cheapest["model"] in shown
    assert f"{Decimal(cheapest['monthly_usd']):,.2f}"[:-1] in shown


def test_see_why_a_switch_is_recommended_and_accept_it(person: Person, running: RunningInstallation) -> None:
    frame = person.open("recommendations?organization=bloom&verdict=switch")
    frame.get_by_role("link", name="Photo tagging").first.click()
    expect(frame.get_by_role("heading", level=1)).to_contain_text("Photo tagging")
    expect(frame.get_by_role("heading", name="Reasons")).to_be_visible()
    expect(frame.locator("svg.interval").first).to_be_visible()
    frame.get_by_role("button", name="Accept and use it").click()
    frame.get_by_role("button", name="Yes").click()
    toast(frame, "The feature uses gpt-6-luna now.")
    expect(frame.get_by_role("button", name="Take it back")).to_be_visible()


def test_see_the_switch_effective(person: Person, running: RunningInstallation) -> None:
    frame = person.open("features?organization=bloom")
    card = frame.locator(".card").filter(has=frame.get_by_role("link", name="Photo tagging"))
    expect(card).to_contain_text("openai/gpt-6-luna")
    chosen = selector_of(running.databases.nightly_url, "bloom").select("bloom", "photo_tagging")
    assert (str(chosen.provider), chosen.model) == ("openai", "gpt-6-luna")


def test_undo_it(person: Person, running: RunningInstallation) -> None:
    frame = person.open("recommendations?organization=bloom")
    frame.get_by_role("link", name="Photo tagging").first.click()
    frame.get_by_role("button", name="Take it back").click()
    frame.get_by_role("button", name="Yes").click()
    toast(frame, "The feature uses the former model again.")
    expect(frame.get_by_role("button", name="Accept and use it")).to_be_visible()
    engine = open_engine(running.databases.owner_url)
    with engine.connect() as connection:
        actions = connection.execute(
            text(
                "SELECT action FROM audit_log WHERE actor = 'admin' AND subject = 'photo_tagging' ORDER BY id"
            )
        ).scalars()
        assert {"set_feature", "undo"} <= set(actions)
    engine.dispose()


def test_change_a_fallback(person: Person) -> None:
    frame = person.open("features/photo_tagging?organization=acme")
    frame.get_by_role("button", name="Configure").click()
    drawer = frame.get_by_role("dialog", name=re.compile("Configure"))
    drawer.get_by_label("Model to add as a fallback").select_option("google/gemini-3.5-flash-lite")
    drawer.locator("#fallback-add").click()
    drawer.get_by_role("button", name="Save").click()
    expect(frame.locator("main")).to_contain_text("google/gemini-3.5-flash-lite", timeout=PATIENCE_MS)
    expect(frame.get_by_role("heading", name="Changes").locator("xpath=ancestor::section")).to_contain_text(
        "admin"
    )


def test_start_a_benchmark_and_watch_it(person: Person) -> None:
    frame = person.open("benchmarks?organization=acme")
    frame.get_by_role("button", name="Start a run").click()
    drawer = frame.get_by_role("dialog", name="Start a benchmark run")
    drawer.get_by_label("Acme Photos").check()
    drawer.get_by_label("openai/gpt-6-luna").check()
    drawer.get_by_label("Chat", exact=True).check()
    drawer.get_by_label("What is measured").select_option("accuracy")
    drawer.get_by_label("Your own samples").uncheck()
    drawer.get_by_label("Spend limit in USD").fill("1.00")
    drawer.get_by_role("button", name="What would it cost?").click()
    expect(drawer.locator("#estimate")).to_contain_text("cost at most $", timeout=PATIENCE_MS)
    drawer.get_by_role("button", name="Start", exact=True).click()
    frame.wait_for_url(re.compile("/benchmarks/[0-9a-f-]{36}"))
    expect(frame.locator(".status-finished").first).to_be_visible(timeout=RUN_MS)
    expect(frame.locator("#result-rows")).to_contain_text("openai/gpt-6-luna")


def test_find_what_retires_this_month(person: Person) -> None:
    frame = person.open("models?organization=acme")
    frame.get_by_label("Retires within").select_option(label="30 days")
    frame.wait_for_url(re.compile("retires_within_days=30"))
    expect(frame.locator(".models")).to_contain_text("claude-sonnet-4-5")
    expect(frame.locator(".models")).to_contain_text("retires 2 Dec 2026")


def test_download_analytics(person: Person) -> None:
    frame = person.open("analytics?organization=acme")
    with person.page.expect_download(timeout=PATIENCE_MS) as waiting:
        frame.get_by_role("link", name="Download CSV").click()
    content = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert waiting.value.suggested_filename.endswith(".csv")
    assert len(rows) > 5
    assert any("usd" in name or "cost" in name for name in rows[0])


def test_deep_links_and_back_work_within_airflow(person: Person) -> None:
    frame = person.open("models?organization=acme")
    frame.locator(".model h2 a").first.click()
    expect(frame.get_by_role("heading", level=1)).not_to_have_text("Models")
    expect(person.page).to_have_url(re.compile("/plugin/modelscout/modelscout/models/"), timeout=PATIENCE_MS)
    person.page.go_back()
    expect(person.frame().get_by_role("heading", level=1)).to_have_text("Models", timeout=PATIENCE_MS)
