"""What a month would cost. The address is the question, so that a calculation can be shared."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse

from modelscout.analytics.calculator import CostQuestion, CostReport
from modelscout.web.access import Access, ChosenOrganization, CurrentAccess, Organization
from modelscout.web.charts.calculator import curve_rows, month_rows
from modelscout.web.data.calculator import address_of, answer, calculation_question
from modelscout.web.data.calculator_order import Order, ordered
from modelscout.web.rendering import render
from modelscout.web.views.common import page_router

ROWS_PER_PAGE = 20
RESOLUTIONS = ("low", "medium", "high")
DETAILS = ("low", "medium", "high", "ultra_high", "original")

router = page_router()
Asked = Annotated[CostQuestion, Depends(calculation_question)]
Sort = Annotated[Order, Query()]
Page = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/calculator")
def calculator(
    request: Request,
    access: CurrentAccess,
    chosen: ChosenOrganization,
    question: Asked,
    sort: Sort = Order.MONTHLY,
    page: Page = 1,
) -> HTMLResponse:
    """The form and what comes out."""
    shown = _shown(access, chosen, question, sort, page)
    return render(
        request, "calculator.html", access, chosen, resolutions=RESOLUTIONS, details=DETAILS, **shown
    )


@router.get("/calculator-results")
def results(
    request: Request,
    access: CurrentAccess,
    chosen: ChosenOrganization,
    question: Asked,
    sort: Sort = Order.MONTHLY,
    page: Page = 1,
) -> HTMLResponse:
    """What comes out alone: the page takes it in while somebody types. On the page's own level, for its links."""
    return render(
        request, "calculator_results.html", access, chosen, **_shown(access, chosen, question, sort, page)
    )


def _shown(
    access: Access, chosen: Organization | None, question: CostQuestion, sort: Order, page: int
) -> dict[str, Any]:
    report: CostReport = answer(access, chosen, question)
    priced = [cost for cost in ordered(report.models, sort) if cost.monthly_usd is not None]
    first = (page - 1) * ROWS_PER_PAGE
    return {
        "question": question,
        "report": report,
        "priced": priced,
        "costs": priced[first : first + ROWS_PER_PAGE],
        "unknown": [cost for cost in report.models if cost.monthly_usd is None],
        "in_use": next((cost for cost in report.models if cost.model == report.current), None),
        "cheapest": next((cost for cost in report.models if cost.monthly_usd is not None), None),
        "sort": sort,
        "page": page,
        "pages": -(-len(priced) // ROWS_PER_PAGE),
        "asked": address_of(question),
        "curves": curve_rows(report),
        "months": month_rows(report),
    }
