"""All pages."""

from __future__ import annotations

from modelscout.web.views import (
    analytics,
    benchmarks,
    calculator,
    compare,
    features,
    models,
    overview,
    recommendations,
)
from modelscout.web.views.common import page_router

router = page_router()
for part in (overview, recommendations, features, models, compare, calculator, analytics, benchmarks):
    router.include_router(part.router)
