"""Models side by side."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import HTMLResponse
from pydantic import Field

from modelscout.core.errors import ConfigurationError
from modelscout.features.service import FeatureService
from modelscout.web.access import ChosenOrganization, CurrentAccess, Organization
from modelscout.web.data.comparison import compared
from modelscout.web.data.models import acting_organization, model_names
from modelscout.web.model_charts import names_of, score_rows, suitability_rows, time_rows
from modelscout.web.model_filters import OrEmpty, WithoutEmpty, Word
from modelscout.web.rendering import render
from modelscout.web.schemas.comparison import Comparison
from modelscout.web.views.common import page_router

MOST_MODELS = 6
CATEGORIES = (
    ("performance", "Performance"),
    ("capabilities", "Capabilities"),
    ("costs", "Costs"),
    ("limits", "Limits"),
)
RESOLUTIONS = (("low", "small"), ("medium", "medium"), ("high", "large"))

router = page_router()
Models = Annotated[list[Word], WithoutEmpty, Field(max_length=MOST_MODELS + 1), Query(alias="model")]
Resolution = Annotated[Word | None, OrEmpty, Query()]


@router.get("/compare")
def compare(
    request: Request,
    access: CurrentAccess,
    chosen: ChosenOrganization,
    models: Models = [],  # noqa: B006  # FastAPI copies it.
    resolution: Resolution = None,
) -> HTMLResponse:
    """Models side by side, chosen in the address."""
    acting = acting_organization(access, chosen)
    asked = list(dict.fromkeys(models))
    problem = f"At most {MOST_MODELS} models fit side by side." if len(asked) > MOST_MODELS else None
    asked, found = asked[:MOST_MODELS], None
    names = model_names(access, acting)
    unknown = [name for name in asked if name not in names]
    if unknown:
        problem = f"Nobody knows a model {unknown[0]}: it is left out. Names are provider/model, as the list offers."
        asked = [name for name in asked if name in names]
    if asked:
        try:
            found = compared(access, acting, asked, resolution=resolution or "medium")
        except ConfigurationError as error:
            problem = str(error)
    return render(
        request,
        "compare.html",
        access,
        chosen,
        asked=[m.model for m in found.models] if found else asked,
        most=MOST_MODELS,
        problem=problem,
        names=names,
        acting=acting,
        resolution=resolution or "medium",
        resolutions=RESOLUTIONS,
        categories=CATEGORIES,
        features=_assignable(access, acting),
        **_of(found),
    )


def _of(found: Comparison | None) -> dict[str, Any]:
    if found is None:
        return {"found": None}
    return {
        "found": found,
        "short_names": names_of(found),
        "score_rows": score_rows(found),
        "time_rows": time_rows(found),
        "suitability_rows": suitability_rows(found),
    }


def _assignable(access: CurrentAccess, acting: Organization | None) -> list[tuple[str, str | None]]:
    """Features that the caller may assign a model to, each with the model in use."""
    if acting is None or not acting.may_change:
        return []
    return [(f.feature_id, f.model) for f in FeatureService(access.reading).read_all(acting.id)]
