"""What calls cost, from the warehouse: kept in memory, read in the background, unknown while nobody has read it."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from typing import Protocol

from modelscout.core.forking import begins_anew_in_a_child
from modelscout.core.types import Processing
from modelscout.costs.prices import PriceRow, rows_in_force

logger = logging.getLogger(__name__)
HOLD_S = 600.0
"""So long prices are taken for true; then they are read anew, and serve on meanwhile."""
RETRY_S = 5.0
MOST_ORGANIZATIONS = 1_000
Book = Mapping[tuple[str, str], Sequence[PriceRow]]


class PriceSource(Protocol):
    """Knows prices without waiting."""

    def rows(self, organization_id: str, provider: str, model: str) -> Sequence[PriceRow]:
        """The price rows of a model for an organization; none where they are not known."""
        ...


class WarehousePrices:
    """Prices from `ai_model_prices`, an organization's own before everybody's, for any of the three kinds of login."""

    def __init__(self, url: str) -> None:
        """`url` is the warehouse's SQLAlchemy or libpq URL."""
        self._url = url
        self._books: OrderedDict[str, tuple[Book, float]] = OrderedDict()
        self._same: dict[PriceRow, PriceRow] = {}
        self._reading: dict[str, Future[None]]
        self._not_before = 0.0
        self.after_fork()
        begins_anew_in_a_child(self)

    def after_fork(self) -> None:
        """A child has none of its parent's threads: it reads with one of its own."""
        self._reading = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="modelscout-prices")

    def rows(self, organization_id: str, provider: str, model: str) -> Sequence[PriceRow]:
        """What is known now; what is not is read for the next time."""
        book, read_at = self._books.get(organization_id, (None, 0.0))
        if book is None or time.monotonic() - read_at > HOLD_S:
            self._begin(organization_id)
        return () if book is None else book.get((provider, model), ())

    def wait(self, organization_id: str, timeout_s: float = 10.0) -> bool:
        """Wait until an organization's prices were asked for; True where they are known."""
        if organization_id not in self._books:
            self._begin(organization_id)
            reading = self._reading.get(organization_id)
            if reading is not None:
                reading.result(timeout_s)
        return organization_id in self._books

    def close(self) -> None:
        """Read no more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _begin(self, organization_id: str) -> None:
        if organization_id not in self._reading and time.monotonic() >= self._not_before:
            self._reading[organization_id] = self._thread.submit(self._read, organization_id)

    def _read(self, organization_id: str) -> None:
        import psycopg

        try:
            book = self._load(organization_id)
        except psycopg.Error as error:
            self._not_before = time.monotonic() + RETRY_S
            logger.warning("prices cannot be read, costs stay unknown: %s", str(error).partition("\n")[0])
        else:
            self._books[organization_id] = (book, time.monotonic())
            while len(self._books) > MOST_ORGANIZATIONS:
                self._books.popitem(last=False)
        finally:
            self._reading.pop(organization_id, None)

    def _load(self, organization_id: str) -> Book:
        # The driver takes longer to load than everything else here.
        from psycopg.rows import dict_row

        from modelscout.selection.source import statement
        from modelscout.usage.store import connect

        names = {f.name for f in fields(PriceRow)}
        own: list[PriceRow] = []
        general: list[PriceRow] = []
        with connect(self._url, application_name="modelscout prices") as connection, connection.transaction():
            connection.execute("SELECT set_config('modelscout.organization_id', %s, true)", [organization_id])
            cursor = connection.cursor(row_factory=dict_row)
            cursor.execute(
                statement("calculator_prices"), {"organization_id": organization_id, "models": None}
            )
            for row in cursor:
                values = {name: value for name, value in row.items() if name in names}
                price = PriceRow(**{**values, "processing": Processing(row["processing"])})
                (own if row["negotiated"] else general).append(self._same.setdefault(price, price))
        book: dict[tuple[str, str], list[PriceRow]] = {}
        for price in rows_in_force(general, own):
            book.setdefault((price.provider, price.model_id), []).append(price)
        return book
