"""A process with acme's role tries for globex through every public call of `modelscout.selection` and `.features`.

The calls are those of the packages' `__all__`: a new one without a case fails here.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from emulator_support import KEYS, PREFIXES, PROFILE
from selection_support import ACME, GLOBEX, NOW, PRIVATE, assign, change, fill
from sqlalchemy import Engine, event, text

from emulator_thread import served
from modelscout import features, selection
from modelscout.core.errors import ModelscoutError
from modelscout.core.secrets import ProviderCredential
from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.app import create_app
from modelscout.emulator.profile import parse_profile
from modelscout.usage.events import UsageEvent
from modelscout.usage.recorder import UsageRecorder
from modelscout.usage.recorder_options import RecorderOptions
from modelscout.warehouse.engine import open_engine

MARKS = ("globex-parameter", "ft:luna:globex", str(PRIVATE), "0.0777", "globex-prompt")
NAMES = ("globex", str(GLOBEX), GLOBEX)
SETTINGS = (
    {},
    {"modelscout.organization_id": str(GLOBEX)},
    {"modelscout.organization_id": str(GLOBEX), "role": "modelscout_organization"},
    {"search_path": "pg_temp,modelscout,public", "modelscout.organization_id": str(GLOBEX).upper()},
)
"""What the process sets for its sessions: every setting that the warehouse reads, and its role."""
TABLES = (
    "ai_feature_settings", "ai_model_settings", "audit_log", "organization_provider_keys", "ai_usage_events",
    "ai_usage_outcomes", "ai_usage_quarantine", "ai_model_prices", "ai_model_recommendations",
)  # fmt: skip


class Attacker(NamedTuple):
    """A process with acme's login; `asked` collects whose keys anything asked for."""

    url: str
    engine: Engine
    keys: Callable[[str, str], ProviderCredential | None]
    asked: list[str]
    folder: Path

    def keeper(self) -> selection.SnapshotKeeper:
        file = self.folder / "snapshot"
        options = selection.KeeperOptions(organizations=[GLOBEX, ACME], file=file, poll_s=0.1)
        return selection.SnapshotKeeper(self.url, options, clock=lambda: NOW)


@pytest.fixture(scope="module", autouse=True)
def warehouse(warehouse_url: str) -> Iterator[Engine]:
    engine = open_engine(warehouse_url)
    change(engine, "CREATE ROLE public_acme LOGIN IN ROLE modelscout_organization")
    fill(engine)
    change(engine, "SELECT modelscout.ensure_usage_partitions(current_date - 1, current_date + 1)")
    change(engine, "INSERT INTO organization_roles VALUES ('public_acme', :o)", o=ACME)
    # The names that the emulator knows.
    for table in ("ai_models", "ai_model_prices"):
        change(
            engine, f"UPDATE {table} SET provider_model_id = 'gpt-6-luna' WHERE provider_model_id = 'luna'"
        )
    for organization in (ACME, GLOBEX):
        assign(engine, organization, "chat", "openai/luna")
    change(
        engine,
        "UPDATE ai_feature_settings SET parameters = cast(:p AS jsonb) WHERE organization_id = :o",
        o=GLOBEX, p=json.dumps({"note": "globex-parameter"}),
    )  # fmt: skip
    change(
        engine,
        "INSERT INTO ai_model_prices (organization_id, provider, provider_model_id, processing, valid_from, "
        "input_usd_per_million_tokens, output_usd_per_million_tokens, source) "
        "VALUES (:o, 'openai', 'gpt-6-luna', 'standard', '2026-01-02', 0.0777, 0.0777, 'negotiated')",
        o=GLOBEX,
    )
    yield engine
    engine.dispose()


