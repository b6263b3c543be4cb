"""Features of one organization, put together from the services that own their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from modelscout.analytics.patterns import CostShare, top_costs
from modelscout.analytics.performance import Grain, Performance, performance
from modelscout.analytics.scope import Scope
from modelscout.features.reading import history, model_choices, usable_models
from modelscout.features.service import FeatureService
from modelscout.features.settings import FeatureSettings
from modelscout.web import cursors
from modelscout.web.access import Access, Organization
from modelscout.web.cursors import ChangeKey, FeatureKey
from modelscout.web.data.recommendations import recommendations
from modelscout.web.schemas import features as shown
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.recommendations import Recommendation

WINDOW_DAYS = 30
MOST_COSTS = 2_000
"""Features times models of one month, far beyond what one organization uses."""


class Facts(NamedTuple):
    """What is known about an organization's features beside their settings."""

    since: date
    until: date
    performance: Sequence[Performance]
    spent: Sequence[CostShare]
    suggestions: Mapping[str, Recommendation]


def listed_features(
    access: Access, organization: Organization, now: datetime, *, after: FeatureKey | None, limit: int
) -> Collection[shown.Feature]:
    """Features by their id, also those that the organization did not configure."""
    settings = FeatureService(access.reading).read_all(organization.id)
    rest = [s for s in settings if after is None or s.feature_id > after.feature_id]
    facts = _facts(access, organization, now, None)
    part = rest[:limit]
    more = cursors.encode(FeatureKey(feature_id=part[-1].feature_id)) if len(rest) > limit else None
    return Collection(items=[shown.Feature(**_common(organization, s, facts)) for s in part], next=more)


def feature(
    access: Access, organization: Organization, feature_id: str, now: datetime
) -> shown.FeatureDetail:
    """One feature. Raises ConfigurationError where there is none of that id."""
    settings = FeatureService(access.reading).read(organization.id, feature_id)
    return detail_of(access, organization, settings, now)


def feature_or_none(
    access: Access, organization: Organization, feature_id: str, now: datetime
) -> shown.FeatureDetail | None:
    """The same; None where there is none of that id."""
    known = FeatureService(access.reading).read_all(organization.id)
    settings = next((s for s in known if s.feature_id == feature_id), None)
    return None if settings is None else detail_of(access, organization, settings, now)


def detail_of(
    access: Access, organization: Organization, settings: FeatureSettings, now: datetime
) -> shown.FeatureDetail:
    """Everything about one feature whose settings are read already."""
    facts = _facts(access, organization, now, settings.feature_id)
    own = [p for p in facts.performance if p.feature == settings.feature_id]
    return shown.FeatureDetail(
        **_common(organization, settings, facts),
        parameters=dict(settings.parameters),
        limits=dict(settings.limits),
        workload_models=[
            shown.WorkloadRule(when={k: list(v) for k, v in rule.when.items()}, model=rule.model)
            for rule in settings.workload_models
        ],
        models=[_performance(p) for p in own],
    )


def choices(
    access: Access, organization: Organization, feature_id: str, now: datetime
) -> list[shown.ModelChoice]:
    """Models that the organization can use, and what each lacks for this feature."""
    required = FeatureService(access.reading).read(organization.id, feature_id).required_capabilities
    return choices_for(access, organization, required, now)


def choices_for(
    access: Access, organization: Organization, required: Sequence[str], now: datetime
) -> list[shown.ModelChoice]:
    """The same, where it is known what the feature requires."""
    with access.reading.connect() as connection:
        found = model_choices(connection, organization.id, today=now.date())
    return [
        shown.ModelChoice(
            model_id=UUID(choice.model_id),
            model=choice.model,
            name=choice.name,
            lacks=choice.lacks(required),
            failed=sorted(set(required) & choice.contradicted),
            retires_on=choice.retires_on,
        )
        for choice in found
    ]


def models_and_features(
    access: Access, organizations: Sequence[Organization], now: datetime
) -> tuple[list[str], list[str]]:
    """Names of the models that any of these organizations can use, and ids of all features."""
    with access.reading.connect() as connection:
        ids = [o.id for o in organizations]
        models = usable_models(connection, ids, today=now.date())
        features = connection.execute(text("SELECT id FROM ai_features ORDER BY id")).scalars().all()
    return models, list(features)


def changes(
    access: Access, organization: Organization, feature_id: str, *, after: ChangeKey | None, limit: int
) -> Collection[shown.PastChange]:
    """What was changed of one feature, the newest first."""
    with access.reading.connect() as connection:
        found = history(
            connection,
            organization.id,
            feature_id,
            max_rows=limit + 1,
            before_id=after.id if after else None,
        )
    more = cursors.encode(ChangeKey(id=found[limit - 1].id)) if len(found) > limit else None
    items = [
        shown.PastChange.model_validate(
            {name: getattr(entry, name) for name in shown.PastChange.model_fields}
        )
        for entry in found[:limit]
    ]
    return Collection(items=items, next=more)


def _facts(access: Access, organization: Organization, now: datetime, feature_id: str | None) -> Facts:
    until = now.date()
    since = until - timedelta(days=WINDOW_DAYS - 1)
    with access.reading.connect() as connection:
        scope = Scope(organization.id, since, until, feature_id)
        month = Scope(organization.id, until.replace(day=1), until, feature_id)
        found = performance(connection, scope, grain=Grain.FEATURE)
        spent = top_costs(connection, month, most=MOST_COSTS)
    advice = recommendations(access, organization, after=None, limit=500).items
    return Facts(since, until, found, spent, {r.feature_id: r for r in advice})


def _common(organization: Organization, settings: FeatureSettings, facts: Facts) -> dict[str, Any]:
    own = next(
        (p for p in facts.performance if p.feature == settings.feature_id and p.model == settings.model),
        None,
    )
    spent = [s for s in facts.spent if s.feature == settings.feature_id]
    known = [s.cost_usd for s in spent if s.cost_usd is not None]
    return {
        "organization": organization.slug,
        "feature_id": settings.feature_id,
        "name": settings.name,
        "configured": settings.configured,
        "model": settings.model,
        "fallbacks": list(settings.fallbacks),
        "required_capabilities": list(settings.required_capabilities),
        "default_by": settings.default_by,
        "objective": settings.objective,
        "margin": settings.margin,
        "monthly_budget_usd": settings.monthly_budget_usd,
        "spent_usd": sum(known, Decimal(0)) if known else None,
        "unpriced_requests": sum(s.unpriced_requests for s in spent),
        "auto_apply": settings.auto_apply,
        "since": facts.since,
        "until": facts.until,
        "performance": None if own is None else _performance(own),
        "suggestion": _suggestion(facts.suggestions.get(settings.feature_id)),
        "updated_at": settings.updated_at,
        "updated_by": settings.updated_by,
    }


def _performance(found: Performance) -> shown.FeaturePerformance:
    low, high = found.success_interval or (None, None)
    names = set(shown.FeaturePerformance.model_fields) - {"success_low", "success_high"}
    return shown.FeaturePerformance(
        **{name: getattr(found, name) for name in names}, success_low=low, success_high=high
    )


def _suggestion(found: Recommendation | None) -> shown.Suggestion | None:
    if found is None:
        return None
    name = f"{found.recommended_provider}/{found.recommended_model}" if found.recommended_model else None
    return shown.Suggestion(
        recommendation_id=found.id,
        verdict=found.verdict,
        status=found.status,
        recommended_model=name,
        saving_usd_per_month=found.saving_usd_per_month,
        saving_interval_usd_per_month=found.saving_interval_usd_per_month,
        simulated=found.simulated,
    )
