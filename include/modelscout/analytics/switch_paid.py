"""Whether a switch paid off: what was paid on the new model against the same tokens at the former one's prices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from modelscout.analytics.calculator_models import shelf_from_warehouse
from modelscout.analytics.price_course import quote, usage_of
from modelscout.analytics.scope import Scope, model_ids_of
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import run_sql

DAYS_PER_MONTH = 30


@dataclass(frozen=True, slots=True)
class SwitchPaid:
    """A switch of one feature, over days on the new model. Costs are of requests that were priced on both sides."""

    former: str
    new: str
    days: int
    """Days with requests that could be compared."""
    requests: int
    paid_usd: Decimal
    former_would_cost_usd: Decimal
    """The same tokens: how many another model's tokenizer makes of the same text is not known here."""
    saving_usd: Decimal
    """Negative where the switch cost money."""
    saving_usd_per_month: Decimal | None
    promised_usd_per_month: Decimal | None
    return_on_investment: Decimal | None
    """Saving minus the cost of switching, for each dollar of it; None where switching cost nothing."""
    not_compared_requests: int
    """On days with a request of unknown cost, or without a price of the former model."""
    reasons: tuple[str, ...]


def switch_paid(
    connection: Connection,
    scope: Scope,
    *,
    former: str,
    new: str,
    promised_usd_per_month: Decimal | None = None,
    switching_cost_usd: Decimal = Decimal(0),
) -> SwitchPaid:
    """Compare over the days of the scope, which begin with the switch. Raises ConfigurationError for unknown names."""
    if switching_cost_usd < 0:
        raise ConfigurationError(f"switching cost {switching_cost_usd} is negative: give USD of at least 0")
    old = shelf_from_warehouse(connection, scope.organization_id).find(former)
    only_new = Scope(
        scope.organization_id, scope.since, scope.until, scope.feature_id, model_ids_of(connection, (new,))
    )
    paid, would, requests, left_out = Decimal(0), Decimal(0), 0, 0
    days: set[date] = set()
    reasons: dict[str, None] = {}
    for row in run_sql(connection, "queries/analytics_days", only_new.parameters()):
        call = quote(old, usage_of(row), row["requests"], row["day"])
        if row["unpriced_requests"] or row["cost_usd"] is None or call.cost_usd is None:
            left_out += row["requests"]
            reasons[call.reason or f"{new}: requests of unknown cost on {row['day']}"] = None
            continue
        paid, would = paid + row["cost_usd"], would + call.cost_usd
        requests += row["requests"]
        days.add(row["day"])
    saving = would - paid
    return SwitchPaid(
        former=old.key,
        new=new,
        days=len(days),
        requests=requests,
        paid_usd=paid,
        former_would_cost_usd=would,
        saving_usd=saving,
        saving_usd_per_month=saving / len(days) * DAYS_PER_MONTH if days else None,
        promised_usd_per_month=promised_usd_per_month,
        return_on_investment=(saving - switching_cost_usd) / switching_cost_usd
        if switching_cost_usd
        else None,
        not_compared_requests=left_out,
        reasons=tuple(reasons),
    )
