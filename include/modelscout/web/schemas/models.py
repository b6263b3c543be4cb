"""Models as the page and the JSON API show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from modelscout.core.types import ModelStatus
from modelscout.web.schemas.common import Shown


class Model(Shown):
    """A model of the catalog, as the visible organizations have it."""

    id: UUID
    provider: str
    provider_model_id: str
    name: str
    version: str | None
    model_type: str | None
    status: ModelStatus | None
    """Null where no visible organization's key lists it and nothing is known of its end."""
    usable_by_organizations: int
    used_by_features: int
    documented_capabilities: list[str]
    capabilities: dict[str, str]
    """Capability to what the tests found: verified, documented, contradicted, untested."""
    context_window_tokens: int | None
    max_output_tokens: int | None
    released_on: date | None
    deprecated_on: date | None
    retires_on: date | None
    successor_model_id: str | None
    input_usd_per_million_tokens: Decimal | None
    """List price; null where unknown, never zero for unknown."""
    output_usd_per_million_tokens: Decimal | None
    operation_usd: Decimal | None
    price_source: str | None
    use_case_scores: dict[str, Any]
    performance_metrics: dict[str, Any]
    benchmark_results: dict[str, Any]
    in_catalog: bool
    simulated: bool

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Model:
        """From a row of `web_models`."""
        measured = (row["benchmark_results"] or {}).values()
        simulated = any(isinstance(result, dict) and result.get("simulated") for result in measured)
        return cls.model_validate({**row, "simulated": row["simulated"] or simulated})
