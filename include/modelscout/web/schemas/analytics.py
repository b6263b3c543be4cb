"""Analytics as the page and the JSON API show them. Null is unknown, never zero; times are UTC."""

from __future__ import annotations

from datetime import date, datetime

from modelscout.analytics.opportunities import Way
from modelscout.analytics.performance import Metric
from modelscout.web.schemas.services import Answer, Exact


class ErrorShare(Answer):
    """Failed requests of one type."""

    error_type: str
    requests: int
    rate: float
    """Of all requests, a share of 1."""


class TrendPoint(Answer):
    """One part at one step of time, or over the whole range."""

    starts_at: datetime | None
    """Null: the whole range."""
    part: str | None
    """The model or feature; null: all of them, or all that do not stand alone."""
    is_rest: bool
    """Whether it is all those that do not stand alone."""
    requests: int
    success_rate: float | None
    """Answered calls; says nothing about quality."""
    success_interval: tuple[float, float] | None
    """95 %."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    cost_usd: Exact | None
    """Of the requests that could be priced."""
    cost_per_request_usd: Exact | None
    unpriced_requests: int


class Trend(Answer):
    """Points in the order of time; a step without requests has none."""

    points: tuple[TrendPoint, ...]
    total: TrendPoint | None
    """The whole range; null without any request."""
    errors: tuple[ErrorShare, ...]
    """Of the whole range, the most frequent first."""
    simulated: bool


class LiveMinute(Answer):
    """One minute that had calls."""

    minute: datetime
    requests: int
    failed_requests: int
    p50_ms: float | None
    p95_ms: float | None


class LiveHour(Answer):
    """The last hour of one organization, as its events arrived. Costs come with the hourly rollup."""

    since: datetime
    until: datetime
    requests: int
    success_rate: float | None
    success_interval: tuple[float, float] | None
    """95 %."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    input_tokens: int
    output_tokens: int
    latest_at: datetime | None
    """The last call that arrived."""
    errors: tuple[ErrorShare, ...]
    minutes: tuple[LiveMinute, ...]
    simulated: bool


class RecentHour(Answer):
    """One hour of several organizations together."""

    hour: datetime | None
    """Null: all hours."""
    requests: int
    success_rate: float
    input_tokens: int
    output_tokens: int
    cost_usd: Exact | None
    unpriced_requests: int
    organizations: int


class RecentHours(Answer):
    """The begun hour and the one before, from the hourly rollup."""

    hours: tuple[RecentHour, ...]
    total: RecentHour | None
    simulated: bool


class OrganizationUse(Answer):
    """One organization over some days."""

    organization: str
    """Its short name."""
    name: str
    requests: int
    success_rate: float | None
    cost_usd: Exact | None
    unpriced_requests: int
    simulated: bool


class Performance(Answer):
    """One model over the range."""

    model: str
    requests: int
    success_rate: float | None
    success_interval: tuple[float, float] | None
    """95 %."""
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    errors: tuple[ErrorShare, ...]
    cost_usd: Exact | None
    unpriced_requests: int
    cost_per_request_usd: Exact | None
    confidence: float | None
    quality: float | None
    """Mean of the judged answers, 0 to 1."""
    judged_answers: int
    distinct_users: int
    simulated: bool


class MetricComparison(Answer):
    """Models by one metric, the best first; those whose value is unknown last."""

    metric: Metric
    values: tuple[tuple[str, float | Exact | None], ...]
    best: str | None
    """Null where nothing is known."""


class ModelsCompared(Answer):
    """Models over the same days. Models that serve different features do different work."""

    models: tuple[Performance, ...]
    metrics: tuple[MetricComparison, ...]


class CostShare(Answer):
    """One feature on one model."""

    feature: str | None
    model: str
    requests: int
    cost_usd: Exact | None
    share: Exact | None
    """Of the known cost, a share of 1."""
    unpriced_requests: int


class Costs(Answer):
    """What costs most, the dearest first, without a known cost last; at most 50."""

    items: tuple[CostShare, ...]


class WeekHour(Answer):
    """One hour of the week that had requests."""

    weekday: int
    """ISO: 1 is Monday."""
    hour: int
    """UTC."""
    requests: int
    requests_per_occurrence: Exact
    """Mean over all such hours of the range, those without requests included."""
    error_rate: float
    cost_usd: Exact | None
    unpriced_requests: int


class UsedDay(Answer):
    """One day that had requests."""

    day: date
    requests: int
    cost_usd: Exact | None
    unpriced_requests: int


class UsagePatterns(Answer):
    """When models are used."""

    hours: tuple[WeekHour, ...]
    days: tuple[UsedDay, ...]
    top: tuple[CostShare, ...]
    change: Exact | None
    """Requests of the last whole weeks against as many before, minus 1; null below two weeks."""
    weeks_compared: int
    simulated: bool


class MoneyEstimate(Answer):
    """A median and the bounds of its interval."""

    median_usd: Exact
    low_usd: Exact
    high_usd: Exact


class PredictedDay(Answer):
    """One coming day."""

    day: date
    cost: MoneyEstimate
    price_level: Exact
    """1 is today's prices."""


class CostPrediction(Answer):
    """What the coming days will cost, if the past goes on."""

    level: float
    """The share of such intervals that hold what comes."""
    total: MoneyEstimate
    days: tuple[PredictedDay, ...]
    growth_per_week: tuple[float, float, float]
    """Factor of the past trend: median, low, high."""
    history_from: date
    history_to: date
    unpriced_requests: int
    notes: tuple[str, ...]
    simulated: bool


class Opportunity(Answer):
    """One way in which one feature could cost less on its model."""

    feature: str
    model: str
    way: Way
    saving_usd_per_month: Exact | None
    """Null is unknown, and `reason` says why."""
    requests_per_month: int
    assumption: str
    """What has to hold for this saving."""
    reason: str | None
    simulated: bool


class Opportunities(Answer):
    """The greatest saving first, unknown ones last. Savings of several do not add up."""

    items: tuple[Opportunity, ...]


class Organizations(Answer):
    """The dearest first."""

    items: tuple[OrganizationUse, ...]
