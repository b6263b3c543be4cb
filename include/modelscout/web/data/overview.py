"""Everything at a glance: a few totals, each of one query, and the first of each list."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from modelscout.analytics.exposure import ExposureReport, exposure_report
from modelscout.analytics.spend import spend_report, top_spenders
from modelscout.analytics.stages import stages
from modelscout.core.clock import now
from modelscout.recommender import track_record as record
from modelscout.recommender.standing import standing
from modelscout.web.access import Access, Organization
from modelscout.web.data.alerts import open_alerts
from modelscout.web.data.recommendations import recommendations
from modelscout.web.schemas.overview import (
    Change,
    Exposure,
    Overview,
    RecordShown,
    Spender,
    SpendOverview,
    StageShown,
    StandingShown,
    TrackRecord,
)

ALERTS = 5
RECOMMENDATIONS = 6
RETIRING = 6
SPENDERS = 8
CHANGES = 50
ORGANIZATIONS = 100
KEPT_S = 60.0


_exposures: WeakKeyDictionary[Any, tuple[float, ExposureReport]] = WeakKeyDictionary()
"""Of all organizations together, by the pool of connections to their warehouse: only administrators see it."""


def _exposure(access: Access, ids: list[str] | None, at: datetime) -> ExposureReport:
    """Of all organizations it reads much and changes little: it is kept for a minute."""
    if ids is not None:
        return exposure_report(access.reading, organization_ids=ids, now=at)
    pool = access.reading.pool
    kept = _exposures.get(pool)
    if kept is None or time.monotonic() - kept[0] > KEPT_S or kept[1].day != at.date():
        kept = (time.monotonic(), exposure_report(access.reading, organization_ids=None, now=at))
        _exposures[pool] = kept
    return kept[1]


def overview(access: Access, chosen: Organization | None) -> Overview:
    """Of the chosen organization, else of all that the caller sees."""
    at, ids, engine = now(), access.ids_of(chosen), access.reading
    is_one = chosen is not None or len(access.organizations) == 1
    spend = spend_report(engine, organization_ids=ids, now=at)
    stands = standing(engine, organization_ids=ids, now=at)
    spenders = [] if is_one else top_spenders(engine, organization_ids=ids, now=at, limit=SPENDERS)
    return Overview(
        spend=SpendOverview.of(spend),
        top_organizations=[Spender.of(found) for found in spenders],
        standing=StandingShown.of(stands),
        retiring=Exposure.of(_exposure(access, ids, at), RETIRING),
        stages=[StageShown.of(stage) for stage in stages(engine, organization_ids=ids, now=at)],
        alerts=open_alerts(access, chosen, after=None, limit=ALERTS).items,
        recommendations=recommendations(access, chosen, after=None, limit=RECOMMENDATIONS).items,
        simulated=spend.simulated or stands.simulated,
    )


def track_record(access: Access, chosen: Organization | None) -> TrackRecord:
    """What came of the advice to the chosen organization, else to all that the caller sees."""
    found = record.track_record(access.reading, organization=chosen.id if chosen else None)
    changes = record.adopted_changes(access.reading, organization_ids=access.ids_of(chosen), limit=CHANGES)
    most = sorted(found.organizations, key=lambda r: (-r.adopted, -r.advised))[:ORGANIZATIONS]
    return TrackRecord(
        total=RecordShown.of(found.total),
        organizations=[RecordShown.of(r) for r in most],
        changes=[Change.of(change) for change in changes],
    )
