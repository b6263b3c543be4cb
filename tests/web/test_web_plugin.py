"""The page inside Airflow. Airflow reads its settings when it is imported, so each setting has its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MEASURE_IMPORT = """
import importlib.util, json, os, sys, time
from airflow import plugins_manager
path = os.path.join(os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"], "modelscout_plugin.py")
spec = importlib.util.spec_from_file_location("tried", path)
before, began = set(sys.modules), time.perf_counter()
spec.loader.exec_module(importlib.util.module_from_spec(spec))
seconds, new = time.perf_counter() - began, set(sys.modules) - before
plugins_manager.ensure_plugins_loaded()
[plugin] = [p for p in plugins_manager._get_plugins()[0] if p.name == "modelscout"]
print("RESULT" + json.dumps({
    "seconds": seconds,
    "views": plugin.external_views,
    "new": sorted({m.split(".")[0] for m in new}),
    "web": [m for m in sys.modules if m.startswith(("modelscout.", "airflow.api_fastapi.core_api.security"))],
    "errors": plugins_manager._get_plugins()[1],
}))
"""
VISIT = """
import contextlib, json, os, sqlite3
from airflow.utils.db import initdb

def copy(source, target):
    with contextlib.closing(sqlite3.connect(source)) as a, contextlib.closing(sqlite3.connect(target)) as b:
        a.backup(b)

prepared, metadata = os.environ["PREPARED_METADATA"], os.path.join(os.environ["AIRFLOW_HOME"], "airflow.db")
if os.path.exists(prepared):
    copy(prepared, metadata)
else:
    initdb()
    copy(metadata, prepared)
from fastapi.testclient import TestClient
from airflow.api_fastapi.app import create_app

result = {}
with TestClient(create_app()) as client:
    for path in ("/modelscout/", "/modelscout/api/v1/openapi.json", "/modelscout/static/style.css"):
        result["anonymous " + path] = client.get(path).status_code
    result["forged"] = client.get("/modelscout/", headers={"Authorization": "Bearer x.y.z"}).status_code
    for user in ("admin", "anna", "op"):
        answer = client.post("/auth/token", json={"username": user, "password": user + "-password"})
        token = answer.json()["access_token"]
        page = client.get("/modelscout/", headers={"Authorization": "Bearer " + token})
        result[user] = [page.status_code, page.text]
        client.cookies.set("_token", token)
        result[user + " cookie"] = client.get("/modelscout/").status_code
        result[user + " recommendations"] = client.get("/modelscout/api/v1/recommendations").json()
        client.cookies.clear()
    document = client.get("/modelscout/api/v1/openapi.json", headers={"Authorization": "Bearer " + token}).json()
    result["servers"] = document.get("servers")
    result["plugins"] = client.get("/api/v2/plugins", headers={"Authorization": "Bearer " + token}).json()
print("RESULT" + json.dumps(result))
"""


def run(program: str, home: Path, database_url: str, prepared: Path | None = None) -> dict[str, Any]:
    """What the program printed as its results; `prepared` keeps Airflow's empty metadata from one to the next."""
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({name: f"{name}-password" for name in ("admin", "anna", "op")}))
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,anna:viewer,op:op",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests, long enough for its algorithm: 0123456789",
        "MODELSCOUT_DATABASE_URL": database_url,
        "PREPARED_METADATA": str(prepared or home / "prepared.db"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=240
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    assert lines, f"{done.stdout}\n{done.stderr}"[-4000:]
    return {name: value for line in lines for name, value in json.loads(line.removeprefix("RESULT")).items()}


def test_loading_the_plugin_is_light_in_every_process(tmp_path: Path) -> None:
    loaded = run(MEASURE_IMPORT, tmp_path, "")
    assert loaded["errors"] == {}
    assert loaded["web"] == []
    assert loaded["new"] == []
    [view] = loaded["views"]
    assert view["href"] == "modelscout/"
    assert view["url_route"] == "modelscout"
    assert loaded["seconds"] < 0.05


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first process leaves Airflow's empty metadata for the second."""
    return tmp_path_factory.mktemp("metadata") / "prepared.db"


@pytest.fixture(scope="module")
def visited(filled_url: str, tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> dict[str, Any]:
    return run(VISIT, tmp_path_factory.mktemp("airflow"), filled_url, prepared)


@pytest.fixture(scope="module")
def without_database(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> dict[str, Any]:
    """A visit without a database, and in the same process who is an administrator."""
    program = VISIT.replace('("admin", "anna", "op")', '("admin",)') + DECIDE
    return run(program, tmp_path_factory.mktemp("airflow"), "", prepared)


def test_airflow_answers_nobody_who_is_not_logged_in(visited: dict[str, Any]) -> None:
    answers = {name: status for name, status in visited.items() if name.startswith("anonymous")}
    assert len(answers) == 3
    assert set(answers.values()) == {401}
    assert visited["forged"] in {401, 403}


@pytest.mark.parametrize(("user", "organizations"), [("admin", 2), ("anna", 1), ("op", 0)])
def test_airflows_users_see_their_organizations(
    visited: dict[str, Any], user: str, organizations: int
) -> None:
    status, page = visited[user]
    assert status == 200
    assert user in page
    assert visited[f"{user} cookie"] == 200
    items = visited[f"{user} recommendations"]["items"]
    assert len({item["organization"] for item in items}) == organizations


def test_airflow_shows_the_page_in_its_menu(visited: dict[str, Any]) -> None:
    [plugin] = [p for p in visited["plugins"]["plugins"] if p["name"] == "modelscout"]
    [view] = plugin["external_views"]
    assert (view["destination"], view["nav_top_level"]) == ("nav", True)
    assert visited["servers"] == [{"url": "/modelscout"}]


def test_without_a_database_url_the_api_server_starts_and_says_so(without_database: dict[str, Any]) -> None:
    assert without_database["anonymous /modelscout/"] == 401
    status, page = without_database["admin"]
    assert status == 503
    assert "MODELSCOUT_DATABASE_URL is not set" in page


DECIDE = """
import json
from types import SimpleNamespace
from unittest import mock
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import HTTPException
from modelscout.orchestration import authentication

def decide(manager, user):
    with mock.patch.object(authentication, "get_auth_manager", return_value=manager):
        try:
            caller = authentication.current_caller(user)
        except HTTPException as error:
            return error.status_code
    return [caller.user_name, caller.is_administrator]

def granting(*pairs):
    manager = mock.create_autospec(BaseAuthManager, instance=True)
    manager.is_authorized_custom_view.side_effect = (
        lambda *, method, resource_name, user: (method, resource_name) in pairs
    )
    return manager

simple = SimpleAuthManager()
user = SimpleNamespace(get_name=lambda: "eve")
guest = SimpleNamespace(get_name=lambda: "Anonymous", is_anonymous=True)
vague = mock.create_autospec(BaseAuthManager, instance=True)
print("RESULT" + json.dumps({"administrators": {
    **{f"simple {role}": decide(simple, SimpleAuthManagerUser(username="eve", role=role))
       for role in ("admin", "ADMIN", "op", "viewer", None, "unheard")},
    "nothing granted": decide(granting(), user),
    "may read": decide(granting(("GET", "Modelscout"), ("GET", "Roles")), user),
    "may edit ours": decide(granting(("PUT", "Modelscout")), user),
    "may edit roles": decide(granting(("PUT", "Roles")), user),
    "no clear answer": decide(vague, user),
    "guest": decide(granting(("PUT", "Modelscout")), guest),
    "nameless": decide(granting(("PUT", "Modelscout")), SimpleNamespace(get_name=lambda: "")),
}}))
"""


def test_who_is_an_administrator(without_database: dict[str, Any]) -> None:
    assert without_database["administrators"] == {
        "simple admin": ["eve", True],
        "simple ADMIN": ["eve", True],
        "simple op": ["eve", False],
        "simple viewer": ["eve", False],
        "simple None": ["eve", False],
        "simple unheard": ["eve", False],
        "nothing granted": ["eve", False],
        "may read": ["eve", False],
        "may edit ours": ["eve", True],
        "may edit roles": ["eve", True],
        "no clear answer": ["eve", False],
        "guest": 401,
        "nameless": 401,
    }
