"""Models side by side: asked of `analytics.comparison`, for the page and the JSON API alike."""

from __future__ import annotations

from collections.abc import Sequence

from modelscout.analytics import comparison
from modelscout.analytics.comparison_lines import lines_of, suitability_of
from modelscout.core.clock import now
from modelscout.costs.calculator import parse_size
from modelscout.web.access import Access, Organization
from modelscout.web.schemas.comparison import ComparedModel, Comparison, ComparisonLine, Suitability


def compared(
    access: Access,
    organization: Organization | None,
    models: Sequence[str],
    *,
    resolution: str,
    features: Sequence[str] = (),
) -> Comparison:
    """Raises ConfigurationError for a model, resolution or feature that nobody knows."""
    size = parse_size(resolution)
    found = comparison.compare(
        models,
        now=now(),
        size=size,
        engine=access.reading,
        organization=organization.id if organization else None,
        features=features,
    )
    names = [m.model for m in found.models]
    return Comparison(
        at=found.at,
        organization=organization.slug if organization else None,
        photo=f"{size.width_px} x {size.height_px}",
        models=[_model(m) for m in found.models],
        lines=[
            ComparisonLine(
                category=line.category.value,
                key=line.key,
                label=line.label,
                unit=line.unit.value,
                more_is_better=line.more_is_better,
                values=list(line.values),
                intervals=list(line.intervals),
                best=[names[n] for n in line.best],
            )
            for line in lines_of(found)
        ],
        suitability=[Suitability.model_validate(s, from_attributes=True) for s in suitability_of(found)],
        notes=list(found.notes),
        simulated=found.simulated,
    )


def _model(model: comparison.ComparedModel) -> ComparedModel:
    return ComparedModel(
        model=model.model,
        name=model.name,
        status=model.lifecycle.status,
        retires_on=model.lifecycle.retires_on,
        days_left=model.lifecycle.days_left,
        successor=model.lifecycle.successor,
        price_estimated=model.costs.estimated,
        next_price_at=model.costs.next_change_at,
        no_month_because=model.costs.reason,
    )
