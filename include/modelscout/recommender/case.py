"""What a decision is made from: one feature of one organization, its model in use and what was tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from modelscout.core.types import ModelStatus, Verdict
from modelscout.recommender.evidence import Evidence

DAYS_PER_MONTH = Decimal("30.4375")
MINIMUM_PAIRS = 30
"""Below so many paired items nothing is said about a candidate."""
NORMAL_90 = 1.645
"""A normal estimate is within so many standard errors in 90 % of cases."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 90 % interval."""

    estimate: float
    low: float
    high: float

    @classmethod
    def normal(cls, estimate: float, standard_error: float) -> Interval:
        """The interval of a normal estimate."""
        return cls(estimate, estimate - NORMAL_90 * standard_error, estimate + NORMAL_90 * standard_error)


@dataclass(frozen=True, slots=True)
class ModelEstimate:
    """One model's figures for one feature of one organization, with 90 % intervals."""

    quality: Interval
    """Mean score, 0 to 1."""
    latency_ms: Interval | None
    """Typical response time; None where nothing is known. The mean of the days' logarithms, as the cost is."""
    cost_usd: Interval | None
    """Typical cost per answered request; None where nothing is known."""
    own_answers: int
    """Judged answers of the organization's own that went into the quality."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model that was tried beside the model in use: on the same items, or by chance in real traffic.

    Costs are USD per item or request; None where a price is unknown.
    """

    model_id: str
    provider: str
    model: str
    evidence: Evidence
    spread: float
    """Variance of the paired differences."""
    quality: float
    """Shrunken estimate of the mean score, 0 to 1."""
    cost_ratio: Interval | None
    """Candidate's cost divided by the reference's, on the same items."""
    cost_per_item_usd: float | None
    median_ms: float | None
    reference_median_ms: float | None
    callable: bool = True
    """Whether the organization's key can use it, beyond the retirement horizon."""
    last_sequence: int | None = None
    """The newest result that the evidence rests on."""
    simulated: bool = False
    against_reference: Evidence | None = None
    """Evidence against the feature's fixed reference, where that is not the model in use any more."""
    quality_change: Interval | None = None
    """Mean score minus that of the model in use, shrunken over the candidates tried; None of nothing."""
    estimate: ModelEstimate | None = None
    """What the recommender expects of it in this feature's traffic."""
    latency_ratio: Interval | None = None
    """Geometric mean of its response times divided by those of the reference, on the same items."""

    @property
    def proven(self) -> bool:
        """Whether it is proven against the model in use, and against the fixed reference where that is another.

        Both at the same error: a wrong approval needs both proofs to be wrong.
        """
        fixed = self.against_reference
        return self.evidence.proven and (fixed is None or fixed.proven)


@dataclass(frozen=True, slots=True)
class Successor:
    """A model that could follow one that goes away, with what is known of it for this feature."""

    model_id: str
    provider: str
    model: str
    step: int | None
    """Place in the vendor's own line of successors, from 1; None for other models."""
    usable: bool
    """Whether the organization's key can use it, beyond the retirement horizon."""
    retires_on: date | None
    unverified: tuple[str, ...]
    """Capabilities that the feature requires and no probe has shown."""
    contradicted: tuple[str, ...]
    """Capabilities that the feature requires and a probe has shown to be missing."""
    replays: int
    refused: int
    """Of the replays: those that the provider refused as a bad request."""
    refusal: str | None
    parameters: tuple[str, ...]
    """Names of the parameters that the feature sets."""
    own_usd_per_day: Decimal | None
    """What the feature's traffic on the leaving model cost; None where a price was missing or nothing was called."""
    usd_per_day: Decimal | None
    """The same tokens at this model's prices on the day of the change; None where a price is missing."""
    price_changes_on: date | None
    """When an announced price comes into force."""


@dataclass(frozen=True, slots=True)
class KindOfWork:
    """One level of complexity within a feature, with what was tried on its own items."""

    complexity: str
    requests_share: Decimal
    """Of the feature's requests, as its samples have it."""
    cost_share: float | None
    """Of what the model in use costs for the feature; None where a price is unknown."""
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class FeatureCase:
    """One feature of one organization on the day of the decision."""

    organization_id: str
    organization: str
    feature_id: str
    objective: str
    margin: float
    switching_cost_usd: Decimal
    current_model_id: str | None
    current_model: str | None
    current_status: str | None
    retires_on: date | None
    catalog_successor: str | None
    successor_model_id: str | None
    """The catalog's successor as a model that this organization can use, if it can."""
    requests_per_month: Decimal
    """Answered requests; what failed attempts cost is part of the cost of an answer."""
    cost_per_request_usd: Decimal | None
    """What the model in use really costs per answered request; None where nothing could be priced."""
    exposure_usd_per_day: Decimal | None
    current_quality: float | None
    current_mean_ms: float | None
    samples: int
    data_window: tuple[date, date] | None
    unpriced_requests: int
    candidates: tuple[Candidate, ...] = ()
    simulated: bool = False
    demand_relative_error: float = 0.0
    """Standard error of the next month's requests as foretold by the past days' mean, as a share of that mean."""
    successors: tuple[Successor, ...] = ()
    """What could follow a model that goes away: the vendor's line first, in its order."""
    recommended_before: str | None = None
    """Id of the model that the last decision before today recommended to change to."""
    current_estimate: ModelEstimate | None = None
    """What the recommender expects of the model in use."""
    kinds: tuple[KindOfWork, ...] = ()
    """Levels of complexity, where the feature has more than one that was tried."""

    @property
    def is_gone(self) -> bool:
        """Whether the key cannot call the model in use any more: retired, or confirmed as no longer listed."""
        return self.current_status in (ModelStatus.RETIRED, ModelStatus.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Retirement:
    """What to do about a model that goes away."""

    deadline: date | None
    """First day on which it no longer answers; None where it is gone without a date."""
    days_left: int | None
    exposure_usd_per_day: Decimal | None
    """What depends on it; None is unknown."""
    successor: str | None
    source: str | None
    """proven: on the organization's own items; vendor: named by the provider; None: there is none to use."""
    difference_usd_per_day: Decimal | None
    """What the successor costs more on this feature's own traffic, negative where less; None is unknown."""
    difference_basis: str
    to_test: tuple[str, ...]
    would_help: tuple[str, ...]
    """Where there is no successor to use."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with everything that is published beside it."""

    verdict: Verdict
    score: int
    chosen: Candidate | None
    recommended_model_id: str | None
    recommended_model: str | None
    saving: Interval | None
    """USD per month; negative where the recommended model costs more."""
    reasons: tuple[str, ...]
    tradeoffs: tuple[str, ...]
    details: dict[str, object] = field(default_factory=dict)
    retirement: Retirement | None = None
