"""Writes the demo into the warehouse. Twice in a row, or a day later, doubles nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from modelscout.demo.events import ERROR_TYPES, REQUESTS_OF_A_DAY, EventColumns, days, history, user_hashes
from modelscout.demo.profile import MODELS, Swap
from modelscout.demo.samples import EXPIRES_AFTER_DAYS, DemoSample, baseline, samples
from modelscout.demo.scenario import (
    ASSIGNMENTS,
    FEATURES,
    MARGIN,
    ORGANIZATIONS,
    DemoOrganization,
    assignments_of,
    demo_keys,
    organization,
    secret_reference,
)
from modelscout.demo.traffic import FEATURE_TRAFFIC, UNKNOWN, Counts
from modelscout.warehouse.engine import run_sql, run_sql_many, warehouse

Progress = Callable[[str], None]
COMPLEXITIES = ("low", "medium", "high")
STAGED_COLUMNS = (
    "feature_id", "request_id", "attempt", "occurred_ms", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "image_tokens", "image_count", "operations",
    "batch", "duration_ms", "time_to_first_token_ms", "error_type", "confidence_permyriad", "user_hash",
    "item_key", "complexity", "outcome", "judged_ms",
)  # fmt: skip
_NULL = "\\N"


@dataclass(frozen=True, slots=True)
class SeedCounts:
    """What stands in the warehouse of the demo after seeding, seeded now or before."""

    organizations: int
    settings: int
    events: int
    outcomes: int
    samples: int


def seed(
    url: str,
    *,
    now: datetime,
    data_folder: Path,
    swap: Swap | None = None,
    progress: Progress | None = None,
) -> SeedCounts:
    """Write organizations, settings, key references, events, outcomes and samples up to `now`.

    One transaction per organization, so that a killed seed leaves whole organizations. The keys themselves
    stay in `data_folder`. `progress` is called with a line per step.
    """
    say = progress or (lambda _line: None)
    demo_keys(data_folder)
    with warehouse(url) as engine:
        with engine.begin() as connection:
            _write_settings(connection, now)
        say(f"{len(ORGANIZATIONS)} organizations, {len(ASSIGNMENTS)} features in use")
        for org in ORGANIZATIONS:
            with engine.begin() as connection:
                count = _write_events(connection, org, now, swap)
            say(f"{org.name}: {count:,} usage events")
        with engine.begin() as connection:
            run_sql_many(
                connection, "queries/demo_insert_samples", [_sample_row(s, now, swap) for s in samples()]
            )
        say(f"{len(samples()):,} workload samples")
        return _counts(engine)


def _write_settings(connection: Connection, now: datetime) -> None:
    first, *_, last = days(now)
    # A retry or a batch may end after midnight.
    connection.execute(
        text("SELECT modelscout.ensure_usage_partitions(:first, :last)"),
        {"first": first, "last": last + timedelta(days=1)},
    )
    run_sql_many(
        connection,
        "queries/demo_insert_organizations",
        [{"id": str(o.id), "slug": o.slug, "name": o.name} for o in ORGANIZATIONS],
    )
    run_sql_many(connection, "queries/demo_insert_features", list(_feature_rows()))
    run_sql_many(connection, "queries/demo_insert_models", list(_model_rows()))
    run_sql_many(connection, "queries/demo_insert_settings", list(_setting_rows()))
    run_sql_many(connection, "queries/demo_insert_provider_keys", list(_key_rows()))


def _feature_rows() -> Iterator[dict[str, Any]]:
    for feature in FEATURES:
        yield {
            "id": feature.id,
            "name": feature.name,
            "required_capabilities": [str(c) for c in feature.required_capabilities],
            "objective": feature.objective,
            "default_margin": MARGIN,
            "use_case": str(feature.use_case),
        }


def _model_rows() -> Iterator[dict[str, Any]]:
    for key, model in MODELS.items():
        provider, _, model_id = key.partition("/")
        yield {"provider": provider, "model": model_id, "name": model.name}


def _setting_rows() -> Iterator[dict[str, Any]]:
    for assignment in ASSIGNMENTS:
        yield {
            "organization_id": str(organization(assignment.organization).id),
            "feature_id": assignment.feature,
            "margin": MARGIN,
            "provider": str(assignment.incumbent.provider),
            "model": assignment.incumbent.model,
        }


def _key_rows() -> Iterator[dict[str, Any]]:
    for org in ORGANIZATIONS:
        for grant in org.keys:
            yield {
                "organization_id": str(org.id),
                "provider": str(grant.provider),
                "secret_reference": secret_reference(org.slug, grant.provider),
            }


def _write_events(connection: Connection, org: DemoOrganization, now: datetime, swap: Swap | None) -> int:
    run_sql(connection, "queries/demo_stage_events")
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("the connection to the warehouse is closed")
    count = 0
    statement = f"COPY demo_events ({', '.join(STAGED_COLUMNS)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for events in history(org, now, swap):
            copy.write(_copy_text(org, events))
            count += len(events)
    parameters = {"organization_id": str(org.id), "features": json.dumps(_feature_facts(org))}
    connection.execute(text("ANALYZE demo_events"))
    run_sql(connection, "queries/demo_insert_events", parameters)
    run_sql(connection, "queries/demo_insert_outcomes", parameters)
    return count


def _copy_text(org: DemoOrganization, events: EventColumns) -> str:
    """Rows in COPY's text format, columns in the order of STAGED_COLUMNS."""
    features = [assignment.feature for assignment in assignments_of(org.slug)]
    users = user_hashes(org.slug)
    ready = {
        "feature_id": (features[i] for i in events.assignment.tolist()),
        "request_id": _request_ids(org.slug, events),
        "error_type": (ERROR_TYPES[i] or _NULL for i in events.error.tolist()),
        "user_hash": (users[i] for i in events.user.tolist()),
        "item_key": (_NULL if i == UNKNOWN else f"item-{i:06d}" for i in events.item.tolist()),
    }
    columns = [ready.get(name) or _numbers(getattr(events, name)) for name in STAGED_COLUMNS]
    return "".join(f"{line}\n" for line in map("\t".join, zip(*columns, strict=True)))


