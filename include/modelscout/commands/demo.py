"""`modelscout demo`, `run`, `up` and `down`: the demo and the embedded stack."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from modelscout.commands.base import CommandTree, print_json
from modelscout.core.clock import now
from modelscout.core.settings import Settings, data_folder


def register(tree: CommandTree) -> None:
    """Add `demo seed`, `run`, `up` and `down`."""
    tree.add(("demo", "seed"), _seed, "write the demo's organizations and traffic")
    tree.add(("run",), _run, "start the embedded stack, run the nightly flow, print, stop")
    tree.add(("up",), _up, "the same, and leave it running")
    tree.add(("down",), _down, "stop what `up` left running")


def _seed(options: argparse.Namespace) -> int:
    from modelscout.demo.seed import seed

    say = (lambda _line: None) if options.json else print
    counts = seed(
        Settings.from_environment().database_url, now=now(), data_folder=data_folder(), progress=say
    )
    if options.json:
        print_json(asdict(counts))
    return 0


def _run(_options: argparse.Namespace) -> int:
    from modelscout.demo.launcher import run

    return run(stay=False)


def _up(_options: argparse.Namespace) -> int:
    from modelscout.demo.launcher import run

    return run(stay=True)


def _down(_options: argparse.Namespace) -> int:
    from modelscout.demo.launcher import down

    return down()
