"""Whether a switch pays: net saving, payback and break-even volume over the projected months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from modelscout.core.errors import ConfigurationError
from modelscout.costs.breakeven import BreakEven, CostLine, break_even
from modelscout.costs.calculator import to_usd
from modelscout.costs.projection import ProjectedMonth, Projection


@dataclass(frozen=True, slots=True)
class SwitchReturn:
    """A switch from `current` to `candidate`, in USD over the months that both models fully serve."""

    current: str
    candidate: str
    switching_cost_usd: Decimal
    """Spent once, at the start."""
    saving_usd: Decimal
    """Of all compared months, before the cost of switching; negative where the candidate costs more."""
    net_saving_usd: Decimal
    return_on_investment: Decimal | None
    """Net saving for each dollar of switching cost, to four places; None where switching costs nothing."""
    payback_month: int | None
    """The month, counted from 1, from whose end on the savings cover the cost; None: not in this time."""
    months_compared: int
    not_compared: tuple[str, ...]
    """Months left out, and why."""
    break_even: BreakEven | None
    """Photos per month from which the one or the other is cheaper over the compared months, switching included."""


def switch_return(current: Projection, candidate: Projection, *, switching_cost_usd: Decimal) -> SwitchReturn:
    """Compare two projections of the same work and months, in their order."""
    if switching_cost_usd < 0:
        raise ConfigurationError(f"switching cost {switching_cost_usd} is negative: give USD of at least 0")
    pairs = list(zip(current.months, candidate.months, strict=True))
    compared = [(a, b) for a, b in pairs if a.line is not None and b.line is not None]
    cost = Fraction(switching_cost_usd)
    savings = [_saving(a, b) for a, b in pairs]
    saving = sum((s for s in savings if s is not None), Fraction(0))
    return SwitchReturn(
        current=current.model,
        candidate=candidate.model,
        switching_cost_usd=switching_cost_usd,
        saving_usd=to_usd(saving),
        net_saving_usd=to_usd(saving - cost),
        return_on_investment=_return(saving - cost, cost),
        payback_month=_payback(savings, cost),
        months_compared=len(compared),
        not_compared=tuple(
            _why(current, a, candidate, b) for a, b in pairs if a.line is None or b.line is None
        ),
        break_even=_break_even(current.model, candidate.model, compared, cost),
    )


def _saving(current: ProjectedMonth, candidate: ProjectedMonth) -> Fraction | None:
    if (
        current.line is None
        or candidate.line is None
        or current.cost_usd is None
        or candidate.cost_usd is None
    ):
        return None
    return Fraction(current.cost_usd) - Fraction(candidate.cost_usd)


def _return(net: Fraction, cost: Fraction) -> Decimal | None:
    return to_usd(net / cost).quantize(Decimal("0.0001")) if cost else None


def _payback(savings: Sequence[Fraction | None], cost: Fraction) -> int | None:
    """A month after which the sum falls below the cost again does not count: prices may rise later."""
    total, covered_from = -cost, None
    for number, saving in enumerate(savings, 1):
        total += saving or 0
        if total < 0:
            covered_from = None
        elif covered_from is None and saving:
            covered_from = number
    return covered_from


def _why(current: Projection, a: ProjectedMonth, candidate: Projection, b: ProjectedMonth) -> str:
    reasons = [
        f"{projection.model}: {month.note or month.status.value}"
        for projection, month in ((current, a), (candidate, b))
        if month.line is None
    ]
    return f"{a.starts_on}: {'; '.join(reasons)}"


def _break_even(
    current: str, candidate: str, pairs: Sequence[tuple[ProjectedMonth, ProjectedMonth]], cost: Fraction
) -> BreakEven | None:
    if not pairs:
        return None
    stay = _sum(current, [a.line for a, _ in pairs if a.line], Fraction(0))
    go = _sum(candidate, [b.line for _, b in pairs if b.line], cost)
    return break_even(stay, go)


def _sum(name: str, lines: Sequence[CostLine], once: Fraction) -> CostLine:
    fixed = sum((line.fixed_usd for line in lines), once)
    return CostLine(name, fixed, sum((line.usd_per_photo for line in lines), Fraction(0)))
