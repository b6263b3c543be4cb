"""Everything at a glance: a few totals, each of one query, and the first of each list."""

from __future__ import annotations

from modelscout.analytics.exposure import exposure_report
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
        retiring=Exposure.of(exposure_report(engine, organization_ids=ids, now=at), RETIRING),
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