@pytest.fixture(params=SETTINGS, ids=lambda s: "+".join(s) or "none")
def attacker(
    request: pytest.FixtureRequest, warehouse: Engine, warehouse_url: str, tmp_path: Path
) -> Iterator[Attacker]:
    """Afterwards globex has what it had, and nothing asked for a key of its."""
    login = warehouse_url.replace("postgres@", "public_acme@")
    options = "%20".join(f"-c%20{name}%3D{value}" for name, value in request.param.items())
    engine = open_engine(login)

    @event.listens_for(engine, "connect")
    def change_settings(connection: Any, _record: object) -> None:
        for name, value in request.param.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        connection.commit()

    asked: list[str] = []
    before = stored(warehouse)
    with served(create_app(parse_profile(PROFILE), AnswerKey([]))) as emulator:

        def key(organization_id: str, provider: str) -> ProviderCredential | None:
            asked.append(organization_id)
            return ProviderCredential(provider, KEYS[provider], emulator + PREFIXES[provider])

        yield Attacker(login + (f"&options={options}" if options else ""), engine, key, asked, tmp_path)
    engine.dispose()
    assert stored(warehouse) == before
    assert set(asked) <= {str(ACME)}


def stored(owner: Engine) -> list[str]:
    with owner.connect() as connection:
        return [
            str(connection.execute(text(
                f"SELECT jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text) FROM {table} AS t "
                "WHERE organization_id = :o"), {"o": GLOBEX}).scalar())
            for table in TABLES
        ]  # fmt: skip


def refused(call: Callable[[], object]) -> None:
    """It raises one of the project's errors, which shows nothing of globex but the name that was asked for."""
    with pytest.raises(ModelscoutError) as error:
        call()
    clean(str(error.value))


def clean(seen: object) -> None:
    assert not [mark for mark in MARKS if mark in str(seen)]


def chat(name: object) -> selection.AdaptiveRequest:
    return selection.AdaptiveRequest(
        organization=str(name), feature="chat", prompt="globex-prompt", deadline_s=10
    )


def of_the_keeper(attacker: Attacker) -> None:
    with attacker.keeper() as kept:
        assert kept.snapshot.organizations.keys() == {str(ACME)}
        clean([dict(kept.snapshot.organizations), kept.snapshot.planner.models])
        clean((attacker.folder / "snapshot").read_text())
    # From the file at once, too.
    with attacker.keeper() as again:
        assert again.snapshot.organizations.keys() == {str(ACME)}


def of_the_selector(attacker: Attacker) -> None:
    with attacker.keeper() as kept:
        selector = selection.ModelSelector(kept, clock=NOW.timestamp)
        for name in NAMES:
            refused(lambda name=name: selector.select(name, "chat"))
            context = selection.SelectionContext(name)
            refused(lambda context=context: selector.select_optimal_model("chat", context))
        assert selector.select(ACME, "chat").model == "gpt-6-luna"
        assert (selector.processes(), selector.age_s()) == (1, 0.0)


def of_the_services(attacker: Attacker) -> None:
    prices = selection.WarehousePrices(attacker.url)
    recorder = UsageRecorder(attacker.url, RecorderOptions(spill_folder=attacker.folder / "spill"))
    trial = selection.Trial(
        experiment_id="x", organization=str(GLOBEX), feature="chat", candidate="openai/ft:luna:globex",
        share=Decimal("0.5"), ends_at=NOW + timedelta(days=999),
    )  # fmt: skip
    given = selection.AdaptiveOptions(usage=recorder, prices=prices, trials=[trial])
    with attacker.keeper() as kept:
        selector = selection.ModelSelector(kept, clock=NOW.timestamp)
        with selection.AdaptiveService(selector, attacker.keys, given) as service:
            for name in NAMES:
                refused(lambda name=name: service.process(chat(name)))
            assert service.process(chat(ACME)).experiment_id is None

        async def in_a_loop() -> None:
            async with selection.AsyncAdaptiveService(selector, attacker.keys, given) as own:
                for name in NAMES:
                    with pytest.raises(selection.UnknownOrganization):
                        await own.process(chat(name))
                clean(await own.process(chat(ACME)))

        asyncio.run(in_a_loop())
    prices.close()
    written = UsageEvent(
        organization_id=str(GLOBEX), feature_id="chat", provider="openai", requested_model="gpt-6-luna",
        request_id="forged", attempt=1, occurred_at=NOW,
    )  # fmt: skip
    recorder.record(written)
    recorder.record_outcome(str(GLOBEX), "forged", "rating", 1)
    recorder.close(3)