def _numbers(column: Counts) -> Iterator[str]:
    return (_NULL if value == UNKNOWN else str(value) for value in column.tolist())


def _request_ids(slug: str, events: EventColumns) -> Iterator[str]:
    for number in events.request.tolist():
        day, index = divmod(number, REQUESTS_OF_A_DAY)
        yield f"{slug}-{day}-{index:06d}"


def _feature_facts(org: DemoOrganization) -> list[dict[str, Any]]:
    facts = []
    for assignment in assignments_of(org.slug):
        shape = FEATURE_TRAFFIC[assignment.feature]
        busy = assignment.share * org.share
        volume = "heavy" if busy > 0.15 else "moderate" if busy > 0.02 else "light"
        common = {"volume": volume, "urgency": shape.urgency, "accuracy": shape.accuracy}
        facts.append(
            {
                "feature_id": assignment.feature,
                "provider": str(assignment.incumbent.provider),
                "model": assignment.incumbent.model,
                "outcome_kind": shape.outcome_kind,
                "workloads": [{"complexity": level, **common} for level in COMPLEXITIES],
            }
        )
    return facts


def _sample_row(sample: DemoSample, now: datetime, swap: Swap | None) -> dict[str, Any]:
    case, assignment = sample.case, sample.assignment
    before = baseline(sample, swap)
    sampled_at = sample.sampled_at(now)
    shape = FEATURE_TRAFFIC[assignment.feature]
    workload = {"complexity": "medium", "urgency": shape.urgency, "accuracy": shape.accuracy}
    return {
        "organization_id": str(organization(assignment.organization).id),
        "feature_id": assignment.feature,
        "item_key": case.case_key,
        "prompt": case.prompt,
        "image": case.image,
        "image_media_type": case.image_media_type,
        "json_schema": None if case.json_schema is None else json.dumps(case.json_schema),
        "reference": json.dumps(case.reference),
        "grader": case.grader,
        "max_output_tokens": case.max_output_tokens,
        "workload": json.dumps(workload),
        "provider": str(assignment.incumbent.provider),
        "model": assignment.incumbent.model,
        "baseline_score": before.score,
        "baseline_usage": json.dumps(before.usage),
        "sampled_at": sampled_at,
        "expires_at": now + timedelta(days=EXPIRES_AFTER_DAYS),
    }


def _counts(engine: Engine) -> SeedCounts:
    with engine.connect() as connection:
        row = run_sql(connection, "queries/demo_counts", {"ids": [str(o.id) for o in ORGANIZATIONS]})[0]
    return SeedCounts(**row)
