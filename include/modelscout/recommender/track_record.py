"""The track record of our own promises: what was adopted, what was saved against what was promised, what fell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Engine

from modelscout.warehouse.engine import run_sql

_SHARE = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Record:
    """Of one organization, or of all together. Sums are USD per month; None where nothing is known."""

    organization: str | None
    """None: all together."""
    advised: int
    """Changes that were recommended, each once however many nights repeated it."""
    adopted: int
    applied_automatically: int
    reviewed: int
    savings_known: int
    """Adopted changes with seven compared days whose promise and result are both known: those of the sums."""
    savings_with_interval: int
    savings_inside_interval: int
    promised_saving_usd_per_month: Decimal | None
    realised_saving_usd_per_month: Decimal | None
    quality_verified: int
    quality_violations: int
    """Verified ones whose quality lies below the margin with its whole interval."""
    rolled_back: int
    taken_back_by_people: int
    simulated: bool

    @property
    def adoption_share(self) -> Decimal | None:
        """Of the advised changes; None where nothing was advised."""
        return _share(self.adopted, self.advised)

    @property
    def share_inside_interval(self) -> Decimal | None:
        """Realised savings inside the 90 % interval that was promised; None where none is known."""
        return _share(self.savings_inside_interval, self.savings_with_interval)


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Everybody's record and each organization's, by name."""

    total: Record
    organizations: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class AdoptedChange:
    """One change that was made on advice, and what its latest review says. USD per month; None is unknown."""

    recommendation_id: str
    organization: str
    organization_name: str
    feature_id: str
    feature: str
    former_model: str | None
    model: str | None
    switched_at: datetime
    applied_automatically: bool
    ended_at: datetime | None
    ended_by: str | None
    """`roll_back` or `person`; None while it stands."""
    reviewed_on: date | None
    promised_saving_usd_per_month: Decimal | None
    promised_saving_low_usd_per_month: Decimal | None
    promised_saving_high_usd_per_month: Decimal | None
    realised_saving_usd_per_month: Decimal | None
    realised_saving_low_usd_per_month: Decimal | None
    realised_saving_high_usd_per_month: Decimal | None
    compared_days: int
    quality_change: Decimal | None
    """Share of 1 that the quality changed by."""
    quality_change_low: Decimal | None
    quality_change_high: Decimal | None
    quality_source: str | None
    quality_violated: bool | None
    simulated: bool
    has_saving: bool
    """Whether it counts in the sums: seven compared days, promise and result known."""


def adopted_changes(
    engine: Engine, *, organization_ids: Sequence[str] | None, limit: int
) -> list[AdoptedChange]:
    """The changes of these organizations, None of all, the latest first."""
    parameters = {"organization_ids": organization_ids, "max_rows": limit}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/track_record_changes", parameters)
    return [AdoptedChange(**row) for row in rows]


def track_record(engine: Engine, *, organization: str | None = None) -> TrackRecord:
    """Of one organization by slug or id, or of all that `engine` sees; an empty one where nothing was advised."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/track_record", {"organization": organization})
    records = tuple(Record(**row) for row in rows)
    return TrackRecord(_total(records), records)


def _total(records: Sequence[Record]) -> Record:
    counts = {f.name: sum(getattr(r, f.name) for r in records) for f in fields(Record) if f.type == "int"}
    return Record(
        organization=None,
        promised_saving_usd_per_month=_sum([r.promised_saving_usd_per_month for r in records]),
        realised_saving_usd_per_month=_sum([r.realised_saving_usd_per_month for r in records]),
        simulated=any(r.simulated for r in records),
        **counts,
    )


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [v for v in values if v is not None]
    return sum(known, Decimal(0)) if known else None


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(part) / whole).quantize(_SHARE) if whole else None
