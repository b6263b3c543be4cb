"""The command line as a person meets it: the documented commands, their answers, and errors that say the remedy."""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from modelscout.cli import main, parser
from modelscout.commands import tables

DOCS = Path(__file__).parents[2] / "docs"
NOW = "2026-11-23T12:00:00+00:00"
HEAVY = ("airflow", "great_expectations", "pandas", "pydantic", "rich", "sklearn", "sqlalchemy", "yaml")


@pytest.fixture(autouse=True)
def fixed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOUT_NOW", NOW)
    monkeypatch.delenv("MODELSCOUT_DATABASE_URL", raising=False)


def commands(top: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[str]:
    groups = [a for a in top._actions if isinstance(a, argparse._SubParsersAction)]
    if not groups:
        yield " ".join(path)
    for name, inner in (groups[0].choices if groups else {}).items():
        yield from commands(inner, (*path, name))


def transcripts() -> list[tuple[str, str]]:
    """Every command of the documentation that is shown with its whole answer."""
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("command_line.md", "comparison.md"))
    return re.findall(r"```console\n\$ (.+)\n((?:.*\n)*?)```", text)


@pytest.mark.parametrize(("command", "answer"), transcripts(), ids=lambda text: str(text)[:40])
def test_documented_command_answers_as_documented(
    command: str, answer: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped = re.fullmatch(r"echo '(.*)' \| (.*)", command)
    monkeypatch.setattr(sys, "stdin", io.StringIO(piped[1] + "\n" if piped else ""))

    main(shlex.split(piped[2] if piped else command)[1:])

    printed = capsys.readouterr()
    lines = (printed.out + printed.err).splitlines()
    assert [line.rstrip() for line in lines] == answer.splitlines()


def test_the_documentation_shows_commands() -> None:
    assert len(transcripts()) == 5


def test_every_command_is_documented() -> None:
    page = (DOCS / "command_line.md").read_text(encoding="utf-8")
    table = page[: page.index("## run")]
    missing = [name for name in commands(parser()) if f"`{name}`" not in table]
    assert missing == []


def test_every_option_of_the_calculator_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cost", "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    page = (DOCS / "calculator.md").read_text(encoding="utf-8")
    assert (
        sorted(option for option in options if f"`{option}" not in page and f", `{option}" not in page) == []
    )


def test_help_loads_nothing_heavy() -> None:
    program = "import sys; from modelscout.cli import parser; parser(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert {name.partition(".")[0] for name in loaded.split()} & set(HEAVY) == set()


COST = ["cost", "--photos", "10", "--features", "photo_tagging"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compare", "gpt-99"], "nobody knows a model 'gpt-99': see `modelscout catalog list`"),
        (["compare", "gpt-4o", "--organization", "acme"], "MODELSCOUT_DATABASE_URL is not set"),
        (["lifecycle"], "MODELSCOUT_DATABASE_URL is not set"),
        (["lifecycle", "--within", "soon"], "--within='soon' is not a whole number of at least 0"),
        (["price", "/no/such/file"], "FILE='/no/such/file' cannot be read"),
        ([*COST, "--organization", "acme"], "MODELSCOUT_DATABASE_URL is not set"),
        ([*COST, "--resolution", "huge"], "resolution='huge' is unknown: give low, medium, high or pixels"),
        ([*COST, "--models", " , "], "--models is empty"),
        ([*COST, "--fixed-cost", "30"], "--fixed-cost='30' has no name: write NAME=AMOUNT"),
        ([*COST, "--fixed-cost", "gpt-4o=-1"], "--fixed-cost='-1' is out of range"),
        ([*COST, "--switching-cost", "nan"], "--switching-cost='nan' is out of range"),
        ([*COST, "--switching-cost", "ten"], "--switching-cost='ten' is not a number"),
        ([*COST, "--months", "0"], "months=0 is out of range: give 1 to 120"),
        ([*COST, "--start", "tomorrow"], "--start='tomorrow' is not a day: write it as 2026-12-01"),
        (
            [*COST, "--prompt-tokens", "chat=5"],
            "a length is given for 'chat', which is not among the features",
        ),
        (["cost", "--photos", "1.5", "--features", "chat"], "--photos='1.5' is not a whole number"),
        (["cost", "--photos", "-5", "--features", "chat"], "--photos='-5' is not a whole number"),
        (["cost", "--photos", "5", "--features", ""], "--features is empty"),
        (["cost", "--photos", "5", "--features", "chat=x"], "--features='x' is not a number"),
        (
            ["cost", "--photos", "5", "--features", "hum"],
            "feature 'hum' has no recorded usage that tells its lengths, nor typical ones: give --prompt-tokens",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_the_remedy(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"modelscout: {told}"), printed.err
    assert printed.err.count("\n") == 1


def test_amounts_never_pass_through_a_float(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main([*COST, "--models", "gpt-6-luna,claude-haiku-5-5,gemini-4-argon", "--months", "2", "--json"])
        == 0
    )

    def refuse(text: str) -> object:
        raise AssertionError(f"{text} is a float")

    answer = json.loads(capsys.readouterr().out, parse_float=refuse)
    assert Decimal(answer["models"][0]["monthly_usd"]) > 0


def test_grouped_digits_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--photos", "50,000", "--features", "chat", "--models", "gpt-6-luna", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["workload"]["photos_per_month"] == 50000


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "-"),
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
        ("-2.25", "-$2.25"),
        ("0.0014664", "$0.00147"),
        ("0.5", "$0.500"),
    ],
)
def test_amounts_for_people(amount: str | None, shown: str) -> None:
    assert tables.usd(None if amount is None else Decimal(amount)) == shown


def test_a_warehouse_that_does_not_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODELSCOUT_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/x")
    assert main(["recommendations"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("modelscout: the warehouse does not answer (")
    assert error.count("\n") == 1
