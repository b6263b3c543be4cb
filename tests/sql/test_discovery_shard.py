"""A shard of organizations asked over HTTP on real Postgres: true states, no news twice, bounds on where data goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator_thread import served
from modelscout.benchmarks.capabilities import plan_probes
from modelscout.core.errors import ConfigurationError
from modelscout.core.secrets import CredentialSource, ProviderCredential
from modelscout.core.types import ModelStatus
from modelscout.discovery import gate
from modelscout.discovery.catalog_sync import sync_catalog
from modelscout.discovery.check import check_model, target_of
from modelscout.discovery.shard import close_alerts_of_unused_keys, discover_shard, plan_shards
from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.providers.limits import forget_limits
from modelscout.warehouse.engine import open_engine

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
NIGHT = timedelta(days=1)
TOKEN = "control-0123456789"
BASES = {
    "openai": "/openai/v1",
    "anthropic": "/anthropic",
    "google": "/gemini",
    "clarifai": "/clarifai",
    "openai_compatible": "/compatible/v1",
}
MODELS = {
    "openai/gpt-6-luna": {},
    "openai/gpt-4o": {"retires_at": "2027-01-14"},
    "anthropic/claude-haiku-5-5": {},
    "google/gemini-3.8-flash": {},
    "clarifai/general-image-recognition": {"capabilities": ["image_analysis"], "billing": "operations"},
    "openai_compatible/house-model": {},
}
ORGANIZATIONS = 12
REFUSED = "org-3"
"""Its keys are of yesterday."""


def key_of(slug: str, provider: str) -> str:
    return f"key-{slug}-{provider}-0123456789"


class Vendors:
    """The running emulator."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = httpx2.request(method, f"{self.url}/control/{path}", json=body or None, headers=headers)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def lists(self, provider: str) -> int:
        """Number of questions for lists so far."""
        calls = self.control("GET", "calls")["calls"]
        return sum(call["count"] for call in calls if call["provider"] == provider and not call["model"])

    def credentials(self, reference: str) -> ProviderCredential | None:
        _, slug, provider = reference.split("__")
        return ProviderCredential(provider, key_of(slug, provider), self.url + BASES[provider])


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    keys = {
        key_of(f"org-{n}", provider): {"organization": f"org-{n}", "provider": provider}
        for n in range(ORGANIZATIONS)
        for provider in BASES
        if f"org-{n}" != REFUSED
    }
    profile = {
        "now": NOW.isoformat(),
        "latency_scale": 0,
        "control_token": TOKEN,
        "keys": keys,
        "models": MODELS,
    }
    with served(create_app(parse_profile(profile), AnswerKey([]))) as url:
        yield Vendors(url)


@pytest.fixture(scope="module")
def pipeline(warehouse_url: str) -> Iterator[Engine]:
    """Engine of the nightly role, so that a missing grant shows here."""
    owner = open_engine(warehouse_url)
    with owner.begin() as connection, suppress(Exception):
        connection.execute(text("CREATE ROLE shard_nightly LOGIN IN ROLE modelscout_pipeline"))
    owner.dispose()
    engine = open_engine(warehouse_url.replace("postgres@", "shard_nightly@"))
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def warehouse(engine: Engine, pipeline: Engine, vendors: Vendors) -> Iterator[None]:
    forget_limits()
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE organizations, ai_models, ai_model_prices, ai_features CASCADE"))
        for n in range(ORGANIZATIONS):
            connection.execute(
                text(
                    "INSERT INTO organizations (id, name, slug, simulated) VALUES (:id, :slug, :slug, TRUE)"
                ),
                {"id": uuid.UUID(int=n + 1), "slug": f"org-{n}"},
            )
        connection.execute(
            text("INSERT INTO organization_provider_keys (organization_id, provider, secret_reference) "
                 "SELECT o.id, p, 'llm__' || o.slug || '__' || p FROM organizations AS o "
                 "CROSS JOIN unnest(cast(:p AS text[])) AS p"),
            {"p": list(BASES)},
        )  # fmt: skip
    sync_catalog(pipeline, now=NOW)
    yield
    vendors.control("DELETE", "faults")


