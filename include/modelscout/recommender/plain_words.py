"""A verdict in one or two sentences that somebody who never saw an interval understands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from modelscout.core.types import Verdict
from modelscout.recommender.sentences import money


@dataclass(frozen=True, slots=True)
class Advice:
    """What is said about one feature. Money is USD per month, quality a share of 1; None is unknown."""

    verdict: Verdict
    current: str | None
    recommended: str | None
    saving_usd: float | None
    quality_bound: float | None
    """The recommended model's quality is at least so much above (below where negative) that of the one in use."""
    proven: bool
    items: int
    tried: int
    deadline: date | None
    """The day on which the model in use goes away."""
    days_left: int | None
    more_cases: int | None
    cost_of_cases_usd: float | None


def headline(advice: Advice) -> str:
    """The verdict, what it brings and how sure that is."""
    return {
        Verdict.SWITCH: _switch,
        Verdict.MIGRATE: _migrate,
        Verdict.KEEP: _keep,
        Verdict.TRIAL: _trial,
        Verdict.INSUFFICIENT_EVIDENCE: _unknown,
    }[advice.verdict](advice)


def _switch(a: Advice) -> str:
    return f"Use {a.recommended} instead of {a.current}: {_money(a)}, and {_quality(a)}."


def _migrate(a: Advice) -> str:
    left = a.days_left
    if left is None or a.deadline is None:
        when = "is no longer available"
    elif left <= 0:
        when = f"was retired on {_day(a.deadline)}"
    else:
        when = f"retires on {_day(a.deadline)}, in {left} day{'' if left == 1 else 's'}"
    if a.recommended is None:
        return f"{a.current} {when}, and nothing that could follow it was proven yet."
    if not a.proven:
        return f"{a.current} {when}. {a.recommended} is the provider's successor, but was not proven on your own work."
    return f"{a.current} {when}. Move to {a.recommended}: {_money(a)}, and {_quality(a)}."


def _keep(a: Advice) -> str:
    if a.tried == 0:
        return f"Keep {a.current}: nothing better is proven."
    others = "the other model tried" if a.tried == 1 else f"any of the {a.tried} other models tried"
    return f"Keep {a.current}: it is not proven that {others} would be better."


def _trial(a: Advice) -> str:
    looks = (
        f"{a.recommended} looks promising beside {a.current} ({_money(a)}), but its quality is not proven yet"
    )
    if a.more_cases is None:
        return f"{looks}."
    cost = "" if a.cost_of_cases_usd is None else f", for {_small(a.cost_of_cases_usd)}"
    return f"{looks}: about {a.more_cases:,} more cases would settle it{cost}."


def _unknown(a: Advice) -> str:
    in_use = f" It stays with {a.current}." if a.current else ""
    return f"Too little is known for advice yet.{in_use}"


def _money(a: Advice) -> str:
    if a.saving_usd is None:
        return "what it saves is unknown because a price is missing"
    if round(a.saving_usd, 2) == 0:
        return "it costs about the same"
    if a.saving_usd > 0:
        return f"it saves about {money(a.saving_usd)} a month"
    return f"it costs about {money(-a.saving_usd)} more a month"


def _quality(a: Advice) -> str:
    if a.quality_bound is None:
        return "its quality was not compared"
    size = f"{100 * abs(a.quality_bound):.1f} points"
    if a.quality_bound >= 0.0005:
        return f"it is proven better by at least {size} on {a.items:,} of your own items"
    if a.quality_bound > -0.0005:
        return f"it is proven no worse on {a.items:,} of your own items"
    return f"it is proven to be at most {size} worse on {a.items:,} of your own items"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _small(usd: float) -> str:
    return "less than a cent" if usd < 0.01 else f"about {money(usd)}"


def words_of(row: Mapping[str, Any]) -> str:
    """The headline of a published row: columns of `ai_model_recommendations` and the models' names."""
    evidence: Mapping[str, Any] = row["evidence"] or {}
    chosen: Mapping[str, Any] = evidence.get("chosen") or {}
    retirement: Mapping[str, Any] = evidence.get("retirement") or {}
    saving = (row["cost_estimate"] or {}).get("saving_usd_per_month") or {}
    deadline = retirement.get("deadline") or evidence.get("retires_on")
    return headline(
        Advice(
            verdict=Verdict(row["verdict"]),
            current=row["current_model"],
            recommended=row["recommended_model"],
            saving_usd=saving.get("estimate"),
            quality_bound=chosen.get("lower_bound"),
            proven=bool(chosen.get("proven")),
            items=chosen.get("n") or 0,
            tried=len(evidence.get("tried") or ()),
            deadline=date.fromisoformat(deadline) if deadline else None,
            days_left=retirement.get("days_left"),
            more_cases=evidence.get("more_cases"),
            cost_of_cases_usd=evidence.get("cost_of_cases_usd"),
        )
    )
