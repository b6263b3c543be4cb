"""From which volume on one way is cheaper than another, exactly to one photo."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from modelscout.costs.calculator import ModelCost, to_usd


class CostLine(NamedTuple):
    """A cost that grows with the photos, in USD."""

    name: str
    fixed_usd: Fraction
    usd_per_photo: Fraction

    @classmethod
    def of(cls, cost: ModelCost) -> CostLine | None:
        """A month on a model; None where its price is unknown."""
        if cost.usd_per_photo is None:
            return None
        return cls(cost.model, Fraction(cost.fixed_usd_per_month), Fraction(cost.usd_per_photo))

    def at(self, photos: int) -> Fraction:
        """The cost of so many photos."""
        return self.fixed_usd + photos * self.usd_per_photo


class BothSides(NamedTuple):
    """The two costs at one volume, in USD."""

    photos: int
    cheaper_usd: Decimal
    """Of the model that is cheaper from the break-even on."""
    other_usd: Decimal


@dataclass(frozen=True, slots=True)
class BreakEven:
    """`cheaper` costs strictly less than `other` at `from_photos` and every larger volume, and not before."""

    cheaper: str
    other: str
    from_photos: int
    one_below: BothSides | None
    """Both costs one photo below the break-even: None where there is no volume below."""
    at: BothSides
    one_above: BothSides


class CurvePoint(NamedTuple):
    """What a month of so many photos costs on one model, in USD."""

    photos: int
    monthly_usd: Decimal


@dataclass(frozen=True, slots=True)
class CostCurve:
    """One model's cost over the volume, a straight line."""

    model: str
    points: tuple[CurvePoint, ...]


def cost_curve(line: CostLine, *, photos_per_month: int) -> CostCurve:
    """From no photos to twice the month's."""
    volumes = sorted({0, photos_per_month, max(2 * photos_per_month, 2)})
    return CostCurve(line.name, tuple(CurvePoint(photos, to_usd(line.at(photos))) for photos in volumes))


def break_even(a: CostLine, b: CostLine) -> BreakEven | None:
    """The volume from which one is cheaper for good; None where they cost the same at every volume."""
    winner, loser = sorted((a, b), key=lambda line: (line.usd_per_photo, line.fixed_usd))
    if winner[1:] == loser[1:]:
        return None
    if winner.fixed_usd < loser.fixed_usd:
        photos = 0
    else:
        gap = winner.fixed_usd - loser.fixed_usd
        # At the crossing itself both cost the same: the next whole photo decides.
        photos = gap // (loser.usd_per_photo - winner.usd_per_photo) + 1
    return BreakEven(
        cheaper=winner.name,
        other=loser.name,
        from_photos=photos,
        one_below=_both(winner, loser, photos - 1) if photos else None,
        at=_both(winner, loser, photos),
        one_above=_both(winner, loser, photos + 1),
    )


def _both(winner: CostLine, loser: CostLine, photos: int) -> BothSides:
    return BothSides(photos, to_usd(winner.at(photos)), to_usd(loser.at(photos)))
