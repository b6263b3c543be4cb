"""`modelscout db`: the warehouse itself."""

from __future__ import annotations

import argparse

from modelscout.commands.base import CommandTree, print_json
from modelscout.core.settings import Settings


def register(tree: CommandTree) -> None:
    """Add `db upgrade`."""
    tree.add(("db", "upgrade"), _upgrade, "create or upgrade the warehouse")


def _upgrade(options: argparse.Namespace) -> int:
    from modelscout.warehouse.migrate import upgrade

    applied = upgrade(Settings.from_environment().database_url)
    if options.json:
        print_json({"applied": applied})
    else:
        print("\n".join(f"applied {name}" for name in applied) or "nothing to do")
    return 0
