"""docker-compose.yaml, Dockerfile and .env agree with each other, with the specification and with what is locked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import ComposeSpecification

from modelscout.cli import parser
from modelscout.orchestration.deployment.dotenv import SECRETS, SETTINGS, write_env
from topology import composition

ROOT = Path(__file__).parents[2]
TEXT = composition.FILE.read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
SERVICES: dict[str, Any] = composition.document()["services"]
ONE_SHOT = {"prepare", "backup", "restore"}
"""They end by themselves: their exit code is what others wait for."""
AIRFLOW = {"prepare", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
SECRET_NAMES = {secret.name for secret in SECRETS}


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    from modelscout.demo.dotenv import read_dotenv

    write_env(tmp_path / ".env")
    return read_dotenv(tmp_path / ".env")


def test_the_file_is_of_the_compose_specification(variables: dict[str, str]) -> None:
    document = composition.interpolate(composition.document(), variables)
    specification = ComposeSpecification.model_validate(document)
    assert set(specification.services or {}) == set(SERVICES)


def test_the_linter_finds_nothing_but_tags_without_digests() -> None:
    command = [Path(sys.executable).parent / "compose-lint", "--format", "json", composition.FILE]
    printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rules = set(
        re.findall(r"CL-\d{4}", json.dumps(json.loads(printed)).replace("compose-lint --explain", ""))
    )
    assert rules <= {"CL-0019"}


def test_what_is_required_is_what_deployment_env_writes(variables: dict[str, str]) -> None:
    assert set(re.findall(r"\$\{([A-Z_]+):\?", TEXT)) == SECRET_NAMES
    assert set(variables) >= SECRET_NAMES


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_without_a_secret_nothing_starts_and_the_variable_and_the_remedy_are_named(
    name: str, variables: dict[str, str]
) -> None:
    del variables[name]
    with pytest.raises(composition.MissingVariable, match=f"{name} .*modelscout deployment env"):
        composition.services(variables)


def test_no_secret_has_a_default_and_none_stands_in_the_file(variables: dict[str, str]) -> None:
    assert not re.findall(r"\$\{(?:" + "|".join(SECRET_NAMES) + r")(?!:\?)", TEXT)
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if re.search("PASSWORD|SECRET|FERNET|CONN|BROKER|RESULT_BACKEND|_URL", name):
                assert "${" in str(value) or name == "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", name


def test_the_settings_that_the_env_file_shows_have_the_defaults_of_the_compose_file() -> None:
    defaults = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", TEXT))
    assert defaults.pop("MODELSCOUT_BACKUP_USER") == "1000:1000"
    assert dict(SETTINGS) == defaults


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    user = str(service["user"])
    assert not user.startswith(("0", "root"))
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert service["logging"]["options"]["max-size"]
    assert ("healthcheck" in service) is (name not in ONE_SHOT)
    assert "privileged" not in service
    assert all("docker.sock" not in str(volume) for volume in service.get("volumes", []))


def test_each_password_stands_where_it_is_needed_only() -> None:
    holders = {
        secret: {
            name
            for name, service in SERVICES.items()
            if f"${{{secret}:" in json.dumps([service.get("environment"), service.get("command")])
        }
        for secret in SECRET_NAMES
    }
    assert holders["POSTGRES_PASSWORD"] == {"postgres", "backup", "restore"}
    assert holders["MODELSCOUT_OWNER_PASSWORD"] == {"postgres", "prepare"}
    assert holders["AIRFLOW_ADMIN_PASSWORD"] == {"prepare"}
    assert holders["REDIS_PASSWORD"] == {"redis"} | AIRFLOW
    # A password in a command would stand in the process list.
    assert not any("${" in json.dumps(s.get("command")) for s in SERVICES.values())


def test_only_the_api_server_is_reached_from_outside_and_only_from_this_machine() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"api-server"}
    assert SERVICES["api-server"]["ports"] == ["${AIRFLOW_LISTEN:-127.0.0.1:8080}:8080"]


def test_the_image_copies_what_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {source for line in copies for source in line.split()}
    assert sources == allowed
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_has_the_versions_of_the_lock() -> None:
    lock = dict(
        re.findall(r"^([a-z0-9-]+)==([^ \n]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"FROM apache/airflow:slim-{lock['apache-airflow']}-python3.12" in DOCKERFILE
    assert f"${{MODELSCOUT_IMAGE:-modelscout:{project['version']}}}" in TEXT
    extras = re.search(r'"/opt/modelscout\[([a-z,]+)\]"', DOCKERFILE)
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


def test_what_the_image_imports_at_its_end_can_be_imported() -> None:
    """The Celery executor among it: Airflow's provider allows versions of celery that it cannot load."""
    statement = re.search(r'python -c "([^"]+)"', DOCKERFILE)
    assert statement is not None
    assert "airflow.providers.celery.executors.celery_executor_utils" in statement[1]
    subprocess.run([sys.executable, "-c", statement[1]], check=True, capture_output=True, timeout=120)


def test_shell_scripts_are_well_formed() -> None:
    for script in (*(ROOT / "deploy").glob("*.sh"), *(ROOT / "tests").glob("install_*.sh")):
        subprocess.run(["sh", "-n", script], check=True)


PAGES = ("deploy", "operate", "existing-airflow", "kubernetes")


def documented_lines() -> list[str]:
    """Every line of the pages' shell blocks, without comments."""
    text = "".join((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8") for page in PAGES)
    lines = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if not line.startswith("#")]


def test_documented_commands_name_services_that_exist() -> None:
    named = [
        re.search(r"docker compose (?:exec|run --rm|up .*--no-deps|stop|restart) ([a-z-]+)", line)
        for line in documented_lines()
    ]
    found = {match[1] for match in named if match}
    assert found >= {"scheduler", "api-server", "backup", "restore", "postgres"}
    assert found <= set(SERVICES)


def test_documented_commands_of_ours_are_understood() -> None:
    commands = [
        re.search(r"(?:^|[ /])modelscout ((?:deployment|db|quality) .*)", line) for line in documented_lines()
    ]
    words = [match[1].split() for match in commands if match]
    assert len(words) > 4
    for command in words:
        assert parser().parse_args(command).handler


def test_the_values_for_the_chart_name_the_secrets_that_the_page_makes() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    made = set(re.findall(r"kubectl create secret generic (\S+)", page))
    values = (ROOT / "deploy/helm-values.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:SecretName: |name: |secretKeyRef: \{name: )(modelscout-[a-z-]+)", values))
    assert made == named
    assert yaml.safe_load(values)["executor"] == "KubernetesExecutor"
