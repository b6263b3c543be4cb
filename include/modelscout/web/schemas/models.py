"""Models as the page and the JSON API show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from modelscout.catalog.loader import load_catalog
from modelscout.catalog.models import PerformanceClass
from modelscout.core.types import ModelStatus
from modelscout.web.schemas.common import Shown


class Model(Shown):
    """A model of the catalog, as the visible organizations have it."""

    id: UUID
    provider: str
    provider_model_id: str
    """The vendor's own name of it."""
    name: str
    version: str | None
    model_type: str | None
    """`language`, `vision` or `multimodal`; null where unknown."""
    status: ModelStatus | None
    """Null where no visible organization's key lists it and nothing is known of its end."""
    enabled: bool | None
    """Whether the organization asked about lets it be used; null where the question is about several."""
    usable_by_organizations: int
    """Visible organizations whose keys list it."""
    used_by_features: int
    """Features of visible organizations that are set to it."""
    documented_capabilities: list[str]
    capabilities: dict[str, str]
    """Capability to what the tests found: verified, documented, contradicted, untested."""
    documented_speed: PerformanceClass | None
    """Coarse classes of the catalog, before anything is measured; null where it is not in the catalog."""
    documented_accuracy: PerformanceClass | None
    documented_cost: PerformanceClass | None
    """`very_high` means dear."""
    context_window_tokens: int | None
    max_output_tokens: int | None
    released_on: date | None
    deprecated_on: date | None
    retires_on: date | None
    """It answers up to, and not on, this day (UTC)."""
    successor_model_id: str | None
    """The vendor's name of the model that follows."""
    input_usd_per_million_tokens: Decimal | None
    """List price; null where unknown, never zero for unknown."""
    output_usd_per_million_tokens: Decimal | None
    """List price; null where unknown."""
    operation_usd: Decimal | None
    """Where the vendor bills operations instead of tokens."""
    price_source: str | None
    price_estimated: bool
    """The price is not the vendor's own statement."""
    use_case_scores: dict[str, Any]
    """Use case to its score, 0 to 100, and the reason."""
    performance_metrics: dict[str, Any]
    """Measured by the platform's suites: medians and their 95 % intervals."""
    benchmark_results: dict[str, Any]
    """Feature to the score of its suite, 0 to 1, its 95 % interval and n."""
    in_catalog: bool
    simulated: bool
    """A figure comes from simulated traffic or a simulated provider."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Model:
        """From a row of `web_models`."""
        measured = (row["benchmark_results"] or {}).values()
        simulated = any(isinstance(result, dict) and result.get("simulated") for result in measured)
        known = load_catalog().resolve(row["provider"], row["provider_model_id"])
        classes = known.performance if known else None
        return cls.model_validate(
            {
                **{name: row[name] for name in cls.model_fields if name in row},
                "simulated": row["simulated"] or simulated,
                "price_estimated": bool(row["price_estimated"]),
                "documented_speed": classes and classes.speed,
                "documented_accuracy": classes and classes.accuracy,
                "documented_cost": classes and classes.cost,
            }
        )

    @property
    def key(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.provider_model_id}"


class Price(Shown):
    """One price of a model in USD; null is unknown or not billed so."""

    negotiated: bool
    """The organization's own, not the list price."""
    processing: Literal["standard", "batch", "flex", "priority"]
    above_input_tokens: int
    """It holds for requests with more input tokens than this."""
    valid_from: datetime
    """1970 where it held from the beginning."""
    valid_until: datetime | None
    """When the next one takes its place."""
    state: Literal["past", "in force", "scheduled"]
    input_usd_per_million_tokens: Decimal | None
    output_usd_per_million_tokens: Decimal | None
    cache_read_usd_per_million_tokens: Decimal | None
    cache_write_usd_per_million_tokens: Decimal | None
    operation_usd: Decimal | None
    image_usd: Decimal | None
    source: str
    estimated: bool


class Use(Shown):
    """One organization's feature on a model over the last 30 days. Null is unknown."""

    organization: str | None
    organization_name: str
    feature: str | None
    requests: int
    success_rate: float | None
    """Share of answered calls; says nothing about quality."""
    mean_ms: float | None
    quality: float | None
    """Mean of the judged answers, 0 to 1."""
    cost_usd: Decimal | None
    """Of the requests that could be priced."""
    unpriced_requests: int
    last_day: date
    simulated: bool


class SuiteRun(Shown):
    """One suite in one benchmark run of a model. Null is unknown."""

    run_id: UUID
    source: Literal["platform", "replay"]
    """`platform`: this project's own suites; `replay`: the organization's own work."""
    about: Literal["accuracy", "speed", "cost"]
    feature: str
    suite: str
    n: int
    failed: int
    score: float | None
    """Mean over the graded cases, 0 to 1."""
    median_ms: float | None
    cost_usd: Decimal | None
    simulated: bool
    finished_at: datetime


class Availability(Shown):
    """A model for one organization's key."""

    organization: str | None
    organization_name: str
    status: ModelStatus
    reason: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    missing_since: datetime | None
    region: str | None
    key_health: str | None
    """What the provider last said about the key; null where the organization has no key any more."""
    enabled: bool
    """False where the organization switched the model off."""
    simulated: bool


class Event(Shown):
    """Something that happened to a model."""

    kind: str
    organization: str | None
    """Null where it is everybody's."""
    details: dict[str, Any]
    occurred_at: datetime
    simulated: bool
