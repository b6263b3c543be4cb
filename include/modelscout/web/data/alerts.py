"""What a person must know now."""

from __future__ import annotations

from modelscout.warehouse.engine import Row
from modelscout.web import cursors
from modelscout.web.access import Access, Organization
from modelscout.web.cursors import AlertKey
from modelscout.web.data.lists import collection, run_scoped
from modelscout.web.schemas.alerts import Alert
from modelscout.web.schemas.common import Collection


def open_alerts(
    access: Access, chosen: Organization | None, *, after: AlertKey | None, limit: int
) -> Collection[Alert]:
    """Open alerts, the most severe first."""
    place = cursors.parameters(AlertKey, after)
    with access.reading.connect() as connection:
        rows = run_scoped(connection, access, chosen, "web_alerts", max_rows=limit + 1, **place)
    return collection(rows, limit, Alert.from_row, _key)


def _key(row: Row) -> AlertKey:
    return AlertKey(severity_rank=row["severity_rank"], organization=row["organization"], id=row["id"])