async def discover(
    pipeline: Engine, credentials: CredentialSource, *, now: datetime = NOW, provider: str | None = None
) -> dict[str, int]:
    ids = [id_ for shard in plan_shards(pipeline, shards=1) for id_ in shard]
    return await discover_shard(pipeline, ids, credentials, concurrency=8, now=now, provider=provider)


def rows(engine: Engine, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql), parameters)]


def snapshot(engine: Engine) -> list[list[tuple[Any, ...]]]:
    tables = ("ai_models", "ai_model_availability", "model_events", "alerts")
    return [rows(engine, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables]


async def test_every_key_gets_its_true_state_and_a_second_night_brings_no_news(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    counts = await discover(pipeline, vendors.credentials)
    assert counts == {"valid": (ORGANIZATIONS - 1) * len(BASES), "refused": len(BASES)}
    refused = rows(engine, "SELECT DISTINCT o.slug FROM organization_provider_keys AS k JOIN organizations AS o "
                           "ON k.organization_id = o.id WHERE k.health = 'refused'")  # fmt: skip
    assert refused == [(REFUSED,)]
    statuses = rows(engine, "SELECT m.provider_model_id, a.status, count(*) FROM ai_model_availability AS a "
                            "JOIN ai_models AS m ON a.model_id = m.id GROUP BY 1, 2 ORDER BY 1")  # fmt: skip
    assert {name: status for name, status, _ in statuses} == {
        "claude-haiku-5-5": "available",
        "gemini-3.8-flash": "available",
        "general-image-recognition": "available",
        "gpt-4o": "deprecated",
        "gpt-6-luna": "available",
        "house-model": "available",
    }
    before = snapshot(engine)
    await discover(pipeline, vendors.credentials, now=NOW + NIGHT)
    assert snapshot(engine) == before, "nothing changed at the vendors"
    seen = rows(engine, "SELECT DISTINCT last_seen_at FROM model_availability")
    assert seen == [(NOW + NIGHT,)], "and yet all of it was seen"


async def test_a_self_hosted_model_of_the_same_name_is_each_organizations_own(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    await discover(pipeline, vendors.credentials, provider="openai_compatible")
    owners = rows(
        engine, "SELECT owner_organization_id FROM ai_models WHERE provider_model_id = 'house-model'"
    )
    assert len(set(owners)) == ORGANIZATIONS - 1
    assert (None,) not in owners
    wrong = rows(engine, "SELECT FROM ai_model_availability AS a JOIN ai_models AS m ON a.model_id = m.id "
                         "WHERE m.owner_organization_id <> a.organization_id")  # fmt: skip
    assert wrong == []


async def test_a_gateway_does_not_speak_for_the_vendor(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET simulated = FALSE"))
        connection.execute(text("UPDATE ai_models SET retires_on = NULL, lifecycle_source = NULL"))
    await discover(pipeline, vendors.credentials, provider="openai")
    assert rows(engine, "SELECT retires_on FROM ai_models WHERE provider_model_id = 'gpt-4o'") == [(None,)]
    own = rows(engine, "SELECT DISTINCT a.status, a.reason FROM ai_model_availability AS a JOIN ai_models AS m "
                       "ON a.model_id = m.id WHERE m.provider_model_id = 'gpt-4o'")  # fmt: skip
    assert own == [("deprecated", "retires on 2027-01-14")], "for the key itself it counts"


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ("UPDATE organizations SET allowed_providers = '{google}'", {"google"}),
        ("UPDATE organizations SET allowed_providers = '{}'", set()),
        ("UPDATE organizations SET allowed_regions = '{eu}'", set()),
        ("UPDATE organizations SET allowed_regions = '{eu, global}'", set(BASES)),
        ("UPDATE organization_provider_keys SET allowed_regions = '{eu}' WHERE provider = 'openai'",
         set(BASES) - {"openai"}),
        ("UPDATE organization_provider_keys SET enabled = FALSE WHERE provider <> 'anthropic'", {"anthropic"}),
        ("UPDATE organizations SET modelscout_enabled = FALSE", set()),
    ],
)  # fmt: skip
async def test_nothing_is_sent_where_an_organization_does_not_allow_it(
    pipeline: Engine, engine: Engine, vendors: Vendors, change: str, asked: set[str]
) -> None:
    with engine.begin() as connection:
        connection.execute(text(change))
    before = {provider: vendors.lists(provider) for provider in BASES}
    await discover(pipeline, vendors.credentials)
    assert {provider for provider in BASES if vendors.lists(provider) > before[provider]} == asked


async def test_a_region_that_the_provider_does_not_have_is_misconfigured_and_told(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE organization_provider_keys SET region = 'mars' WHERE provider = 'google'")
        )
    counts = await discover(
        pipeline, lambda reference: ProviderCredential("google", "key-0123456789"), provider="google"
    )
    assert counts == {"misconfigured": ORGANIZATIONS}
    [message] = {row[0] for row in rows(engine, "SELECT message FROM alerts")}
    assert message.startswith(
        "The google key is misconfigured: region='mars' of provider google: it has endpoints for"
    )


@pytest.fixture
def quick_gate(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A gate whose pauses are short; the argument is after how long it gives up."""
    monkeypatch.setattr(gate, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(gate, "LONGEST_PAUSE_S", 0.1)

    def give_up_after(seconds: float) -> None:
        monkeypatch.setattr(gate.VendorGate.__init__, "__kwdefaults__",
                            {**gate.VendorGate.__init__.__kwdefaults__, "give_up_after_s": seconds})  # fmt: skip

    return give_up_after


@pytest.mark.verify
async def test_a_vendor_that_is_away_for_a_while_costs_no_key(
    pipeline: Engine, vendors: Vendors, quick_gate: Callable[[float], None]
) -> None:
    quick_gate(60.0)
    vendors.control(
        "POST", "faults", provider="anthropic", kind="http", status=503, operation="list", times=60
    )
    counts = await discover(pipeline, vendors.credentials)
    assert counts == {"valid": (ORGANIZATIONS - 1) * len(BASES), "refused": len(BASES)}


async def test_a_vendor_that_stays_away_is_left_and_the_others_are_not_held_up(
    pipeline: Engine, engine: Engine, vendors: Vendors, quick_gate: Callable[[float], None]
) -> None:
    await discover(pipeline, vendors.credentials)
    before = snapshot(engine)
    quick_gate(0.3)
    vendors.control(
        "POST", "faults", provider="anthropic", kind="http", status=503, operation="list", times=10**6
    )
    asked = vendors.lists("anthropic")
    counts = await discover(pipeline, vendors.credentials, now=NOW + NIGHT)
    # The key of yesterday is refused before the vendor fails, if it is asked at all.
    assert counts["unreachable"] >= ORGANIZATIONS - 1
    assert counts["valid"] == (ORGANIZATIONS - 1) * (len(BASES) - 1)
    assert snapshot(engine) == before, "a vendor's outage says nothing about models or keys"
    assert vendors.lists("anthropic") - asked < 3 * (ORGANIZATIONS + 10), "an outage is not hammered"


async def test_a_key_that_is_slowed_down_waits_and_is_not_lost(pipeline: Engine, vendors: Vendors) -> None:
    key = key_of("org-1", "clarifai")
    fault = {"kind": "http", "status": 429, "retry_after_s": 1, "operation": "list", "times": 2}
    vendors.control("POST", "faults", provider="clarifai", key=key, **fault)
    counts = await discover(pipeline, vendors.credentials, provider="clarifai")
    assert counts == {"valid": ORGANIZATIONS - 1, "refused": 1}


def test_the_command_asks_with_the_organizations_own_connection(
    warehouse_url: str, vendors: Vendors, tmp_path: Path
) -> None:
    key = key_of("org-1", "openai")
    connection = {"conn_type": "generic", "password": key, "host": vendors.url + BASES["openai"]}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW_CONN_LLM__ORG-1__OPENAI": json.dumps(connection),
        "MODELSCOUT_DATABASE_URL": warehouse_url,
    }
    command = [str(Path(sys.executable).with_name("modelscout")), "check", "org-1", "openai/gpt-4o"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    expected = "org-1 openai/gpt-4o: deprecated, key valid (retires on 2027-01-14; simulated)\n"
    assert (found.returncode, found.stdout) == (0, expected), found.stderr
    assert key not in found.stderr
    # In words as data; a model that is not there ends with 1.
    gone = subprocess.run(
        [*command[:-1], "openai/gpt-99", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert gone.returncode == 1
    assert (json.loads(gone.stdout)["status"], json.loads(gone.stdout)["key"]) == ("unavailable", "valid")
    assert key not in gone.stdout + gone.stderr


async def test_one_model_is_checked_in_one_request(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    before = vendors.lists("openai")
    target = target_of(pipeline, "org-1", "openai")
    check = await check_model(target, "gpt-4o", vendors.credentials)
    assert (check.status, check.key, check.reason) == (
        ModelStatus.DEPRECATED,
        "valid",
        "retires on 2027-01-14",
    )
    assert check.simulated
    assert vendors.lists("openai") == before + 1
    gone = await check_model(target, "gpt-4-turbo", vendors.credentials)
    assert (gone.status, gone.key) == (ModelStatus.UNAVAILABLE, "valid")
    refused = await check_model(target_of(pipeline, REFUSED, "openai"), "gpt-4o", vendors.credentials)
    assert (refused.status, refused.key) == (None, "refused")
    assert (await check_model(target, "gpt-4o", lambda _: None)).key == "not_configured"
    with engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET allowed_providers = '{google}'"))
    with pytest.raises(ConfigurationError, match="org-1 has no key of provider openai that may be used"):
        target_of(pipeline, "org-1", "openai")


async def test_one_organizations_mistakes_disturb_nobody_else(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    broken = {
        "llm__org-0__openai": ProviderCredential("openai", "key-with-\u201d-in-it"),
        "llm__org-1__openai": ProviderCredential("openai", "key-0123456789", "https://gw.example.com:abc/v1"),
        "llm__org-2__openai": ProviderCredential("openai", "key-0123456789", "http://[::1/v1"),
        "llm__org-4__clarifai": ProviderCredential("clarifai", "pat\u20190123456789"),
    }

    def credentials(reference: str) -> ProviderCredential | None:
        return broken.get(reference) or vendors.credentials(reference)

    counts = await discover(pipeline, credentials)
    assert counts == {
        "valid": (ORGANIZATIONS - 1) * len(BASES) - len(broken),
        "refused": len(BASES),
        "misconfigured": len(broken),
    }
    reasons = rows(
        engine, "SELECT health_reason FROM organization_provider_keys WHERE health = 'misconfigured'"
    )
    assert not [reason for (reason,) in reasons if "0123456789" in reason or "with-" in reason]


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "house-model", "name": "x\x00y"},
        {"id": "house-model", "name": "half \ud800"},
        {"id": "house-model", "max_model_len": 10**30},
        {"id": "house-model", "max_model_len": True},
        {"id": "house-model", "created": 10**20},
    ],
)
async def test_a_strange_list_is_stored_as_far_as_it_can_be(
    pipeline: Engine, engine: Engine, entry: dict[str, Any]
) -> None:
    async def models(_request: Request) -> Response:
        return Response(json.dumps({"data": [entry]}), media_type="application/json")

    with served(Starlette(routes=[Route("/v1/models", models)])) as url:
        strange = ProviderCredential("openai_compatible", "key-0123456789", f"{url}/v1")
        counts = await discover(pipeline, lambda _: strange, provider="openai_compatible")
    assert counts == {"valid": ORGANIZATIONS}
    assert len(rows(engine, "SELECT FROM model_availability WHERE model = 'house-model'")) == ORGANIZATIONS


async def test_what_only_a_gateway_knows_belongs_to_its_organization(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    async def models(_request: Request) -> Response:
        body = {"data": [{"id": "acme-merger-assistant"}, {"id": "gpt-4o"}]}
        return Response(json.dumps(body), media_type="application/json")

    with engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET simulated = FALSE"))
    with served(Starlette(routes=[Route("/v1/models", models)])) as url:
        gateway = ProviderCredential("openai", "key-0123456789", f"{url}/v1")
        await discover(pipeline, lambda _: gateway, provider="openai")
    owners = rows(engine, "SELECT owner_organization_id FROM ai_models WHERE provider_model_id LIKE 'acme-%'")
    assert len(owners) == ORGANIZATIONS
    assert (None,) not in owners
    shared = rows(engine, "SELECT owner_organization_id FROM ai_models WHERE provider_model_id = 'gpt-4o'")
    assert shared == [(None,)], "a name that everybody knows is matched to everybody's model"
    # But nothing that this key shows of it counts for everybody.
    assert rows(
        engine, "SELECT count(*) FROM usable_provider_keys WHERE provider = 'openai' AND speaks_for_vendor"
    ) == [(0,)]
    assert plan_probes(pipeline, NOW, 1) == [
        [[str(model), str(owner)] for model, owner in rows(
            engine, "SELECT id, owner_organization_id FROM ai_models WHERE owner_organization_id IS NOT NULL "
                    "ORDER BY provider, provider_model_id, id")]
    ]  # fmt: skip


async def test_an_outage_does_not_make_a_refused_key_usable(
    pipeline: Engine, engine: Engine, vendors: Vendors, quick_gate: Callable[[float], None]
) -> None:
    await discover(pipeline, vendors.credentials, provider="anthropic")
    quick_gate(0.2)
    vendors.control(
        "POST", "faults", provider="anthropic", kind="http", status=503, operation="list", times=10**6
    )
    nobody = ProviderCredential("anthropic", "key-0123456789", "http://127.0.0.1:9")
    counts = await discover(pipeline, lambda _: nobody, now=NOW + NIGHT, provider="anthropic")
    assert counts == {"unreachable": ORGANIZATIONS}
    works = rows(
        engine,
        "SELECT organization, works FROM usable_provider_keys WHERE provider = 'anthropic' AND NOT works",
    )
    assert works == [(REFUSED, False)]


async def test_a_model_that_comes_back_is_told_also_where_it_is_deprecated(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    kinds = "SELECT kind FROM model_events WHERE kind <> 'new_model' ORDER BY occurred_at, kind"
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM organizations WHERE slug <> 'org-1'"))
    await discover(pipeline, vendors.credentials, provider="openai")
    vendors.control("PUT", "profile", keys={key_of("org-1", "openai"): {
        "organization": "org-1", "provider": "openai", "models": ["gpt-6-luna"]}})  # fmt: skip
    for night in (1, 2):
        await discover(pipeline, vendors.credentials, now=NOW + night * NIGHT, provider="openai")
    vendors.control("PUT", "profile", keys={key_of("org-1", "openai"): {
        "organization": "org-1", "provider": "openai"}})  # fmt: skip
    for night in (3, 4):
        await discover(pipeline, vendors.credentials, now=NOW + night * NIGHT, provider="openai")
    assert [kind for (kind,) in rows(engine, kinds)] == ["deprecated", "unavailable", "available_again"]


async def test_alerts_close_with_the_key_they_are_about(
    pipeline: Engine, engine: Engine, vendors: Vendors
) -> None:
    await discover(pipeline, vendors.credentials)
    still_open = "SELECT count(*) FROM alerts WHERE resolved_at IS NULL"
    assert rows(engine, still_open) == [(len(BASES),)]
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE organization_provider_keys SET enabled = FALSE WHERE provider = 'google'")
        )
    close_alerts_of_unused_keys(pipeline, now=NOW + NIGHT)
    assert rows(engine, still_open) == [(len(BASES) - 1,)]
