"""`modelscout price`: JSON lines in, priced lines out."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TextIO

from modelscout.commands.base import CommandTree, plain
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError


def register(tree: CommandTree) -> None:
    """Add `price`."""
    price = tree.add(("price",), _price, "price JSON lines of {provider, model, usage, at}")
    price.add_argument("file", nargs="?", default="-")


def _price(options: argparse.Namespace) -> int:
    from modelscout.analytics.price_lines import price_lines

    with _source(options.file) as source:
        for line in price_lines(source, default_at=now()):
            print(json.dumps(line, default=plain, ensure_ascii=False))
    return 0


def _source(file: str) -> AbstractContextManager[TextIO]:
    if file == "-":
        return nullcontext(sys.stdin)
    try:
        return Path(file).open(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"FILE={file!r} cannot be read ({error.strerror}): give a file of JSON lines, or - for standard input"
        ) from error
