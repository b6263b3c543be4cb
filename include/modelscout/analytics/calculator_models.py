"""Models with their prices, for the calculator, the comparison and the lifecycle: from the warehouse or without it."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from modelscout.catalog.loader import Catalog, load_catalog
from modelscout.catalog.models import CatalogModel
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, Processing
from modelscout.costs.calculator import Offer
from modelscout.costs.price_book import price_rows
from modelscout.costs.prices import PriceRow, rows_in_force
from modelscout.warehouse.engine import Row, run_sql

USABLE = frozenset({"active", "available", "deprecated"})
Key = tuple[str, str]
"""Provider and the vendor's model id."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One model: what the catalog says, what the warehouse adds, and its prices."""

    provider: str
    model_id: str
    name: str
    aliases: tuple[str, ...]
    capabilities: frozenset[Capability] | None
    """Documented; None is unknown."""
    context_window_tokens: int | None
    max_output_tokens: int | None
    released_on: date | None
    deprecated_on: date | None
    retires_on: date | None
    successor: str | None
    catalog: CatalogModel | None
    rows: tuple[PriceRow, ...]
    """Negotiated prices included: what holds for the organization at every moment."""
    warehouse: Mapping[str, Any] | None = None
    """Its row of the warehouse; None without one."""

    @property
    def key(self) -> str:
        """Such as `openai/gpt-6-luna`."""
        return f"{self.provider}/{self.model_id}"

    def proving(self, proven: frozenset[Capability]) -> KnownModel:
        """The same model with capabilities that its use has proven."""
        if self.capabilities is None or proven <= self.capabilities:
            return self
        return replace(self, capabilities=self.capabilities | proven)

    def offer(self, fixed_usd_per_month: Decimal = Decimal(0)) -> Offer:
        """The model as the calculator sees it."""
        return Offer(
            provider=self.provider,
            model_id=self.model_id,
            rows=self.rows,
            capabilities=self.capabilities,
            context_window_tokens=self.context_window_tokens,
            retires_on=self.retires_on,
            successor=self.successor,
            fixed_usd_per_month=fixed_usd_per_month,
        )


@dataclass(frozen=True)
class Shelf:
    """All models that one caller may see."""

    models: tuple[KnownModel, ...]
    catalog: Catalog
    _by_name: dict[Key, KnownModel] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index by every name; an id outranks another model's alias."""
        names = {(m.provider, n): m for m in self.models for n in m.aliases}
        object.__setattr__(self, "_by_name", names | {(m.provider, m.model_id): m for m in self.models})

    def get(self, provider: str, model_id: str) -> KnownModel | None:
        """A model by its id, an alias or a dated id; None where nobody knows it."""
        found = self._by_name.get((provider, model_id))
        if found is None and (known := self.catalog.resolve(provider, model_id)) is not None:
            found = self._by_name.get((provider, known.model_id))
        return found

    def find(self, name: str) -> KnownModel:
        """A model by `provider/model` or `model`. Raises ConfigurationError where nobody knows it."""
        provider, _, rest = name.partition("/")
        providers = sorted({m.provider for m in self.models})
        tries = [(provider, rest)] if provider in providers and rest else [(p, name) for p in providers]
        for candidate in tries:
            if (found := self.get(*candidate)) is not None:
                return found
        raise ConfigurationError(
            f"nobody knows a model {name!r}: see `modelscout catalog list` for the names"
        )

    def usable(self, on: date) -> list[KnownModel]:
        """What the organization's keys open; without an organization all that are not retired."""
        open_models = [m for m in self.models if m.retires_on is None or m.retires_on > on]
        listed = [m for m in open_models if m.warehouse and m.warehouse["status"] in USABLE]
        return listed or open_models


@functools.cache
def shelf_without_warehouse() -> Shelf:
    """From the catalog and the price book alone, which do not change while a process runs."""
    catalog = load_catalog()
    prices = _by_model(price_rows(catalog.models))
    return Shelf(tuple(_from_catalog(m, prices) for m in catalog.models), catalog)


def shelf_from_warehouse(
    connection: Connection, organization_id: str | None, *, only: Sequence[str] | None = None
) -> Shelf:
    """From `ai_models` and `ai_model_prices`, the organization's negotiated prices included.

    `only` narrows it to these `provider/model`, by their own names. What only the catalog says (classes, scores, finer
    limits) comes from there.
    """
    catalog = load_catalog()
    parameters = {"organization_id": organization_id, "models": None if only is None else list(only)}
    general: list[PriceRow] = []
    negotiated: list[PriceRow] = []
    for row in run_sql(connection, "queries/calculator_prices", parameters):
        own = bool(row.pop("negotiated"))
        (negotiated if own else general).append(
            PriceRow(**(row | {"processing": Processing(row["processing"])}))
        )
    prices = _by_model(rows_in_force(general, negotiated))
    rows = run_sql(connection, "queries/calculator_models", parameters)
    return Shelf(tuple(_from_row(row, catalog, prices) for row in rows), catalog)


def organization_id_of(connection: Connection, slug: str) -> str:
    """The id of an organization. Raises ConfigurationError where there is none of that name."""
    found = connection.execute(
        text("SELECT id::text FROM organizations WHERE slug = :slug OR id::text = :slug"), {"slug": slug}
    ).scalar()
    if found is None:
        raise ConfigurationError(f"organization={slug!r} is unknown: give the slug of a row of organizations")
    return str(found)


def _by_model(rows: Iterable[PriceRow]) -> dict[Key, list[PriceRow]]:
    grouped: dict[Key, list[PriceRow]] = defaultdict(list)
    for row in rows:
        grouped[str(row.provider), row.model_id].append(row)
    return grouped


def _from_catalog(model: CatalogModel, prices: Mapping[Key, Sequence[PriceRow]]) -> KnownModel:
    return KnownModel(
        provider=model.provider.value,
        model_id=model.model_id,
        name=model.name,
        aliases=model.aliases,
        capabilities=model.capabilities,
        context_window_tokens=model.limits.context_window_tokens,
        max_output_tokens=model.limits.max_output_tokens,
        released_on=model.lifecycle.released_on,
        deprecated_on=model.lifecycle.deprecated_on,
        retires_on=model.lifecycle.retires_on,
        successor=model.lifecycle.successor,
        catalog=model,
        rows=tuple(prices.get((model.provider.value, model.model_id), ())),
    )


def _from_row(row: Row, catalog: Catalog, prices: Mapping[Key, Sequence[PriceRow]]) -> KnownModel:
    documented = frozenset(Capability(c) for c in row["documented_capabilities"] if c in set(Capability))
    return KnownModel(
        provider=row["provider"],
        model_id=row["model_id"],
        name=row["name"],
        aliases=tuple(row["aliases"]),
        # A model that nobody documented may be able to do anything.
        capabilities=documented or None,
        context_window_tokens=row["context_window_tokens"],
        max_output_tokens=row["max_output_tokens"],
        released_on=row["released_on"],
        deprecated_on=row["deprecated_on"],
        retires_on=row["retires_on"],
        successor=row["successor"],
        catalog=catalog.resolve(row["provider"], row["model_id"]),
        rows=tuple(prices.get((row["provider"], row["model_id"]), ())),
        warehouse=row,
    )
