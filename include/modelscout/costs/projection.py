"""What the coming months cost, across scheduled price changes and retirements."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from modelscout.core.errors import ConfigurationError
from modelscout.costs.breakeven import CostLine
from modelscout.costs.calculator import Offer, Workload, cost_of, to_usd

MAX_MONTHS = 120


class MonthStatus(StrEnum):
    """How much of a month could be priced."""

    PRICED = "priced"
    RETIRES = "retires"
    """The model goes in the middle: only the photos before count."""
    RETIRED = "retired"
    UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class ProjectedMonth:
    """One month on one model. Photos are spread evenly over its time."""

    starts_on: date
    ends_before: date
    status: MonthStatus
    cost_usd: Decimal | None
    """Fixed costs included; None where the model is retired or a price is unknown."""
    photos_not_served: int
    """Photos of the month that no longer find the model."""
    note: str | None
    """Price changes, the retirement, or why the cost is unknown."""
    line: CostLine | None
    """The whole month as a function of its photos; None unless `status` is `priced`."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Months in a row. `total_usd` sums what is priced; what is not is counted beside it."""

    model: str
    months: tuple[ProjectedMonth, ...]
    total_usd: Decimal
    months_not_priced: int
    photos_not_served: int


class _Slice(NamedTuple):
    """A part of a month within which nothing changes."""

    starts_on: date
    share: Fraction
    """Of the month."""
    usd_per_photo: Fraction | None
    is_retired: bool
    reasons: tuple[str, ...]


def project(offer: Offer, workload: Workload, *, starts_on: date, months: int) -> Projection:
    """So many months from `starts_on` (its midnight in UTC) at the prices that are known to hold then."""
    if not 1 <= months <= MAX_MONTHS:
        raise ConfigurationError(f"months={months} is out of range: give 1 to {MAX_MONTHS}")
    projected: list[ProjectedMonth] = []
    rate: Fraction | None = None
    for number in range(months):
        first, end = add_months(starts_on, number), add_months(starts_on, number + 1)
        slices = _slices(offer, workload, _midnight(first), _midnight(end))
        projected.append(_month(offer, workload, first, end, slices, rate))
        rate = slices[-1].usd_per_photo
    return Projection(
        model=offer.name,
        months=tuple(projected),
        total_usd=to_usd(
            sum((Fraction(m.cost_usd) for m in projected if m.cost_usd is not None), Fraction(0))
        ),
        months_not_priced=sum(m.status is not MonthStatus.PRICED for m in projected),
        photos_not_served=sum(m.photos_not_served for m in projected),
    )


def add_months(day: date, count: int) -> date:
    """The same day so many months later, or the month's last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _month(
    offer: Offer,
    workload: Workload,
    first: date,
    end: date,
    slices: Sequence[_Slice],
    rate_before: Fraction | None,
) -> ProjectedMonth:
    alive = [s for s in slices if not s.is_retired]
    share = sum((s.share for s in alive), Fraction(0))
    rates = [s.share * s.usd_per_photo for s in alive if s.usd_per_photo is not None]
    line = CostLine(offer.name, Fraction(offer.fixed_usd_per_month), sum(rates, Fraction(0)))
    if not alive:
        status = MonthStatus.RETIRED
    elif len(rates) < len(alive):
        status = MonthStatus.UNPRICED
    else:
        status = MonthStatus.PRICED if share == 1 else MonthStatus.RETIRES
    known = status in (MonthStatus.PRICED, MonthStatus.RETIRES)
    return ProjectedMonth(
        starts_on=first,
        ends_before=end,
        status=status,
        cost_usd=to_usd(line.at(workload.photos_per_month)) if known else None,
        photos_not_served=workload.photos_per_month - round(workload.photos_per_month * share),
        note=_note(offer, slices, rate_before),
        line=line if status is MonthStatus.PRICED else None,
    )


def _slices(offer: Offer, workload: Workload, begin: datetime, end: datetime) -> list[_Slice]:
    moments = {row.valid_from for row in offer.rows if row.processing is workload.processing}
    if offer.retires_on is not None:
        moments.add(_midnight(offer.retires_on))
    cuts = [begin, *sorted(moment for moment in moments if begin < moment < end), end]
    return [
        _slice(offer, workload, cut, Fraction(_microseconds(until - cut), _microseconds(end - begin)))
        for cut, until in pairwise(cuts)
    ]


def _slice(offer: Offer, workload: Workload, at: datetime, share: Fraction) -> _Slice:
    if offer.retires_on is not None and offer.retires_on <= at.date():
        return _Slice(at.date(), share, None, is_retired=True, reasons=())
    cost = cost_of(offer, workload, at=at)
    rate = None if cost.usd_per_photo is None else Fraction(cost.usd_per_photo)
    return _Slice(at.date(), share, rate, is_retired=False, reasons=cost.reasons)


def _note(offer: Offer, slices: Sequence[_Slice], rate_before: Fraction | None) -> str | None:
    notes: list[str] = []
    for part in slices:
        if part.is_retired:
            follows = f"; successor {offer.provider}/{offer.successor}" if offer.successor else ""
            notes.append(f"retired on {offer.retires_on}{follows}")
            break
        if part.usd_per_photo is None:
            notes += part.reasons
        elif rate_before is not None and part.usd_per_photo != rate_before:
            old, new = to_usd(rate_before), to_usd(part.usd_per_photo)
            notes.append(f"from {part.starts_on} ${new} a photo instead of ${old}")
        rate_before = part.usd_per_photo
    return "; ".join(dict.fromkeys(notes)) or None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)
