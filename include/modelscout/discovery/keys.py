"""What each organization's keys can really use: one listing per key, one bad key disturbs nothing else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from modelscout.catalog.loader import Catalog, load_catalog
from modelscout.core.errors import (
    AuthenticationFailed,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
)
from modelscout.core.secrets import CredentialSource, is_simulated
from modelscout.providers.policy import call_with_retries
from modelscout.providers.protocol import ListedModel
from modelscout.providers.registry import open_adapter
from modelscout.warehouse.engine import run_sql

log = logging.getLogger(__name__)
LIST_DEADLINE_S = 60.0
FINE_TUNE_PREFIX = "ft:"
"""Begins the id of a model that OpenAI made for one customer (ft:base:organization:suffix:id)."""
ORGANIZATIONS_PER_SHARD = 25
"""A task costs about a second whatever it does; so many organizations are worth one of their own."""
HEALTH_OF_ERROR: dict[type[ProviderError], str] = {
    AuthenticationFailed: "refused",
    QuotaExhausted: "out_of_quota",
    PermissionDenied: "no_permission",
}


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """One key to ask, by reference."""

    organization_id: str
    organization: str
    provider: str
    secret_reference: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What one key answered. `health`: valid, refused, out_of_quota, no_permission, not_configured,
    unreachable."""

    target: KeyTarget
    health: str
    reason: str | None
    models: tuple[ListedModel, ...] = ()
    simulated: bool = False


def plan_shards(engine: Engine, *, shards: int) -> list[list[str]]:
    """Organizations with an enabled key, dealt out to at most `shards` lists of ids, none of them tiny."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/discovery_targets", {"organization_ids": None})
    ids = sorted({row["organization_id"] for row in rows})
    count = min(shards, -(-len(ids) // ORGANIZATIONS_PER_SHARD))
    return [ids[i::count] for i in range(count)]


async def discover_shard(
    engine: Engine,
    organization_ids: Sequence[str],
    credentials: CredentialSource,
    *,
    concurrency: int,
    now: datetime,
    provider: str | None = None,
) -> dict[str, int]:
    """Ask every key of these organizations, or only those of `provider`, and write what it said.

    Returns counts by health.
    """
    targets = await asyncio.to_thread(_targets, engine, organization_ids, provider)
    slots = asyncio.Semaphore(concurrency)
    catalog = load_catalog()
    counts: dict[str, int] = {}

    async def one(target: KeyTarget) -> None:
        async with slots:
            report = await ask_key(target, credentials)
            await asyncio.to_thread(write_report, engine, report, catalog, now=now)
        counts[report.health] = counts.get(report.health, 0) + 1
        log.info(
            "%s %s: %s, %d models", target.organization, target.provider, report.health, len(report.models)
        )

    async with asyncio.TaskGroup() as group:
        for target in targets:
            group.create_task(one(target))
    return counts


async def ask_key(target: KeyTarget, credentials: CredentialSource) -> KeyReport:
    """List one key's models. Never raises ProviderError: a failure is the key's health."""
    credential = await asyncio.to_thread(credentials, target.secret_reference)
    if credential is None:
        return KeyReport(target, "not_configured", f"connection {target.secret_reference} has no key")
    try:
        async with open_adapter(credential) as adapter:
            models = await call_with_retries(adapter.list_models, deadline_s=LIST_DEADLINE_S)
    except ProviderError as error:
        return KeyReport(target, HEALTH_OF_ERROR.get(type(error), "unreachable"), str(error))
    return KeyReport(target, "valid", None, tuple(models), simulated=is_simulated(credential))


def write_report(engine: Engine, report: KeyReport, catalog: Catalog, *, now: datetime) -> None:
    """One transaction per key: models, availability, what is missing, events, health. Idempotent."""
    target = report.target
    base: dict[str, Any] = {
        "organization_id": target.organization_id,
        "provider": target.provider,
        "now": now,
        "simulated": report.simulated,
    }
    with engine.begin() as connection:
        run_sql(
            connection,
            "queries/discovery_key_health",
            base | {"health": report.health, "reason": report.reason},
        )
        _tell_of_key(connection, report, now)
        if report.health != "valid":
            return
        payload = base | {"rows": json.dumps(_model_rows(report, catalog))}
        run_sql(connection, "queries/discovery_merge_models", payload)
        run_sql(connection, "queries/discovery_merge_availability", payload)
        run_sql(connection, "queries/discovery_mark_missing", base)
        run_sql(connection, "queries/discovery_record_events", base)


def _tell_of_key(connection: Connection, report: KeyReport, now: datetime) -> None:
    """An open alert while a key cannot be used for a reason that a person must mend."""
    target = report.target
    natural_key = f"key:{target.organization_id}:{target.provider}"
    if report.health not in HEALTH_OF_ERROR.values():
        resolve = "UPDATE alerts SET resolved_at = :now WHERE natural_key = :key AND resolved_at IS NULL"
        if report.health == "valid":
            connection.execute(text(resolve), {"now": now, "key": natural_key})
        return
    alert = {
        "organization_id": target.organization_id,
        "kind": "key",
        "severity": "warning",
        "natural_key": natural_key,
        "message": f"The {target.provider} key is {report.health.replace('_', ' ')}: {report.reason}",
        "details": json.dumps({"provider": target.provider, "secret_reference": target.secret_reference}),
        "now": now,
        "simulated": target.simulated,
    }
    run_sql(connection, "queries/alert_raise", alert)


def key_health(engine: Engine) -> dict[str, int]:
    """Number of enabled keys by health."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT health, count(*) FROM organization_provider_keys WHERE enabled GROUP BY health ORDER BY 1"
            )
        )
        return {str(health): int(count) for health, count in rows}


def _targets(engine: Engine, organization_ids: Sequence[str], provider: str | None) -> list[KeyTarget]:
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/discovery_targets", {"organization_ids": list(organization_ids)})
    return [KeyTarget(**row) for row in rows if provider is None or row["provider"] == provider]


def _model_rows(report: KeyReport, catalog: Catalog) -> list[dict[str, Any]]:
    """One row per model; a model listed under its own id and under dated ones says itself how it is."""
    named = [(_model_row(report.target.provider, model, catalog), model.model_id) for model in report.models]
    # One order for all writers of ai_models, so that two shards never wait for each other in a ring. Of several
    # ids of one model the last one stays: its own.
    named.sort(
        key=lambda pair: (pair[0]["provider_model_id"], pair[1] == pair[0]["provider_model_id"], pair[1])
    )
    return list({row["provider_model_id"]: row for row, _ in named}.values())


def _model_row(provider: str, model: ListedModel, catalog: Catalog) -> dict[str, Any]:
    known = catalog.resolve(provider, model.model_id)
    return {
        "provider": provider,
        "provider_model_id": known.model_id if known else model.model_id,
        "display_name": model.display_name,
        "context_window_tokens": model.context_window_tokens,
        "max_output_tokens": model.max_output_tokens,
        "deprecated_on": model.deprecated_at.isoformat() if model.deprecated_at else None,
        "retires_on": model.retires_at.isoformat() if model.retires_at else None,
        "lifecycle": model.lifecycle,
        "is_private": model.model_id.startswith(FINE_TUNE_PREFIX),
        "states_lifecycle": model.lifecycle is not None or model.retires_at is not None,
    }
