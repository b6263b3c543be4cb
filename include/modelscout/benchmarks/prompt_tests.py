"""One prompt or photo of a person, asked of a few models: to look at, never evidence.

The page stores the test, a one-case run of `benchmark_models` asks. What is asked and answered is an organization's
data, lives under row-level security and expires with the test.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.estimate import worst_case_usd
from modelscout.benchmarks.execution import AdapterOpener, Call, Executor, build_request, open_keys
from modelscout.benchmarks.progress import watched
from modelscout.benchmarks.rows import failure_columns
from modelscout.benchmarks.spend import open_ledgers
from modelscout.benchmarks.stored_runs import BenchmarkPlan, StoredRun, store_prompt_test_run
from modelscout.benchmarks.work import KeyedModel, load_models, load_redactor
from modelscout.core.errors import ConfigurationError
from modelscout.core.secrets import CredentialSource
from modelscout.core.settings import Settings
from modelscout.core.stored import storable
from modelscout.warehouse.engine import Row, run_sql

SUITE = "prompt_test"


@dataclass(frozen=True, slots=True)
class PromptCost:
    """The most that one model's answer can cost; None where it has no known price."""

    model_id: str
    model: str
    worst_usd: Decimal | None
    can_answer: bool
    """Whether the organization's key reaches it and its settings leave it on."""


def prompt_costs(
    engine: Engine, organization_id: str, model_ids: Sequence[str], case: Case, *, now: datetime
) -> list[PromptCost]:
    """What asking these models comes to at most, in their order; a model that the organization lacks is left out."""
    models = _models(engine, organization_id, model_ids, now)
    return [
        PromptCost(
            model_id=m.facts.model_id,
            model=f"{m.facts.provider}/{m.facts.name}",
            worst_usd=_worst(m, case, now),
            can_answer=_can_answer(m, now),
        )
        for m in models
    ]


def room_today(engine: Engine, organization_id: str, *, now: datetime) -> Decimal | None:
    """What the organization's own limit of a day leaves for benchmarks; None where it has no limit."""
    parameters = {
        "organization_id": organization_id,
        "day": now.replace(hour=0, minute=0, second=0, microsecond=0),
    }
    with engine.connect() as connection:
        row = run_sql(connection, "queries/benchmark_room_today", parameters)[0]
    limit: Decimal | None = row["limit_usd"]
    return None if limit is None else max(Decimal(0), limit - row["spent_usd"])


def create_prompt_test_run(engine: Engine, test_id: str, *, run_key: str, now: datetime) -> BenchmarkPlan:
    """The run that asks a stored test; the same run however often it is called.

    Raises ConfigurationError where there is no such test, or it has expired.
    """
    row = _test(engine, test_id, now)
    return store_prompt_test_run(
        engine,
        str(row["id"]),
        row["organization_id"],
        run_key=run_key,
        spend_limit_usd=row["spend_limit_usd"],
        now=now,
    )


async def run_prompt_test(
    engine: Engine,
    run: StoredRun,
    credentials: CredentialSource,
    settings: Settings,
    *,
    now: datetime,
    opener: AdapterOpener,
) -> Counter[str]:
    """Ask the models of one test that have not answered yet; each ends as one row of `ai_prompt_test_answers`."""
    row = await asyncio.to_thread(_test, engine, run.run_id, now)
    models = await asyncio.to_thread(_models, engine, row["organization_id"], row["model_ids"], now)
    case = _case(row, settings)
    writer = AnswerWriter(engine, run.run_id, row["organization_id"])
    answered = set(row["answered"])
    todo = [m for m in models if m.facts.model_id not in answered and _can_answer(m, now)]
    calls = [Call(m, case, SUITE, SUITE, m.streams) for m in todo]
    counts: Counter[str] = Counter(answered=0, failed=0, already_done=len(answered))
    limit, per_day = run.spend_limit_usd, settings.spend_limit_usd_per_day
    async with (
        open_ledgers(engine, run.run_id, limit, now=now, day_limit_usd=per_day) as ledger_of,
        open_keys(todo, credentials, opener, concurrency=len(calls)) as keys,
        watched(engine, run.run_id, SUITE, planned=len(row["model_ids"]), counts=counts) as stopped,
    ):
        executor = Executor(keys, ledger_of, writer, now, len(calls), counts)
        executor.stopped, executor.grading = stopped, _kept
        await executor.run(calls)
        if not stopped():
            no_key = {m.facts.model_id for m in todo if m.secret_reference not in keys}
            await writer.write_missing(row["model_ids"], {m.facts.model_id for m in todo}, no_key, now)
    return counts


class AnswerWriter:
    """Writes each answer the moment it is there, for somebody who waits."""

    def __init__(self, engine: Engine, test_id: str, organization_id: str) -> None:
        self._engine = engine
        self._keys = {"test_id": test_id, "organization_id": organization_id}

    async def write(self, row: Mapping[str, Any]) -> None:
        """Write one row; a model that has its answer keeps it."""
        await asyncio.to_thread(self._insert, [row])

    async def write_missing(
        self, wanted: Sequence[str], able: set[str], no_key: set[str], now: datetime
    ) -> None:
        """Say of each model that was not asked why."""
        rows = []
        for model_id in wanted:
            kind, message = "spend_limit_reached", "The spend limit left no room for this call."
            if model_id not in able:
                kind, message = "not_usable", "The organization's key does not reach this model any more."
            elif model_id in no_key:
                kind, message = "not_configured", "The organization's connection has no key."
            columns = failure_columns(kind, message)
            rows.append({"model_id": model_id, "finished_at": now.isoformat(), "simulated": False, **columns})
        await asyncio.to_thread(self._insert, rows)

    def _insert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        with self._engine.begin() as connection:
            run_sql(
                connection, "queries/prompt_test_record", {**self._keys, "rows": json.dumps(storable(rows))}
            )


def _kept(_case: Case, answer: str, **_: object) -> dict[str, Any]:
    return {"answer": answer}


def _test(engine: Engine, test_id: str, now: datetime) -> Row:
    with engine.connect() as connection:
        found = run_sql(connection, "queries/prompt_test_case", {"test_id": test_id, "now": now})
    if not found:
        raise ConfigurationError(
            f"prompt_test={test_id!r} is no stored test, or it has expired: start it from the feature's page"
        )
    return found[0]


def _case(row: Row, settings: Settings) -> Case:
    redact = load_redactor(settings.redaction)
    return Case(
        case_key=str(row["id"]),
        feature_id=row["feature_id"],
        prompt=row["prompt"] if redact is None else redact(row["prompt"]),
        image=None if row["image"] is None else bytes(row["image"]),
        image_media_type=row["image_media_type"],
        reference="",
        max_output_tokens=row["max_output_tokens"],
    )


def _models(
    engine: Engine, organization_id: str, model_ids: Sequence[str], now: datetime
) -> list[KeyedModel]:
    found = load_models(engine, organizations=[organization_id], now=now, scored=False)
    by_id = {m.facts.model_id: m for m in found.get(organization_id, ())}
    return [by_id[model_id] for model_id in model_ids if model_id in by_id]


def _can_answer(model: KeyedModel, now: datetime) -> bool:
    return model.facts.enabled and model.facts.answers(now.date())


def _worst(model: KeyedModel, case: Case, now: datetime) -> Decimal | None:
    request = build_request(Call(model, case, SUITE, SUITE))
    return worst_case_usd(model.facts.provider, request, model.facts.prices, now=now)
