"""The overview and the track record as the page and the JSON API show them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from modelscout.analytics.exposure import ExposureReport
from modelscout.analytics.spend import OrganizationSpend, Spend, SpendReport
from modelscout.analytics.stages import Health, Stage
from modelscout.recommender.standing import Standing
from modelscout.recommender.track_record import AdoptedChange, Record
from modelscout.web.schemas.alerts import Alert
from modelscout.web.schemas.common import Shown
from modelscout.web.schemas.recommendations import Recommendation


class SpendShown(Shown):
    """Of some days together."""

    cost_usd: Decimal | None
    """Of the priced requests; null where none is priced."""
    requests: int
    unpriced_requests: int
    """In no cost, because no price is known."""


class SpendDayShown(Shown):
    """One day."""

    day: date
    cost_usd: Decimal | None
    requests: int


class SpendOverview(Shown):
    """The last 30 whole days before today, and the 30 before them."""

    first_day: date
    """Of the last 30."""
    last_day: date
    last: SpendShown
    former: SpendShown
    change: float | None
    """Share of 1 that the last 30 days cost more; null where either is unknown."""
    days: list[SpendDayShown]
    """Of both periods, those with traffic."""

    @classmethod
    def of(cls, report: SpendReport) -> SpendOverview:
        """From the service's report."""
        values = {**asdict(report), "change": report.change}
        del values["simulated"]
        return cls.model_validate(values)


class Spender(Shown):
    """One organization's last 30 days beside the 30 before."""

    organization: str
    organization_name: str
    cost_usd: Decimal | None
    former_cost_usd: Decimal | None
    requests: int
    simulated: bool

    @classmethod
    def of(cls, found: OrganizationSpend) -> Spender:
        """From the service's row."""
        spend: Spend = found.last
        return cls(
            organization=found.organization,
            organization_name=found.name,
            cost_usd=spend.cost_usd,
            former_cost_usd=found.former_cost_usd,
            requests=spend.requests,
            simulated=found.simulated,
        )


class StandingShown(Shown):
    """How the current recommendations stand. Savings are USD per month; null is unknown."""

    features: int
    """With a recommendation."""
    advised: int
    """Whose recommendation names a model to use."""
    on_recommended: int
    """Of those, the features that use it."""
    adoption_share: float | None
    open_changes: int
    """Switches and migrations that wait for a decision."""
    open_trials: int
    waiting_saving_usd_per_month: Decimal | None
    """Of the open changes that save."""
    waiting_cost_usd_per_month: Decimal | None
    """What the open changes that cost more would add."""
    unpriced_changes: int
    """Open changes whose saving is unknown."""
    adopted: int
    """Changes in use that were adopted on advice."""
    promised_saving_usd_per_month: Decimal | None
    realised_saving_usd_per_month: Decimal | None
    """Of the adopted changes whose promise and result are both known."""
    savings_known: int
    ratings: int
    """Of the last 90 days."""
    mean_rating: float | None
    """1 to 5."""

    @classmethod
    def of(cls, standing: Standing) -> StandingShown:
        """From the service's figures."""
        values = {**asdict(standing), "adoption_share": standing.adoption_share}
        del values["simulated"]
        return cls.model_validate(values)


class RetiringModel(Shown):
    """One model in use that retires within 90 days, or is retired."""

    model_id: UUID
    provider: str
    model: str
    retires_on: date
    days_left: int
    """Negative: retired so many days ago."""
    successor: str | None
    features: int
    organizations: int
    spend_usd_per_day: Decimal | None
    """Mean of the last seven whole days."""
    unpriced_requests: int
    simulated: bool


class Exposure(Shown):
    """Models that go away, and the money that depends on them."""

    within_days: int
    total: int
    """Models, of which the first are in `models`."""
    features: int
    spend_usd_per_day: Decimal | None
    models: list[RetiringModel]

    @classmethod
    def of(cls, report: ExposureReport, most: int) -> Exposure:
        """From the service's report, the first `most` of its models."""
        return cls(
            within_days=report.within_days,
            total=len(report.models),
            features=report.features,
            spend_usd_per_day=report.spend_usd_per_day,
            models=[RetiringModel.model_validate(asdict(model)) for model in report.models[:most]],
        )


class StageShown(Shown):
    """One stage of the night."""

    name: str
    dag_id: str
    health: Health
    succeeded_at: datetime | None
    """Of the review the day that it wrote."""
    problem: str | None
    """What a person should know or do."""

    @classmethod
    def of(cls, stage: Stage) -> StageShown:
        """From the service's row."""
        return cls.model_validate(asdict(stage))


class Overview(Shown):
    """Everything at a glance, of one organization or of all that the caller sees."""

    spend: SpendOverview
    top_organizations: list[Spender]
    """Those that spend most; empty where only one is asked about."""
    standing: StandingShown
    retiring: Exposure
    stages: list[StageShown]
    alerts: list[Alert]
    """The most severe ones; `alerts` gives all."""
    recommendations: list[Recommendation]
    """Those that matter most now; `recommendations` gives all."""
    simulated: bool
    """Some of the figures come from simulated traffic or a simulated provider."""


class RecordShown(Shown):
    """What came of the advice of one organization, or of all together. Sums are USD per month; null is unknown."""

    organization: str | None
    """Null: all together."""
    advised: int
    """Changes that were recommended, each once."""
    adopted: int
    adoption_share: float | None
    applied_automatically: int
    reviewed: int
    savings_known: int
    """Adopted changes whose promise and result are both known: those of the sums."""
    savings_with_interval: int
    savings_inside_interval: int
    share_inside_interval: float | None
    promised_saving_usd_per_month: Decimal | None
    realised_saving_usd_per_month: Decimal | None
    quality_verified: int
    quality_violations: int
    """Verified ones whose quality lies below the margin with its whole interval."""
    rolled_back: int
    taken_back_by_people: int
    simulated: bool

    @classmethod
    def of(cls, record: Record) -> RecordShown:
        """From the service's record."""
        shares = {
            "adoption_share": record.adoption_share,
            "share_inside_interval": record.share_inside_interval,
        }
        return cls.model_validate({**asdict(record), **shares})


class Change(Shown):
    """One change that was made on advice, with its latest review. USD per month; null is unknown."""

    recommendation_id: UUID
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
    reviewed_on: date | None
    promised_saving_usd_per_month: Decimal | None
    promised_saving_low_usd_per_month: Decimal | None
    promised_saving_high_usd_per_month: Decimal | None
    realised_saving_usd_per_month: Decimal | None
    realised_saving_low_usd_per_month: Decimal | None
    realised_saving_high_usd_per_month: Decimal | None
    compared_days: int
    quality_change: float | None
    """Share of 1."""
    quality_change_low: float | None
    quality_change_high: float | None
    quality_source: str | None
    quality_violated: bool | None
    simulated: bool
    has_saving: bool
    """Whether it counts in the sums: seven compared days, promise and result known."""

    @classmethod
    def of(cls, change: AdoptedChange) -> Change:
        """From the service's row."""
        return cls.model_validate(asdict(change))


class TrackRecord(Shown):
    """Promised against realised."""

    total: RecordShown
    organizations: list[RecordShown]
    """The 100 with most adopted changes."""
    changes: list[Change]
    """The 50 latest."""
