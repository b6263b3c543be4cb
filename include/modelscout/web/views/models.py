"""The models, and everything known about one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability
from modelscout.web import cursors
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.cursors import ModelKey
from modelscout.web.data.comparison import compared
from modelscout.web.data.model_settings import settings_of
from modelscout.web.data.models import acting_organization, known_providers, listed_models, recorded
from modelscout.web.model_charts import price_rows, result_rows
from modelscout.web.model_filters import AskedFilters, ModelFilters, Sort, Status
from modelscout.web.rendering import render
from modelscout.web.views.common import After, page_router

CARDS_PER_PAGE = 24
RETIRES_SOON_DAYS = 90

router = page_router()


class QuickView(NamedTuple):
    """A list that many want, one click away."""

    title: str
    filters: ModelFilters


QUICK_VIEWS = (
    QuickView("All", ModelFilters()),
    QuickView(
        "Cheapest that reads photos",
        ModelFilters(
            capabilities=(Capability.IMAGE_ANALYSIS.value,),
            statuses=("active", "available"),
            sort=Sort.PRICE.value,
        ),
    ),
    QuickView("Fastest", ModelFilters(statuses=("active", "available"), sort=Sort.SPEED.value)),
    QuickView("Most accurate", ModelFilters(statuses=("active", "available"), sort=Sort.HIGH_ACCURACY.value)),
    QuickView("Retiring soon", ModelFilters(retires_within_days=RETIRES_SOON_DAYS, sort=Sort.USED.value)),
)


@router.get("/models")
def models(
    request: Request,
    access: CurrentAccess,
    chosen: ChosenOrganization,
    filters: AskedFilters,
    after: After = None,
) -> HTMLResponse:
    """The model catalog as cards."""
    place = cursors.decode(ModelKey, after)
    found = listed_models(access, chosen, filters, after=place, limit=CARDS_PER_PAGE)
    return render(
        request,
        "models.html",
        access,
        chosen,
        models=found.part,
        total=found.total,
        is_first=after is None,
        filters=filters,
        quick_views=QUICK_VIEWS,
        providers=known_providers(access),
        statuses=list(Status),
        sorts=list(Sort),
        all_capabilities=list(Capability),
        acting=acting_organization(access, chosen),
    )


@router.get("/models/{model_id}")
def model(
    request: Request, access: CurrentAccess, chosen: ChosenOrganization, model_id: UUID
) -> HTMLResponse:
    """Everything known about one model."""
    acting = acting_organization(access, chosen)
    with recorded(access, chosen, model_id) as record:
        m = record.model
        context: dict[str, Any] = {
            "prices": record.prices(),
            "uses": record.uses(),
            "runs": record.runs(),
            "availability": record.availability(),
            "events": record.events(),
        }
        owner = next((o for o in access.organizations if o.id == record.owner_id), acting)
    if record.owner_id is not None and acting is not None and record.owner_id != acting.id:
        acting = None
    try:
        one = compared(access, owner, [m.key], resolution="medium")
    except ConfigurationError:
        # Nobody may compare a model that is not on the shelf of the organization asked about.
        one = None
    return render(
        request,
        "model.html",
        access,
        chosen,
        here="models",
        m=m,
        acting=acting,
        settings=settings_of(access, acting, model_id) if acting else None,
        lines={line.key: line for line in one.lines} if one else {},
        features=_features(one.lines if one else ()),
        compared=one,
        price_rows=price_rows(context["prices"], m),
        result_rows=result_rows(context["runs"]),
        **context,
    )


def _features(lines: Sequence[Any]) -> list[str]:
    """Features with a suite score, by name."""
    return [line.key.removeprefix("score.") for line in lines if line.key.startswith("score.")]
