"""The `modelscout` command. Every part prints for people, and for programs with `--json`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from modelscout import commands
from modelscout.commands.base import CommandTree, Handler
from modelscout.core.errors import ModelscoutError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Errors are one line on standard error."""
    options = parser().parse_args(arguments)
    try:
        handler: Handler = options.handler
        return handler(options)
    except ModelscoutError as error:
        print(f"modelscout: {error}", file=sys.stderr)
        return 2
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
        print(
            f"modelscout: the warehouse does not answer ({reason}): check MODELSCOUT_DATABASE_URL",
            file=sys.stderr,
        )
        return 2
    except BrokenPipeError:
        return 0


def parser() -> argparse.ArgumentParser:
    """The parser of every command: each module of `modelscout.commands` registers its own."""
    top = argparse.ArgumentParser(prog="modelscout", description=__doc__)
    tree = CommandTree(top)
    for module in sorted(m.name for m in pkgutil.iter_modules(commands.__path__)):
        register = getattr(importlib.import_module(f"{commands.__name__}.{module}"), "register", None)
        if register is not None:
            register(tree)
    return top


if __name__ == "__main__":
    sys.exit(main())
