"""Every view in a real Chromium: nothing for axe to complain of, nothing wider than the screen, no refused content.

The ordinary form looks at the views that hold most, narrow and dark; `make verify` at all views in all four looks,
and keeps the pictures where MODELSCOUT_SCREENSHOTS names a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from browser import NARROW, WIDE, chromium, complaints_of
from e2e.conftest import RunningInstallation

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300), pytest.mark.page]
SERIOUS = {"serious", "critical"}
SIZES = {"wide": WIDE, "narrow": NARROW}
VIEWS = {
    "overview": "",
    "recommendations": "recommendations",
    "recommendation": "recommendations/{recommendation}",
    "track-record": "recommendations/track-record",
    "features": "features?organization=acme",
    "feature": "features/photo_tagging?organization=acme",
    "models": "models?organization=acme",
    "model": "models/{model}?organization=acme",
    "compare": "compare?organization=acme&model=openai/gpt-6-luna&model=anthropic/claude-haiku-5-5"
    "&model=google/gemini-3.5-flash-lite",
    "calculator": "calculator?organization=acme&photos=50000&switching_cost=300",
    "analytics": "analytics?organization=acme",
    "benchmarks": "benchmarks?organization=acme",
    "benchmark": "benchmarks/{run}",
    "nothing": "nothing/here",
}
MAIN_VIEWS = ("overview", "recommendation", "feature", "models", "compare", "calculator", "analytics")
LOOKS = [(size, theme) for size in ("wide", "narrow") for theme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def token(browser: Browser, running: RunningInstallation) -> str:
    context = browser.new_context()
    answer = context.request.post(
        f"{running.page_url}/auth/token", data={"username": "admin", "password": running.password}
    )
    found = str(answer.json()["access_token"])
    context.close()
    return found


@pytest.fixture(scope="module")
def addresses(browser: Browser, running: RunningInstallation, token: str) -> dict[str, str]:
    """Each view's address on this installation."""
    context = signed_in(browser, running, token, "wide", "light")

    def first(path: str) -> str:
        answer = context.request.get(f"{running.page_url}/modelscout/api/v1/{path}")
        return str(answer.json()["items"][0]["id"])

    found = {
        "recommendation": first("recommendations?organization=acme"),
        "model": first("models?organization=acme&q=gpt-6-luna"),
        "run": first("benchmarks/runs?organization=acme"),
    }
    context.close()
    return {name: f"{running.page_url}/modelscout/{path.format(**found)}" for name, path in VIEWS.items()}


def signed_in(
    browser: Browser, running: RunningInstallation, token: str, size: str, theme: str
) -> BrowserContext:
    context = browser.new_context(viewport=SIZES[size], color_scheme=theme)  # type: ignore[arg-type]
    context.add_cookies([{"name": "_token", "value": token, "url": running.page_url}])
    return context


def look(page: Page, address: str, name: str, size: str, theme: str) -> None:
    """Open the view, let its charts draw, and look."""
    complaints = complaints_of(page)
    page.goto(address)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    page.wait_for_function("!document.querySelector('.chart[aria-busy]')")
    page.evaluate("scrollTo(0, 0)")
    if folder := os.environ.get("MODELSCOUT_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}-{size}-{theme}.png", full_page=True)
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{name} is {wider} px wider than the screen"
    found = Axe().run(page).response["violations"]
    serious = [
        (v["id"], [node["target"] for node in v["nodes"]][:3]) for v in found if v["impact"] in SERIOUS
    ]
    assert serious == []
    # The page that says that there is none is a 404, which the browser reports.
    assert [c for c in complaints if not (name == "nothing" and "404" in c)] == []


def look_at_all(
    browser: Browser,
    running: RunningInstallation,
    token: str,
    addresses: dict[str, str],
    size: str,
    theme: str,
) -> list[str]:
    context = signed_in(browser, running, token, size, theme)
    wrong = []
    for name, address in addresses.items():
        page = context.new_page()
        try:
            look(page, address, name, size, theme)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
        page.close()
    context.close()
    return wrong


def test_the_views_that_hold_most_are_accessible_and_fit(
    browser: Browser, running: RunningInstallation, token: str, addresses: dict[str, str]
) -> None:
    some = {name: addresses[name] for name in MAIN_VIEWS}
    assert look_at_all(browser, running, token, some, "narrow", "dark") == []


@pytest.mark.verify
@pytest.mark.parametrize(("size", "theme"), LOOKS)
def test_every_view_is_accessible_and_fits(
    browser: Browser,
    running: RunningInstallation,
    token: str,
    addresses: dict[str, str],
    size: str,
    theme: str,
) -> None:
    assert look_at_all(browser, running, token, addresses, size, theme) == []
