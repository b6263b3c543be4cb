"""The cost calculator's page: the same decimals as the command, in an address that is the question."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from money_rows import NOW
from test_web_pages import Elements
from web_rows import ADMINISTRATOR, ANNA, HOSTILE, STRANGER, ClientFor

from modelscout.cli import main
from modelscout.costs.calculator import RESOLUTIONS
from modelscout.web.data.calculator import address_of, calculation_question
from modelscout.web.data.calculator_order import Order

ADDRESSES = ("/calculator", "/calculator-results")
EXAMPLE = {
    "photos": "50000",
    "resolution": "high",
    "feature": "photo_tagging",
    "prompt_tokens": "150",
    "output_tokens": "30",
    "model": "openai/gpt-6-luna",
    "months": "1",
}
PLAN = {
    "photos": "20000",
    "feature": "photo_tagging",
    "prompt_tokens": "150",
    "output_tokens": "30",
    "model": ["openai/gpt-4o", "clarifai/general-image-recognition"],
    "fixed_cost": "clarifai/general-image-recognition=30",
    "months": "1",
}


@pytest.fixture(scope="module", autouse=True)
def fixed_clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELSCOUT_NOW", NOW.isoformat())
        yield


def text_of(page: str) -> str:
    return " ".join(Elements(page).text.split())


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_decimals_are_those_of_the_documented_example(client_for: ClientFor, address: str) -> None:
    text = text_of(client_for(ADMINISTRATOR).get(address, params=EXAMPLE).text)
    # docs/calculator.md, example 1.
    for figure in ("$73.32", "$0.0014664", "$0.000100825083", "$2.655", "$70.665"):
        assert figure in text


@pytest.mark.parametrize("address", ADDRESSES)
def test_break_even_is_shown_to_the_photo(client_for: ClientFor, address: str) -> None:
    text = text_of(client_for(ADMINISTRATOR).get(address, params=PLAN).text)
    # docs/calculator.md, example 3.
    for figure in ("21,622", "$55.9464", "$55.946925", "$51.75", "$54.00"):
        assert figure in text


def test_the_api_answers_what_the_command_prints(
    client_for: ClientFor, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "cost",
        "--photos",
        "50000",
        "--resolution",
        "high",
        "--features",
        "photo_tagging=0.5",
        "--batch",
    ]
    names = ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5", "clarifai/general-image-recognition"]
    assert main([*command, "--models", ",".join(names), "--switching-cost", "12.50", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    answer = client_for(ADMINISTRATOR).get(
        "/api/v1/calculation",
        params={
            "photos": 50000,
            "resolution": "high",
            "feature": "photo_tagging=0.5",
            "batch": "true",
            "model": names,
            "switching_cost": "12.50",
        },
    )
    assert answer.status_code == 200
    found = answer.json()
    # Models without a known cost are not followed further than the list.
    printed["switches"] = [s for s in printed["switches"] if not s["candidate"].startswith("clarifai")]
    for part in ("models", "break_even", "switches", "images", "curves"):
        assert found[part] == printed[part]
    assert found["unpriced_models"] == printed["unpriced_models"] == 1


def test_unknown_costs_are_listed_with_the_reason_and_never_free(client_for: ClientFor) -> None:
    asked = PLAN | {"batch": "true", "fixed_cost": []}
    text = text_of(client_for(ADMINISTRATOR).get("/calculator", params=asked).text)
    assert "1 model without a known cost" in text
    assert "clarifai/general-image-recognition: no price for batch processing" in text
    assert "$0.00 " not in text


def test_what_is_cheapest_and_in_use_is_marked(client_for: ClientFor) -> None:
    asked = EXAMPLE | {"model": ["openai/gpt-6-luna", "openai/gpt-4o"], "current": "openai/gpt-4o"}
    text = text_of(client_for(ADMINISTRATOR).get("/calculator-results", params=asked).text)
    assert "openai/gpt-6-luna cheapest" in text
    assert "openai/gpt-4o in use" in text


def test_the_table_is_sorted_by_what_the_address_says(client_for: ClientFor) -> None:
    def order(sort: str) -> list[str]:
        page = client_for(ADMINISTRATOR).get("/calculator-results", params=PLAN | {"sort": sort}).text
        text = text_of(page.partition("<tbody")[2].partition("</tbody>")[0])
        return sorted(("openai/gpt-4o", "clarifai/general"), key=text.index)

    assert order("monthly") == ["openai/gpt-4o", "clarifai/general"]
    assert order("photo") == ["clarifai/general", "openai/gpt-4o"]
    assert order("-photo") == order("monthly")
    assert client_for(ADMINISTRATOR).get("/calculator", params={"sort": "none"}).status_code == 404


def test_an_order_turns_at_the_second_press() -> None:
    assert Order.MONTHLY.turned("monthly") == "-monthly"
    assert Order.MONTHLY_DOWN.turned("monthly") == "monthly"
    assert Order.MONTHLY.turned("photo") == "photo"


def test_an_address_asks_its_own_question() -> None:
    asked = {
        "photos": 7,
        "resolution": "640x480",
        "feature": ["chat", "search=0.25"],
        "batch": True,
        "prompt_tokens": ["100", "chat=5"],
        "output_tokens": ["chat=6"],
        "model": ["openai/gpt-4o"],
        "current": "openai/gpt-4o",
        "months": 3,
        "fixed_cost": ["openai/gpt-4o=1.50"],
    }
    question = calculation_question(None, **asked)  # type: ignore[arg-type]
    address = {
        name: int(v) if name in ("photos", "months") else v for name, v in address_of(question).items()
    }
    again = calculation_question(None, **(address | {"batch": True}))  # type: ignore[arg-type]
    assert again == question
    assert question.size == (question.size.name, 640, 480)
    assert set(RESOLUTIONS) == {"low", "medium", "high"}


def test_an_organizations_own_models_and_prices_are_its_own(client_for: ClientFor) -> None:
    mine = client_for(ANNA).get("/api/v1/calculation", params={"organization": "acme"}).json()
    assert mine["organization"] == "acme"
    assert "ft:beta-secret" not in json.dumps(mine)
    beta = client_for(ADMINISTRATOR).get("/api/v1/calculation", params={"organization": "beta"})
    assert beta.status_code == 200
    for caller in (ANNA, STRANGER):
        for address in (*ADDRESSES, "/api/v1/calculation"):
            assert client_for(caller).get(address, params={"organization": "beta"}).status_code == 404


@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_names_are_inert(client_for: ClientFor, address: str) -> None:
    asked = {
        "organization": "acme",
        "feature": HOSTILE.replace("=", ""),
        "prompt_tokens": "1",
        "output_tokens": "1",
    }
    page = client_for(ANNA).get(address, params=asked)
    assert page.status_code == 200
    elements = Elements(page.text)
    assert "<script>alert" not in page.text
    assert "img" not in {tag for tag, _ in elements.tags}
    assert HOSTILE in elements.text


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"resolution": "huge"}, "resolution"),
        ({"feature": "nobody_knows"}, "nobody_knows"),
        ({"model": "nobody/knows"}, "nobody/knows"),
        ({"feature": "chat=1e300"}, "feature"),
        ({"prompt_tokens": "chat=5"}, "chat"),
        ({"fixed_cost": "openai/gpt-4o=-1"}, "fixed_cost"),
        ({"start": "0001-01-01"}, "start"),
        ({"photos": "-1"}, "photos"),
        ({"months": "121"}, "months"),
    ],
)
def test_what_cannot_be_calculated_says_which_parameter(
    client_for: ClientFor, asked: dict[str, str], word: str
) -> None:
    answer = client_for(ADMINISTRATOR).get("/api/v1/calculation", params=asked)
    assert answer.status_code == 422
    assert word in answer.json()["detail"]
