"""What each feature should use, as the caller's organizations see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from modelscout.core.clock import now
from modelscout.core.types import Verdict
from modelscout.warehouse.engine import Row, run_sql
from modelscout.web import cursors
from modelscout.web.access import Access, Organization
from modelscout.web.cursors import NightKey, RecommendationKey
from modelscout.web.data.lists import collection, run_scoped
from modelscout.web.schemas.common import Collection
from modelscout.web.schemas.recommendations import Night, Rating, Recommendation, Status

MOST_RATINGS = 50
MOST_FEATURES = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """Which recommendations; None is any. Without a night the current ones."""

    verdict: Verdict | None = None
    status: Status | None = None
    feature_id: str | None = None
    night: date | None = None


EVERYTHING = Filter()


def recommendations(
    access: Access,
    chosen: Organization | None,
    wanted: Filter = EVERYTHING,
    *,
    after: RecommendationKey | None,
    limit: int,
) -> Collection[Recommendation]:
    """What matters most first: migrations, switches, trials that wait, then what is decided, then the rest."""
    with access.reading.connect() as connection:
        keys = _keys(connection, access, chosen, wanted, after, limit)
        shown = _details(connection, access, [row["id"] for row in keys[:limit]])
    more = cursors.encode(_key(keys[limit - 1])) if len(keys) > limit else None
    return Collection(items=shown, next=more)


def _keys(
    connection: Connection,
    access: Access,
    chosen: Organization | None,
    wanted: Filter,
    after: RecommendationKey | None,
    limit: int,
) -> list[Row]:
    parameters = {
        "verdict": wanted.verdict,
        "status": wanted.status,
        "feature_id": wanted.feature_id,
        "max_rows": limit + 1,
        **cursors.parameters(RecommendationKey, after),
    }
    if wanted.night is None:
        return run_scoped(connection, access, chosen, "web_recommendation_keys", **parameters)
    return run_scoped(
        connection, access, chosen, "web_recommendation_night_keys", night=wanted.night, **parameters
    )


def recommendation(access: Access, recommendation_id: UUID) -> Recommendation | None:
    """One recommendation; None where there is none, or it is another organization's."""
    with access.reading.connect() as connection:
        found = _details(connection, access, [recommendation_id])
    return found[0] if found else None


def _details(connection: Connection, access: Access, ids: list[UUID]) -> list[Recommendation]:
    if not ids:
        return []
    rows = {row["id"]: row for row in run_scoped(connection, access, None, "web_recommendations", ids=ids)}
    at = now()
    return [Recommendation.from_row(rows[i], now=at) for i in ids if i in rows]


def history(
    access: Access, recommendation_id: UUID, *, after: NightKey | None, limit: int
) -> Collection[Night]:
    """Every night of the recommendation's feature, the latest first."""
    place = cursors.parameters(NightKey, after)
    with access.reading.connect() as connection:
        rows = run_scoped(
            connection,
            access,
            None,
            "web_recommendation_history",
            id=recommendation_id,
            max_rows=limit + 1,
            **place,
        )
    return collection(rows, limit, Night.model_validate, _night_key)


def ratings(access: Access, recommendation_id: UUID) -> list[Rating]:
    """What people think of it: the caller's own first, then the latest."""
    with access.reading.connect() as connection:
        rows = run_scoped(
            connection,
            access,
            None,
            "web_recommendation_ratings",
            id=recommendation_id,
            user_name=access.caller.user_name,
            max_rows=MOST_RATINGS,
        )
    return [Rating.model_validate(row) for row in rows]


def features(access: Access) -> list[Row]:
    """Ids and names of features to filter by."""
    with access.reading.connect() as connection:
        return run_sql(connection, "queries/web_recommended_features", {"max_rows": MOST_FEATURES})


def _key(row: Row) -> RecommendationKey:
    return RecommendationKey(importance=row["importance"], saving=row["saving"], id=row["id"])


def _night_key(row: Row) -> NightKey:
    return NightKey(decision_date=row["decision_date"])
