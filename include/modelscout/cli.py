"""The `modelscout` command. Every part prints for people, and for programs with `--json`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from modelscout.core.clock import now
from modelscout.core.errors import ModelscoutError
from modelscout.core.settings import Settings, data_folder

Handler = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Errors are one line on standard error."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        handler: Handler = options.handler
        return handler(options)
    except ModelscoutError as error:
        print(f"modelscout: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0


def print_json(value: Any) -> None:
    """Print as JSON; decimals as strings, so that money never passes through a float."""
    print(json.dumps(value, default=_plain, indent=2, ensure_ascii=False))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="modelscout", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, ("db", "upgrade"), _db_upgrade, "create or upgrade the warehouse")
    _add(commands, ("demo", "seed"), _demo_seed, "write the demo's organizations and traffic")
    listing = _add(commands, ("catalog", "list"), _catalog_list, "models of the catalog")
    listing.add_argument("--provider")
    show = _add(commands, ("catalog", "show"), _catalog_show, "everything about one model")
    show.add_argument("model", help="provider/model or model")
    price = _add(commands, ("price",), _price, "price JSON lines of {provider, model, usage, at}")
    price.add_argument("file", nargs="?", default="-")
    recommendations = _add(commands, ("recommendations",), _recommendations, "current recommendations")
    recommendations.add_argument("--organization")
    for name, handler, text in (
        ("run", _run, "start the embedded stack, run the nightly flow, print, stop"),
        ("up", _up, "the same, and leave it running"),
        ("down", _down, "stop what `up` left running"),
    ):
        _add(commands, (name,), handler, text)
    return parser


_GROUPS: dict[str, Any] = {}


def _add(commands: Any, path: tuple[str, ...], handler: Handler, text: str) -> argparse.ArgumentParser:
    if len(path) == 2:
        key = f"{id(commands)}/{path[0]}"
        if key not in _GROUPS:
            _GROUPS[key] = commands.add_parser(path[0]).add_subparsers(required=True, metavar="COMMAND")
        commands = _GROUPS[key]
    parser: argparse.ArgumentParser = commands.add_parser(path[-1], help=text, description=text)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(handler=handler)
    return parser


def _db_upgrade(options: argparse.Namespace) -> int:
    from modelscout.warehouse.migrate import upgrade

    applied = upgrade(Settings.from_environment().database_url)
    if options.json:
        print_json({"applied": applied})
    else:
        print("\n".join(f"applied {name}" for name in applied) or "nothing to do")
    return 0


def _demo_seed(options: argparse.Namespace) -> int:
    from dataclasses import asdict

    from modelscout.demo.seed import seed

    say = (lambda _line: None) if options.json else print
    counts = seed(
        Settings.from_environment().database_url, now=now(), data_folder=data_folder(), progress=say
    )
    if options.json:
        print_json(asdict(counts))
    return 0


def _catalog_list(options: argparse.Namespace) -> int:
    from modelscout.catalog.loader import load_catalog

    models = [m for m in load_catalog().models if options.provider in (None, m.provider)]
    if options.json:
        print_json([_catalog_row(m) for m in models])
    else:
        for m in models:
            retires = f"  retires {m.lifecycle.retires_on}" if m.lifecycle.retires_on else ""
            print(f"{m.provider}/{m.model_id:32} {m.name}{retires}")
    return 0


def _catalog_show(options: argparse.Namespace) -> int:
    from modelscout.catalog.loader import load_catalog
    from modelscout.core.errors import ConfigurationError

    provider, _, model_id = options.model.rpartition("/")
    catalog = load_catalog()
    providers = [provider] if provider else sorted({m.provider.value for m in catalog.models})
    found = [m for p in providers if (m := catalog.resolve(p, model_id)) is not None]
    if not found:
        raise ConfigurationError(
            f"the catalog knows no model {options.model!r}: see `modelscout catalog list`"
        )
    print_json(_catalog_row(found[0]))
    return 0


def _catalog_row(model: Any) -> dict[str, Any]:
    from dataclasses import asdict

    row = asdict(model)
    row["capabilities"] = sorted(row["capabilities"])
    row["use_case_scores"] = {k: v._asdict() for k, v in model.use_case_scores.items()}
    return row


def _price(options: argparse.Namespace) -> int:
    from modelscout.analytics.price_lines import price_lines

    source = sys.stdin if options.file == "-" else open(options.file, encoding="utf-8")  # noqa: SIM115, PTH123
    with source:
        for line in price_lines(source, default_at=now()):
            print(json.dumps(line, default=_plain, ensure_ascii=False))
    return 0


def _recommendations(options: argparse.Namespace) -> int:
    from modelscout.recommender.read import list_alerts, list_recommendations
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        rows = list_recommendations(engine, organization=options.organization)
        if options.json:
            print_json(rows)
            return 0
        from rich.console import Console

        from modelscout.demo.report import print_report

        print_report(rows, list_alerts(engine, organization=options.organization), Console())
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


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, frozenset | set | tuple):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


if __name__ == "__main__":
    sys.exit(main())
