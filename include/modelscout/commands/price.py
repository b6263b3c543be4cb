"""`modelscout price`: JSON lines in, priced lines out."""

from __future__ import annotations

import argparse
import json
import sys

from modelscout.commands.base import CommandTree, plain
from modelscout.core.clock import now


def register(tree: CommandTree) -> None:
    """Add `price`."""
    price = tree.add(("price",), _price, "price JSON lines of {provider, model, usage, at}")
    price.add_argument("file", nargs="?", default="-")


def _price(options: argparse.Namespace) -> int:
    from modelscout.analytics.price_lines import price_lines

    source = sys.stdin if options.file == "-" else open(options.file, encoding="utf-8")  # noqa: SIM115, PTH123
    with source:
        for line in price_lines(source, default_at=now()):
            print(json.dumps(line, default=plain, ensure_ascii=False))
    return 0
