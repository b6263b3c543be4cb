"""The `modelscout` command. Every part prints for people, and for programs with `--json`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

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
    except BrokenPipeError:
        return 0
    except Exception as error:
        reason = _why_the_warehouse_is_silent(error)
        if reason is None:
            raise
        print(
            f"modelscout: the warehouse does not answer ({reason}): check MODELSCOUT_DATABASE_URL",
            file=sys.stderr,
        )
        return 2


def _why_the_warehouse_is_silent(error: Exception) -> str | None:
    """First line of a connection's failure, None for any other error; loads nothing that is not loaded."""
    module = sys.modules.get("sqlalchemy.exc")
    if module is None or not isinstance(error, module.OperationalError):
        return None
    return next(iter(str(error.orig).strip().splitlines()), "no answer")


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
