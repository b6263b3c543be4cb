"""`modelscout price-set` and `modelscout reprice`: negotiated prices, and the past priced anew."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, datetime, time
from decimal import Decimal

from modelscout.commands.base import CommandTree, as_plain, print_json
from modelscout.commands.tables import UNKNOWN, count, print_table
from modelscout.core import arguments
from modelscout.core.clock import now
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings
from modelscout.core.types import Processing

_UNITS = {
    "input": "input_usd_per_million_tokens",
    "output": "output_usd_per_million_tokens",
    "cache_read": "cache_read_usd_per_million_tokens",
    "cache_write": "cache_write_usd_per_million_tokens",
    "cache_write_1h": "cache_write_1h_usd_per_million_tokens",
    "operation": "operation_usd",
    "image": "image_usd",
}


def register(tree: CommandTree) -> None:
    """Add `price-set` and `reprice`."""
    price = tree.add(("price-set",), _price_set, "set the price that an organization negotiated")
    price.add_argument("--organization", required=True)
    price.add_argument("--model", required=True, metavar="PROVIDER/MODEL")
    price.add_argument("--from", dest="from_day", required=True, metavar="DAY", help="first day, in UTC")
    price.add_argument(
        "--source", required=True, help="where the price stands, such as the contract's number"
    )
    price.add_argument("--processing", default="standard", help="standard, batch, flex or priority")
    price.add_argument(
        "--above", default="0", metavar="TOKENS", help="input tokens above which the tier holds"
    )
    for name in _UNITS:
        unit = "USD for one" if name in ("operation", "image") else "USD per million tokens"
        price.add_argument(f"--{name.replace('_', '-')}", metavar="USD", help=unit)
    again = tree.add(("reprice",), _reprice, "price past days anew after a price was corrected or negotiated")
    again.add_argument("--from", dest="from_day", required=True, metavar="DAY", help="first day, in UTC")
    again.add_argument("--to", dest="to_day", required=True, metavar="DAY", help="last day, included")
    again.add_argument("--organization", help="default: all")
    for parser in (price, again):
        parser.add_argument("--actor", help="who does it, for the audit log; default: the login name")


def _price_set(options: argparse.Namespace) -> int:
    from modelscout.analytics.pricing_negotiated import NegotiatedPrice, set_price
    from modelscout.warehouse.engine import warehouse

    price = NegotiatedPrice(
        organization=options.organization,
        model=options.model,
        valid_from=datetime.combine(arguments.day(options.from_day, "--from"), time(), UTC),
        units_usd=_units(options),
        source=options.source,
        processing=_processing(options.processing),
        above_input_tokens=arguments.whole(options.above, "--above"),
    )
    with warehouse(Settings.from_environment().database_url) as engine:
        done = set_price(engine, price, actor=_actor(options), now=now())
    if options.json:
        print_json(as_plain(done))
    elif not done.changed:
        print(f"{done.model}: this price stands already")
    else:
        print(f"{done.model}: set from {options.from_day} on")
        if done.days_to_reprice:
            print(
                f"Days since then hold the old price: modelscout reprice --from {options.from_day} "
                f"--to {now().date()} --organization {options.organization}"
            )
    return 0


def _reprice(options: argparse.Namespace) -> int:
    from modelscout.analytics.repricing import reprice
    from modelscout.warehouse.engine import warehouse

    with warehouse(Settings.from_environment().database_url) as engine:
        report = reprice(
            engine,
            organization=options.organization,
            first_day=arguments.day(options.from_day, "--from"),
            last_day=arguments.day(options.to_day, "--to"),
            actor=_actor(options),
            now=now(),
        )
    if options.json:
        print_json(as_plain(report))
        return 0
    print_table(
        f"{report.first_day} to {report.last_day}: {report.events:,} events priced anew",
        ("organization", "before", "after", "difference", "unpriced before", "unpriced after"),
        (
            (
                o.organization or UNKNOWN,
                _exact(o.cost_before_usd),
                _exact(o.cost_after_usd),
                _exact(o.cost_after_usd - o.cost_before_usd),
                count(o.unpriced_before),
                count(o.unpriced_after),
            )
            for o in report.organizations
        ),
    )
    if report.days_without_events:
        print(f"{report.days_without_events} days were priced from their sums: their events are deleted.")
    if report.requests_left:
        print(f"{report.requests_left:,} requests of them keep their price: a new price divides their hour.")
    return 0


def _units(options: argparse.Namespace) -> dict[str, Decimal]:
    given = {name: getattr(options, name) for name in _UNITS}
    return {
        _UNITS[name]: arguments.amount(value, f"--{name.replace('_', '-')}")
        for name, value in given.items()
        if value is not None
    }


def _processing(text: str) -> Processing:
    try:
        return Processing(text)
    except ValueError:
        names = ", ".join(p.value for p in Processing)
        raise ConfigurationError(f"--processing={text!r} is unknown: use one of {names}") from None


def _actor(options: argparse.Namespace) -> str:
    if options.actor is not None:
        return str(options.actor)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise ConfigurationError("--actor is needed: this user has no login name") from None


def _exact(value: Decimal) -> str:
    """To the cent where that is exact, else with all its digits: a correction may be small."""
    plain = value.normalize()
    return f"{value:,.2f}" if plain == plain.quantize(Decimal("0.01")) else f"{plain:f}"
