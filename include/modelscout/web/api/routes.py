"""All routes of the JSON API, and their OpenAPI document."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from modelscout.web.api import (
    alerts,
    analytics,
    benchmarks,
    calculator,
    comparison,
    features,
    models,
    overview,
    prompt_tests,
    recommendations,
)
from modelscout.web.api.common import PREFIX, RESPONSES

router = APIRouter(prefix=PREFIX, responses=RESPONSES)
for part in (
    overview,
    recommendations,
    features,
    prompt_tests,
    models,
    comparison,
    calculator,
    analytics,
    benchmarks,
    alerts,
):
    router.include_router(part.router)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """This API as an OpenAPI document, with the address that it is mounted at."""
    server = request.scope.get("root_path") or "/"
    return {**request.app.openapi(), "servers": [{"url": server}]}
