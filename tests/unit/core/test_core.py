"""Settings, clock, keys and errors: what a person reads when something is wrong, and what nobody may read."""

from __future__ import annotations

import traceback
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from modelscout.core import errors
from modelscout.core.clock import now, parse_time
from modelscout.core.errors import ConfigurationError, ProviderError
from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.secrets import ProviderCredential, redact
from modelscout.core.settings import Settings, data_folder
from modelscout.core.types import TokenUsage

URL = {"MODELSCOUT_DATABASE_URL": "postgresql+psycopg://u@h/d"}
KEY = "sk-live-0123456789"


# Settings


@pytest.mark.parametrize("environ", [{}, {"MODELSCOUT_DATABASE_URL": "  "}])
def test_a_missing_database_names_the_variable_and_an_example(environ: dict[str, str]) -> None:
    with pytest.raises(
        ConfigurationError, match=r"MODELSCOUT_DATABASE_URL is not set: give .*postgresql\+psycopg://"
    ):
        Settings.from_environment(environ)


def test_defaults_hold_where_nothing_is_set() -> None:
    assert Settings.from_environment(URL) == Settings(database_url=URL["MODELSCOUT_DATABASE_URL"])
    assert Settings.from_environment(URL | {"MODELSCOUT_SHARDS": " "}).shards == Settings.shards


def test_what_is_set_is_taken() -> None:
    found = Settings.from_environment(
        URL
        | {
            "MODELSCOUT_SHARDS": "5",
            "MODELSCOUT_REQUEST_CONCURRENCY": "7",
            "MODELSCOUT_SPEND_LIMIT_USD": "0.25",
            "MODELSCOUT_RETIREMENT_HORIZON_DAYS": "60",
            "MODELSCOUT_JUDGE_MODEL": "anthropic/a, openai_compatible/org/b",
            "MODELSCOUT_USAGE_RETENTION_DAYS": "90",
        }
    )
    assert found.judge_models == ("anthropic/a", "openai_compatible/org/b")
    with pytest.raises(
        ConfigurationError, match="MODELSCOUT_JUDGE_MODEL='a': write each judge as provider/model"
    ):
        Settings.from_environment(URL | {"MODELSCOUT_JUDGE_MODEL": "a"})
    assert (found.usage_retention_days, found.quality_retention_days) == (90, 180)
    assert Settings.from_environment(URL).usage_retention_days is None
    assert (found.shards, found.request_concurrency, found.retirement_horizon_days) == (5, 7, 60)
    assert found.spend_limit_usd == Decimal("0.25")


@pytest.mark.parametrize(
    "name",
    ["MODELSCOUT_SHARDS", "MODELSCOUT_REQUEST_CONCURRENCY", "MODELSCOUT_REPLAY_ITEMS",
     "MODELSCOUT_REPLAY_CANDIDATES", "MODELSCOUT_RETIREMENT_HORIZON_DAYS", "MODELSCOUT_USAGE_RETENTION_DAYS",
     "MODELSCOUT_QUALITY_RETENTION_DAYS"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "1e3", "²"])
def test_a_number_that_is_none_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name}='{value}' is not a whole number of at least 1"):
        Settings.from_environment(URL | {name: value})


@pytest.mark.parametrize("value", ["five", "-1", "NaN", "Infinity", "1,5"])
def test_an_amount_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"MODELSCOUT_SPEND_LIMIT_USD='{value}'"):
        Settings.from_environment(URL | {"MODELSCOUT_SPEND_LIMIT_USD": value})


def test_the_data_folder_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_folder({}) == tmp_path / ".modelscout"
    assert data_folder({"MODELSCOUT_DATA_DIR": "/var/x"}) == Path("/var/x")


# Clock


def test_a_fixed_time_is_returned_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    for written in ("2026-11-23T12:00:00", "2026-11-23T12:00:00Z", "2026-11-23T13:00:00+01:00"):
        monkeypatch.setenv("MODELSCOUT_NOW", written)
        assert now() == datetime(2026, 11, 23, 12, tzinfo=UTC)
        assert now().utcoffset() == timedelta(0)


@pytest.mark.parametrize("empty", ["", "  "])
def test_without_a_fixed_time_it_is_the_real_one(monkeypatch: pytest.MonkeyPatch, empty: str) -> None:
    monkeypatch.setenv("MODELSCOUT_NOW", empty)
    assert abs(now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert now().tzinfo is UTC


def test_a_time_that_is_none_names_the_field_and_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOUT_NOW", "tomorrow")
    with pytest.raises(
        ConfigurationError, match="MODELSCOUT_NOW='tomorrow' is not a time: write it as 2026-"
    ):
        now()
    with pytest.raises(ConfigurationError, match="at='x'"):
        parse_time("x", field="at")


# Keys


def test_a_key_shows_nowhere_by_accident() -> None:
    credential = ProviderCredential("openai", KEY, "http://127.0.0.1:1/v1")
    for shown in (
        repr(credential),
        str(credential),
        f"{credential}",
        f"{[credential]}",
        f"{(credential,)!r}",
    ):
        assert KEY not in shown
        assert "openai" in shown
    assert credential == replace(credential)
    assert asdict(credential)["api_key"] == KEY


def test_a_key_in_a_vendors_message_is_masked() -> None:
    credential = ProviderCredential("openai", KEY)
    assert credential.redact(f"Incorrect API key provided: {KEY}. ({KEY})") == (
        "Incorrect API key provided: ***. (***)"
    )
    assert redact("nothing here", [KEY]) == "nothing here"
    assert redact("x1 and y2", ["x1", "", "y2"]) == "*** and ***"


def test_an_empty_key_masks_nothing() -> None:
    assert ProviderCredential("openai", "").redact("text") == "text"


# Errors

PROVIDER_ERRORS = {
    "bad_request": False,
    "authentication_failed": False,
    "permission_denied": False,
    "quota_exhausted": False,
    "model_not_found": False,
    "rate_limited": True,
    "provider_unavailable": True,
    "malformed_answer": True,
}


def test_every_provider_error_has_its_stable_name_and_says_whether_to_try_again() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, ProviderError)]
    found = {c("m", provider="openai").error_type: c.retryable for c in classes if c is not ProviderError}
    assert found == PROVIDER_ERRORS


def test_a_provider_error_keeps_what_the_vendor_said() -> None:
    error = errors.RateLimited(
        "slow down", provider="openai", status=429, code="rate_limit", request_id="r", retry_after_s=1.5
    )
    assert (error.provider, error.status, error.code, error.request_id) == ("openai", 429, "rate_limit", "r")
    assert (str(error), error.retry_after_s) == ("slow down", 1.5)
    assert isinstance(error, errors.ModelscoutError)
    assert "slow down" in "".join(traceback.format_exception(error))


# Values


def test_usage_adds_up_field_by_field() -> None:
    one = TokenUsage(*range(1, 10))
    assert one + one == TokenUsage(*range(2, 20, 2))
    assert one + TokenUsage() == one


def test_a_fingerprint_ignores_white_space_and_nothing_else() -> None:
    image, other = b"\x89PNG1", b"\x89PNG2"
    prints = [
        content_fingerprint("a b"),
        content_fingerprint("ab"),
        content_fingerprint("A b"),
        content_fingerprint("a b", [image]),
        content_fingerprint("a b", [other]),
        content_fingerprint("a b", [image, other]),
        content_fingerprint("a b", [other, image]),
        content_fingerprint("", [image]),
    ]
    assert len(set(prints)) == len(prints)
    assert content_fingerprint("  a\n\tb ") == prints[0]
