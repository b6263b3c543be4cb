"""Models side by side, for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.data.comparison import compared
from modelscout.web.data.models import acting_organization
from modelscout.web.model_filters import Word
from modelscout.web.schemas.comparison import Comparison

MOST_MODELS = 12

router = APIRouter(tags=["comparison"])
Models = Annotated[
    list[Word],
    Field(min_length=1, max_length=MOST_MODELS),
    Query(alias="model", description="`provider/model`, or a model's name where one provider has it."),
]
Features = Annotated[
    list[Word],
    Field(max_length=50),
    Query(
        alias="feature",
        description="Monthly costs of these features of the organization; all where none is named.",
    ),
]
Resolution = Annotated[
    Word,
    Query(
        description="Of the photo that image costs are for: low, medium, high or pixels such as 1920x1080."
    ),
]


@router.get("/comparison")
def compare_models(
    access: CurrentAccess,
    chosen: ChosenOrganization,
    models: Models,
    features: Features = [],  # noqa: B006  # FastAPI copies it.
    resolution: Resolution = "medium",
) -> Comparison:
    """Models side by side: performance, capabilities, costs, limits and use cases, the best of each line marked.

    With an organization also its own traffic, its negotiated prices, and a month at its volume.
    """
    acting = acting_organization(access, chosen)
    return compared(access, acting, models, resolution=resolution, features=features)
