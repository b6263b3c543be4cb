"""The cost calculator, for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from modelscout.analytics.calculator import CostQuestion
from modelscout.web.access import ChosenOrganization, CurrentAccess
from modelscout.web.data.calculator import answer, calculation_question
from modelscout.web.schemas.calculator import Calculation

router = APIRouter(tags=["calculator"])


@router.get("/calculation")
def get_calculation(
    access: CurrentAccess,
    chosen: ChosenOrganization,
    question: Annotated[CostQuestion, Depends(calculation_question)],
) -> Calculation:
    """What a month of photos costs on each model, break-even, projection, and whether a switch pays.

    Of one organization its usable models, its negotiated prices and the lengths of its own requests; without
    one all models at list prices. The same figures as `modelscout cost --json`.
    """
    return Calculation.model_validate(answer(access, chosen, question))
