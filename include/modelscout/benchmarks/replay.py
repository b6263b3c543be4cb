"""Replay of an organization's own work: which models answer which samples."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from modelscout.benchmarks.candidates import ModelFacts, ReplayNeed, choose_candidates, usage_of
from modelscout.benchmarks.estimate import typical_input_tokens
from modelscout.benchmarks.execution import Call
from modelscout.benchmarks.plan import MINIMUM_SAMPLES, is_asked_for
from modelscout.benchmarks.stored_runs import StoredRun
from modelscout.benchmarks.work import (
    RESULTS_HOLD_FOR,
    KeyedModel,
    Sample,
    load_models,
    load_redactor,
    load_samples,
)
from modelscout.core.settings import Settings
from modelscout.warehouse.engine import Row, run_sql

log = logging.getLogger(__name__)


def replay_suite(organization_id: str, feature_id: str) -> str:
    """As stored in `ai_benchmark_results.suite`: item keys are unique in one organization's feature only."""
    return f"replay/{organization_id}/{feature_id}"


def plan_replay(
    engine: Engine, run: StoredRun, organizations: Sequence[str], settings: Settings, *, now: datetime
) -> list[Call]:
    """Calls of these organizations' replays, without what was answered recently.

    The choice of models is made once per run, from the suite results as they stand then, and stored.
    """
    models = load_models(engine, organizations=organizations, now=now)
    redact = load_redactor(settings.redaction)
    choices = dict(run.choices)
    calls: list[Call] = []
    for row in _features(engine, run, organizations, now):
        organization_id, feature_id = row["organization_id"], row["feature_id"]
        samples = load_samples(
            engine,
            organization_id=organization_id,
            feature_id=feature_id,
            items=settings.replay_items,
            now=now,
            redact=redact,
        )
        keyed = models.get(organization_id, [])
        name = f"{organization_id}/{feature_id}"
        if name not in choices:
            choices[name] = _choose(row, keyed, samples, run, settings, now=now)
        chosen = [model for model in keyed if model.facts.model_id in choices[name]]
        done = set() if run.force else _replayed(engine, organization_id, feature_id, now)
        calls += _calls(chosen, samples, replay_suite(organization_id, feature_id), done, run.trials)
    _store(engine, run.run_id, {name: choice for name, choice in choices.items() if name not in run.choices})
    return calls


def _calls(
    models: Sequence[KeyedModel],
    samples: Sequence[Sample],
    suite: str,
    done: set[tuple[str, str]],
    trials: int,
) -> list[Call]:
    return [
        Call(model, sample.case, "replay", suite, trial=trial)
        for model in models
        for sample in samples
        for trial in range(1, trials + 1)
        if (model.facts.model_id, sample.case.case_key) not in done
    ]


def _choose(
    row: Row,
    keyed: Sequence[KeyedModel],
    samples: Sequence[Sample],
    run: StoredRun,
    settings: Settings,
    *,
    now: datetime,
) -> list[str]:
    incumbent = _incumbent(row, keyed)
    need = ReplayNeed(
        feature_id=row["feature_id"],
        required=frozenset(row["required_capabilities"]),
        usages=tuple(
            usage_of(
                sample.usage,
                estimated_input_tokens=typical_input_tokens(sample.case.prompt, sample.case.image),
                has_image=sample.case.image is not None,
            )
            for sample in samples
        ),
        incumbent=incumbent,
    )
    asked = [model.facts for model in keyed if is_asked_for(model, run.models)]
    candidates = choose_candidates(
        need,
        asked,
        now=now,
        horizon_days=settings.retirement_horizon_days,
        limit=settings.replay_candidates if run.models is None else len(asked),
        any_accuracy=run.models is not None,
    )
    log.info("%s of %s: candidates %s", row["feature_id"], row["organization_id"], candidates)
    reachable = incumbent is not None and incumbent.answers(now.date())
    first = [incumbent.model_id] if incumbent is not None and reachable else []
    return first + [candidate.model_id for candidate in candidates]


def _incumbent(row: Row, keyed: Sequence[KeyedModel]) -> ModelFacts | None:
    if row["incumbent_id"] is None:
        return None
    own = next((model.facts for model in keyed if model.facts.model_id == row["incumbent_id"]), None)
    if own is not None:
        return own
    score = row["incumbent_high_accuracy"]
    return ModelFacts(
        model_id=row["incumbent_id"],
        provider=row["incumbent_provider"],
        name=row["incumbent_model"],
        status="unavailable",
        retires_on=row["incumbent_retires_on"],
        successor=row["incumbent_successor"],
        high_accuracy=None if score is None else float(score),
    )


def _features(engine: Engine, run: StoredRun, organizations: Sequence[str], now: datetime) -> list[Row]:
    parameters = {
        "organizations": list(organizations),
        "features": run.features,
        "now": now,
        "minimum": MINIMUM_SAMPLES,
    }
    with engine.connect() as connection:
        return run_sql(connection, "queries/benchmark_replay_features", parameters)


def _replayed(engine: Engine, organization_id: str, feature_id: str, now: datetime) -> set[tuple[str, str]]:
    parameters = {"organization_id": organization_id, "since": now - RESULTS_HOLD_FOR}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_replayed", parameters)
    return {(row["model_id"], row["case_key"]) for row in rows if row["feature_id"] == feature_id}


def _store(engine: Engine, run_id: str, choices: dict[str, list[str]]) -> None:
    if choices:
        parameters = {"run_id": run_id, "choices": json.dumps(choices)}
        with engine.begin() as connection:
            run_sql(connection, "queries/benchmark_choices", parameters)
