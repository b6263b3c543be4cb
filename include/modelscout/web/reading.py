"""Reads the warehouse for one request: one read-only transaction that sees only the caller's organizations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import UUID

from fastapi import Request
from sqlalchemy import Connection, Engine

from modelscout.core.clock import now
from modelscout.warehouse.engine import Row, run_sql
from modelscout.web import cursors
from modelscout.web.cursors import AlertKey, ModelKey, RecommendationKey
from modelscout.web.ports import Caller, visible_organizations
from modelscout.web.schemas import Alert, Collection, Model, Recommendation

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one caller may read. Every query gets the organizations, so that the database applies the scope."""

    connection: Connection
    organization_ids: list[str] | None

    @property
    def sees_nothing(self) -> bool:
        """Whether the caller belongs to no organization at all."""
        return self.organization_ids == []

    def recommendations(self, *, after: RecommendationKey | None, limit: int) -> Collection[Recommendation]:
        """Current recommendations by organization and feature."""
        rows = self._run(
            "web_recommendations", max_rows=limit + 1, **cursors.parameters(RecommendationKey, after)
        )
        return _collection(rows, limit, Recommendation.from_row, _recommendation_key)

    def recommendation(self, recommendation_id: UUID) -> Recommendation | None:
        """One recommendation; None where there is none, or it is another organization's."""
        rows = self._run("web_recommendation", id=recommendation_id)
        return Recommendation.from_row(rows[0]) if rows else None

    def alerts(self, *, after: AlertKey | None, limit: int) -> Collection[Alert]:
        """Open alerts, the most severe first."""
        rows = self._run("web_alerts", max_rows=limit + 1, **cursors.parameters(AlertKey, after))
        return _collection(rows, limit, Alert.from_row, _alert_key)

    def models(self, *, after: ModelKey | None, limit: int) -> Collection[Model]:
        """The catalog by provider and model."""
        rows = self._run("web_models", now=now(), max_rows=limit + 1, **cursors.parameters(ModelKey, after))
        return _collection(rows, limit, Model.from_row, _model_key)

    def _run(self, name: str, **parameters: Any) -> list[Row]:
        return run_sql(
            self.connection, f"queries/{name}", {"organization_ids": self.organization_ids, **parameters}
        )


def caller_of(request: Request) -> Caller:
    """The caller that the app's one dependency authenticated."""
    return cast("Caller", request.state.modelscout_caller)


@contextmanager
def reading(request: Request) -> Iterator[Reading]:
    """What the caller of this request may read, while the block lasts."""
    engine: Engine = request.app.state.engine
    with engine.connect() as connection:
        yield Reading(connection, visible_organizations(connection, caller_of(request)))


def _collection(
    rows: Sequence[Row],
    limit: int,
    show: Callable[[Row], ItemT],
    key: Callable[[Row], cursors.Key],
) -> Collection[ItemT]:
    """One row more than asked for tells whether more follow."""
    more = cursors.encode(key(rows[limit - 1])) if len(rows) > limit else None
    return Collection(items=[show(row) for row in rows[:limit]], next=more)


def _recommendation_key(row: Row) -> RecommendationKey:
    return RecommendationKey(organization=row["organization"], feature_id=row["feature_id"])


def _alert_key(row: Row) -> AlertKey:
    return AlertKey(severity_rank=row["severity_rank"], organization=row["organization"], id=row["id"])


def _model_key(row: Row) -> ModelKey:
    return ModelKey(provider=row["provider"], provider_model_id=row["provider_model_id"])
