"""A process that holds organization acme's role tries for globex through every public call and through SQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selection_support import ACME, GLOBEX, NOW, PRIVATE, assign, change, fill
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import make_url

from modelscout.cli import main
from modelscout.core.errors import ConfigurationError
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureChange
from modelscout.selection import (
    KeeperOptions,
    ModelSelector,
    SelectionContext,
    SnapshotKeeper,
    SnapshotUnavailable,
    UnknownOrganization,
)
from modelscout.warehouse.engine import open_engine

GLOBEX_ONLY = ("globex-parameter", str(GLOBEX), "ft:luna:globex", str(PRIVATE))
SETTINGS = (
    "",
    f"modelscout.organization_id={GLOBEX}",
    "role=modelscout_organization",
    "search_path=pg_temp,modelscout,public",
    "row_security=off",
)
"""What the process may set for its own session, before it connects."""


@pytest.fixture(scope="module", autouse=True)
def warehouse(warehouse_url: str) -> Iterator[Engine]:
    engine = open_engine(warehouse_url)
    change(engine, "CREATE ROLE attack_acme LOGIN IN ROLE modelscout_organization")
    change(engine, "CREATE ROLE attack_application LOGIN IN ROLE modelscout_application")
    fill(engine)
    change(engine, "INSERT INTO organization_roles VALUES ('attack_acme', :o)", o=ACME)
    assign(engine, ACME, "chat", "openai/luna")
    assign(engine, GLOBEX, "chat", "anthropic/sonnet")
    change(
        engine,
        "UPDATE ai_feature_settings SET parameters = cast(:p AS jsonb) WHERE organization_id = :o",
        o=GLOBEX, p=json.dumps({"note": "globex-parameter"}),
    )  # fmt: skip
    yield engine
    engine.dispose()


def url_with(warehouse_url: str, login: str, setting: str) -> str:
    url = make_url(warehouse_url.replace("postgres@", f"{login}@"))
    if setting:
        url = url.update_query_dict({"options": f"-c {setting}"})
    return url.render_as_string(hide_password=False).replace("-c+", "-c%20")


def engine_with(warehouse_url: str, login: str, setting: str) -> Engine:
    """An engine whose every connection has the setting; `open_engine` gives options of its own."""
    engine = open_engine(warehouse_url.replace("postgres@", f"{login}@"))
    name, _, value = setting.partition("=")

    @event.listens_for(engine, "connect")
    def change_settings(connection: Any, _record: object) -> None:
        if setting:
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            connection.commit()

    return engine


@pytest.fixture
def untouched(warehouse: Engine) -> Iterator[None]:
    """What globex has is afterwards as it was before."""

    def stored() -> list[str]:
        with warehouse.connect() as connection:
            return [
                str(connection.execute(text(f"SELECT jsonb_agg(to_jsonb(t)) FROM {table} AS t "
                                            "WHERE organization_id = :o"), {"o": GLOBEX}).scalar())
                for table in ("ai_feature_settings", "ai_model_settings", "audit_log", "organization_provider_keys")
            ]  # fmt: skip

    before = stored()
    yield
    assert stored() == before


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("asked", [None, [GLOBEX], [ACME, GLOBEX]])
def test_no_call_of_the_client_shows_or_changes_anything(
    warehouse_url: str, tmp_path: Path, untouched: None, setting: str, asked: list[object] | None
) -> None:
    file = tmp_path / "snapshot"
    options = KeeperOptions(organizations=asked, file=file, poll_s=0.1)  # type: ignore[arg-type]
    keeper = SnapshotKeeper(url_with(warehouse_url, "attack_acme", setting), options, clock=lambda: NOW)
    if setting == "row_security=off":
        # Every read that the policies would narrow is an error then.
        assert refused_for(keeper.start, SnapshotUnavailable)
        return
    kept = keeper.start()
    selector = ModelSelector(kept, clock=NOW.timestamp)
    for name in (GLOBEX, str(GLOBEX), "globex"):
        for call in (
            lambda n=name: selector.select(n, "chat"),
            lambda n=name: selector.select_optimal_model("chat", SelectionContext(n)),
        ):
            assert refused_for(call, UnknownOrganization)
    if asked != [GLOBEX]:
        assert selector.select(ACME, "chat").choice.name == "openai/luna"
    kept.close()
    known = f"{dict(kept.snapshot.organizations)} {kept.snapshot.planner.models} {file.read_text()}"
    assert not any(mark in known for mark in GLOBEX_ONLY)


def refused_for(call: Callable[[], object], kind: type[Exception]) -> bool:
    """Whether it raises `kind`, with nothing of globex in the message but the name that was asked for."""
    with pytest.raises(kind) as refused:
        call()
    return not any(
        mark in str(refused.value) for mark in ("globex-parameter", "ft:luna", "sonnet", str(PRIVATE))
    )


@pytest.mark.parametrize("login", ["attack_acme", "attack_application"])
def test_no_call_of_the_feature_service_does(warehouse_url: str, untouched: None, login: str) -> None:
    for setting in SETTINGS if login == "attack_acme" else SETTINGS[:1]:
        engine = engine_with(warehouse_url, login, setting)
        for name in ("globex", str(GLOBEX)):
            for call in calls_of(FeatureService(engine), name):
                assert refused_for(call, ConfigurationError)
        engine.dispose()


def calls_of(service: FeatureService, name: str) -> list[Callable[[], object]]:
    return [
        lambda: service.read(name, "chat"),
        lambda: service.read_all(name),
        lambda: service.update(name, "chat", FeatureChange(model=None), actor="x", now=NOW),
        lambda: service.undo(name, "chat", actor="x", now=NOW),
    ]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM feature_assignments", "SELECT * FROM current_model_recommendations",
        "SELECT * FROM model_catalog", "SELECT * FROM selection_models",
        "SELECT * FROM modelscout.callable_providers()", "SELECT * FROM selection_versions",
        "SELECT * FROM usable_provider_keys", "SELECT * FROM ai_feature_settings FOR UPDATE",
        "INSERT INTO selection_versions (slot) VALUES (11)", "DELETE FROM selection_versions",
        "SELECT modelscout.note_selection_change()", "SELECT modelscout.note_organization_change()",
        f"UPDATE ai_feature_settings SET parameters = '{{}}' WHERE organization_id = '{GLOBEX}'",
        f"INSERT INTO ai_feature_settings (organization_id, feature_id) VALUES ('{GLOBEX}', 'search')",
        f"INSERT INTO audit_log (organization_id, actor, action, subject) VALUES ('{GLOBEX}', 'a', 'b', 'c')",
    ],
)  # fmt: skip
def test_no_statement_does(warehouse_url: str, untouched: None, setting: str, statement: str) -> None:
    engine = engine_with(warehouse_url, "attack_acme", setting)
    with engine.connect() as connection:
        try:
            connection.execute(
                text("SELECT set_config('modelscout.organization_id', :o, true)"), {"o": GLOBEX}
            )
            seen = str(connection.execute(text(statement)).all())
        except Exception as refused:  # noqa: BLE001  # Any refusal will do.
            seen = str(refused.__cause__)
    engine.dispose()
    assert not any(mark in seen for mark in GLOBEX_ONLY)


def test_the_application_sees_the_providers_of_the_organization_it_scoped_to_and_of_no_other(
    warehouse_url: str,
) -> None:
    engine = engine_with(warehouse_url, "attack_application", "")
    call = text("SELECT DISTINCT organization FROM modelscout.callable_providers()")
    with engine.connect() as connection:
        assert connection.execute(call).scalars().all() == []
        connection.execute(
            text("SELECT set_config('modelscout.organization_id', :o, true)"), {"o": str(GLOBEX)}
        )
        assert connection.execute(call).scalars().all() == ["globex"]
    engine.dispose()


def test_the_command_does_not_either(
    warehouse_url: str, untouched: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for setting in SETTINGS[:2]:
        monkeypatch.setenv("MODELSCOUT_DATABASE_URL", url_with(warehouse_url, "attack_acme", setting))
        for name in ("globex", str(GLOBEX)):
            named = ["--organization", name, "--feature", "chat"]
            for command in (
                ["select"],
                ["features", "show"],
                ["features", "undo"],
                ["features", "set", "--model", "none"],
            ):
                assert main([*command, *named]) == 2
                shown = "".join(capsys.readouterr())
                assert not any(mark in shown for mark in ("globex-parameter", "sonnet", "ft:luna"))
        assert main(["select", "--organization", "acme", "--feature", "chat", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["model"] == "luna"


def test_another_process_with_the_file_of_another_login_gets_nothing(
    warehouse_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "snapshot"
    options = KeeperOptions(file=file)
    SnapshotKeeper(warehouse_url, options, clock=lambda: NOW).start().close()
    assert "globex-parameter" in file.read_text()
    away = url_with(warehouse_url, "attack_acme", "").replace("/warehouse_", "/nowhere_")
    program = (
        "import sys, pathlib\nfrom modelscout.selection import KeeperOptions, SnapshotKeeper\n"
        "SnapshotKeeper(sys.argv[1], KeeperOptions(file=pathlib.Path(sys.argv[2]))).start()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, away, file], capture_output=True, text=True, timeout=60
    )
    assert "another login" in done.stderr
    assert not any(mark in done.stderr for mark in GLOBEX_ONLY)
