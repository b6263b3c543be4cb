"""Tables and figures for people. What is unknown is a dash, never a zero."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal

UNKNOWN = "-"


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[str] = ()
) -> None:
    """A table on standard output. The first column and those named by `left` are text, the others figures."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index == 0 or name in left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    # A pipe has no width of its own; 80 would break every name.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def usd(value: Decimal | None) -> str:
    """Dollars and cents; a smaller amount with what it takes for three significant digits."""
    if value is None:
        return UNKNOWN
    sign, size = ("-" if value < 0 else ""), abs(value)
    if size == 0 or size >= 1:
        return f"{sign}${size:,.2f}"
    places = 2 - size.adjusted()
    return f"{sign}${size:.{places}f}"


def text(value: object) -> str:
    """Anything as text; a dash where it is None."""
    return UNKNOWN if value is None else str(value)


def count(value: int | Decimal | None) -> str:
    """A count with its thousands separated."""
    return UNKNOWN if value is None else f"{value:,}"
