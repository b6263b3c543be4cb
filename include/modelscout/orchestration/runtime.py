"""What a task needs to begin: settings, an engine, the time, the keys of its organizations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from modelscout.core.clock import now
from modelscout.core.secrets import CredentialSource
from modelscout.core.settings import Settings
from modelscout.orchestration.credentials import KeyReference, resolve_all
from modelscout.warehouse.engine import open_engine, run_sql


@dataclass(frozen=True, slots=True)
class Runtime:
    """One task's surroundings."""

    settings: Settings
    engine: Engine
    now: datetime

    def credentials(
        self, organization_ids: Sequence[str] | None = None, provider: str | None = None
    ) -> CredentialSource:
        """Keys of these organizations, or of all, by reference; only those that they may use."""
        with self.engine.connect() as connection:
            rows = run_sql(
                connection,
                "queries/discovery_targets",
                {
                    "organization_ids": None if organization_ids is None else list(organization_ids),
                    "provider": provider,
                },
            )
        return resolve_all(KeyReference(r["secret_reference"], r["provider"], r["region"]) for r in rows)


@contextmanager
def task_runtime() -> Iterator[Runtime]:
    """Surroundings for the duration of one task."""
    settings = Settings.from_environment()
    engine = open_engine(settings.database_url)
    try:
        yield Runtime(settings, engine, now())
    finally:
        engine.dispose()
