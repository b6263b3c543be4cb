"""`modelscout deployment`: secrets for a deployment, its preparation, and how it is."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.core.clock import now
from modelscout.core.settings import Settings

NEXT = """wrote {path}, readable to you only. Next:
  docker compose build
  docker compose up -d --wait
  then {address}, user admin, password: AIRFLOW_ADMIN_PASSWORD in {path}
Keep a copy of {path} beside the backups: without it they cannot be read. docs/deploy.md goes on from here."""


def register(tree: CommandTree) -> None:
    """Add `deployment env`, `deployment prepare` and `deployment check`."""
    env = tree.add(("deployment", "env"), _env, "write a .env with new secrets, never over an existing one")
    env.add_argument("--file", type=Path, default=Path(".env"), help="default: .env")
    prepare = tree.add(
        ("deployment", "prepare"), _prepare, "migrate both databases, make pools and the administrator"
    )
    prepare.add_argument("--wait-s", type=float, default=120.0, help="for each database; default: 120")
    tree.add(
        ("deployment", "check"), _check, "what is sick, with the remedy; exits with 1 where something is"
    )


def _env(options: argparse.Namespace) -> int:
    from modelscout.orchestration.deployment.dotenv import SECRETS, write_env

    write_env(options.file)
    if options.json:
        print_json({"path": str(options.file), "secrets": [secret.name for secret in SECRETS]})
    else:
        print(NEXT.format(path=options.file, address="http://localhost:8080"))
    return 0


def _prepare(options: argparse.Namespace) -> int:
    from modelscout.orchestration.deployment.prepare import PrepareSettings, prepare

    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, file=sys.stderr, flush=True)

    settings = PrepareSettings.from_environment(os.environ)
    # Airflow logs to standard output: that is for the command's answer.
    with contextlib.redirect_stdout(sys.stderr):
        prepare(settings, say=say, wait_s=options.wait_s)
    if options.json:
        print_json({"done": lines})
    return 0


def _check(options: argparse.Namespace) -> int:
    from modelscout.commands.tables import print_table

    url = Settings.from_environment().database_url
    with contextlib.redirect_stdout(sys.stderr):
        from modelscout.orchestration.deployment.health import State, check

        findings = check(url, now=now())
    well = all(finding.state is State.WELL for finding in findings)
    if options.json:
        print_json({"well": well, "findings": as_plain(findings)})
    else:
        cells = [(f.part, f.state, f.detail) for f in findings]
        print_table("Deployment", ("part", "state", "detail"), cells, left=("part", "state", "detail"))
    return 0 if well else 1