def of_the_prices(attacker: Attacker) -> None:
    for name in NAMES:
        # A new one each time: after an error it asks nothing for a while.
        prices = selection.WarehousePrices(attacker.url)
        known = prices.wait(str(name))
        assert known == (name != "globex")
        clean(prices.rows(str(name), "openai", "gpt-6-luna"))
        prices.close()


def of_the_feature_service(attacker: Attacker) -> None:
    service = features.FeatureService(attacker.engine)
    change_ = features.FeatureChange(
        model=None, workload_models=[features.WorkloadModel({}, "openai/gpt-6-luna")]
    )
    for name in map(str, NAMES):
        refused(lambda name=name: service.read(name, "chat"))
        refused(lambda name=name: service.read_all(name))
        refused(lambda name=name: service.update(name, "chat", change_, actor="x", now=NOW))
        refused(lambda name=name: service.undo(name, "chat", actor="x", now=NOW))


CASES: dict[str, tuple[Callable[[Attacker], None], set[str]]] = {
    "SnapshotKeeper": (of_the_keeper, {"start", "close", "after_fork", "processes"}),
    "ModelSelector": (of_the_selector, {"select", "select_optimal_model", "processes", "age_s"}),
    "AdaptiveService": (of_the_services, {"process", "close", "after_fork"}),
    "AsyncAdaptiveService": (of_the_services, {"process", "close", "after_fork", "states"}),
    "WarehousePrices": (of_the_prices, {"rows", "wait", "close", "after_fork"}),
    "FeatureService": (of_the_feature_service, {"read", "read_all", "update", "undo"}),
}
"""The calls that reach the warehouse or a vendor: how they are tried, and everything public that they have."""
VALUES = {
    "UNSET", "AdaptiveOptions", "AdaptiveRequest", "Attempt", "Changed", "Choice", "FeatureChange", "FeatureSettings",
    "KeeperOptions", "ModelState", "ModelStates", "Request", "Result", "Selection", "SelectionContext", "Standing",
    "Trial", "Workload", "WorkloadModel", "analyze_workload",
}  # fmt: skip
"""What is given in or comes out, and what works on it alone: nothing behind it could belong to anybody."""


def test_every_public_call_has_a_case() -> None:
    public = {name: getattr(package, name) for package in (selection, features) for name in package.__all__}
    errors = {n for n, thing in public.items() if inspect.isclass(thing) and issubclass(thing, Exception)}
    assert public.keys() - errors - VALUES == CASES.keys()
    for name, (_, tried) in CASES.items():
        assert {member for member in vars(public[name]) if not member.startswith("_")} == tried, name


@pytest.mark.parametrize("case", sorted({case for case, _ in CASES.values()}, key=lambda c: c.__name__))
def test_nothing_of_another_organization_is_read_or_written(
    case: Callable[[Attacker], None], attacker: Attacker
) -> None:
    case(attacker)


def test_nor_through_sql(attacker: Attacker) -> None:
    with attacker.engine.connect() as connection:
        for table in (*TABLES, "feature_assignments", "current_model_recommendations", "selection_models"):
            for scope in (str(GLOBEX), ""):
                connection.execute(
                    text("SELECT set_config('modelscout.organization_id', :o, true)"), {"o": scope}
                )
                readable = connection.begin_nested()
                try:
                    clean(connection.execute(text(f"SELECT * FROM {table}")).all())
                except Exception as error:  # noqa: BLE001  # Any refusal will do.
                    clean(error)
                readable.rollback()
