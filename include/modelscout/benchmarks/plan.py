"""Decides what one benchmark run does, and stores it, so that every task of the run sees the same plan."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Engine

from modelscout.benchmarks.stored_runs import BenchmarkPlan, StoredRun, load_run, run_id_of, store_run
from modelscout.benchmarks.suites import load_suites
from modelscout.benchmarks.work import (
    KeyedModel,
    SettledCase,
    load_features,
    load_models,
    load_settled,
    load_waiting_sizes,
)
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings
from modelscout.core.types import Capability
from modelscout.warehouse.engine import run_sql

MINIMUM_SAMPLES = 30
"""With fewer a replay cannot prove anything: the money is better kept."""
MEASURES = ("speed", "cost")
"""Suites that measure no feature."""
ABOUT = ("all", "accuracy", *MEASURES)
REPLAYED_MODELS = 3
"""Incumbent and two candidates: only for dividing the work."""


def create_run(
    engine: Engine,
    settings: Settings,
    *,
    run_key: str,
    now: datetime,
    kind: str = "nightly",
    organizations: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    about: str = "all",
    suites: bool = True,
    replay: bool = True,
    trials: int = 1,
    spend_limit_usd: Decimal | None = None,
    seed: int | None = None,
) -> BenchmarkPlan:
    """Plan a run and store it; the same `run_key` finds the run that is already there.

    Args:
        run_key: names the run, such as the id of the DAG run.
        kind: `nightly` or `manual`, as stored.
        organizations: ids or slugs; None means all.
        models: ids or `provider/model`, measured also where fresh results exist; None means what is due.
        features: ids; None means all. Given, the suites of speed and cost stay out unless `about` names them.
        about: `accuracy`, `speed` or `cost` measures that alone; `all` measures everything.
        suites: run the platform's own suites.
        replay: replay the organizations' own samples.
        trials: how often each case is asked.
        spend_limit_usd: of the whole run; None takes the setting's.
        seed: of the order of calls; None derives it from the run.

    Raises ConfigurationError for an unknown `kind` or `about`, a negative limit or less than one trial.
    """
    run_id = run_id_of(run_key)
    planned = plan_run(
        engine,
        settings,
        run_id=run_id,
        now=now,
        kind=kind,
        organizations=organizations,
        models=models,
        features=features,
        about=about,
        suites=suites,
        replay=replay,
        trials=trials,
        spend_limit_usd=spend_limit_usd,
        seed=seed,
    )
    asked = {
        "models": planned.models,
        "features": planned.features,
        "about": about,
        "suites": suites,
        "replay": planned.replay,
        "trials": trials,
    }
    store_run(engine, planned, asked, organizations, run_key)
    stored = load_run(engine, str(run_id))
    return BenchmarkPlan(stored.run_id, stored.shards)


def plan_run(
    engine: Engine,
    settings: Settings,
    *,
    run_id: uuid.UUID,
    now: datetime,
    kind: str,
    organizations: Sequence[str] | None,
    models: Sequence[str] | None,
    features: Sequence[str] | None,
    about: str,
    suites: bool,
    replay: bool,
    trials: int,
    spend_limit_usd: Decimal | None,
    seed: int | None = None,
) -> StoredRun:
    """What `create_run` would store, and nothing written. Arguments and errors are those of `create_run`."""
    limit = settings.spend_limit_usd if spend_limit_usd is None else spend_limit_usd
    _check(kind, about, limit, trials)
    force = models is not None
    keyed = load_models(engine, organizations=organizations, now=now)
    needed = _needed(engine, features, about)
    suite_work = _suite_work(engine, keyed, needed, models, now=now, force=force) if suites else {}
    replay = replay and about in ("all", "accuracy")
    samples = _replay_sizes(engine, organizations, features, now=now, settings=settings) if replay else {}
    for organization, answers in load_waiting_sizes(engine, organizations, now=now).items():
        # Their judge has work also where nothing else is due.
        samples[organization] = samples.get(organization, 0) + answers
    return StoredRun(
        run_id=str(run_id),
        seed=run_id.int % 2**31 if seed is None else seed,
        status="running",
        started_at=now,
        spend_limit_usd=limit,
        shards=_divide(suite_work, samples, shards=settings.shards),
        replay=replay,
        trials=trials,
        about=about,
        force=force,
        models=None if models is None else list(models),
        features=None if features is None else list(features),
        suite_work=suite_work,
        choices={},
        kind=kind,
    )


def _check(kind: str, about: str, limit: Decimal, trials: int) -> None:
    if kind not in ("nightly", "manual"):
        raise ConfigurationError(f"kind={kind!r} is unknown: use nightly or manual")
    if about not in ABOUT:
        raise ConfigurationError(f"about={about!r} is unknown: use one of {', '.join(ABOUT)}")
    if limit < 0:
        raise ConfigurationError(f"spend_limit_usd={limit} is negative: give an amount of at least 0")
    if trials < 1:
        raise ConfigurationError(f"trials={trials} must be at least 1")


def is_asked_for(model: KeyedModel, models: Sequence[str] | None) -> bool:
    """Whether a filter names this model, by id or as `provider/model`."""
    facts = model.facts
    return models is None or facts.model_id in models or f"{facts.provider}/{facts.name}" in models


def _suite_work(
    engine: Engine,
    keyed: dict[str, list[KeyedModel]],
    needed: dict[str, frozenset[str]],
    models: Sequence[str] | None,
    *,
    now: datetime,
    force: bool,
) -> dict[str, dict[str, list[str]]]:
    """Who pays for which model's suites. Each model once: the platform's key, else those that may in turn."""
    settled = {} if force else load_settled(engine, now=now)
    owners: dict[str, list[KeyedModel]] = {}
    for organization in keyed.values():
        for model in organization:
            if _may_be_measured(model, now) and is_asked_for(model, models):
                owners.setdefault(model.facts.model_id, []).append(model)
    work: dict[str, dict[str, list[str]]] = {}
    for model_id in sorted(owners):
        verified = owners[model_id][0].facts.verified
        due = [
            suite.feature_id
            for suite in load_suites()
            if suite.feature_id in needed
            and needed[suite.feature_id] <= verified
            and any(
                SettledCase(model_id, suite.name, case.case_key) not in settled
                for case in suite.cases_for(verified)
            )
        ]
        if due:
            owner = min(
                owners[model_id],
                key=lambda m: (not m.is_platform, len(work.get(m.organization_id, ())), m.organization),
            )
            work.setdefault(owner.organization_id, {})[model_id] = due
    return work


def _needed(engine: Engine, features: Sequence[str] | None, about: str) -> dict[str, frozenset[str]]:
    """What a model must be verified to do before a suite is run, by suite."""
    needed = load_features(engine, features) if about in ("all", "accuracy") else {}
    measures = [about] if about in MEASURES else list(MEASURES) if about == "all" and features is None else []
    return needed | {name: frozenset({Capability.TEXT_GENERATION.value}) for name in measures}


def _may_be_measured(model: KeyedModel, now: datetime) -> bool:
    return model.allows_platform_probes and model.facts.enabled and model.facts.answers(now.date())


def _replay_sizes(
    engine: Engine,
    organizations: Sequence[str] | None,
    features: Sequence[str] | None,
    *,
    now: datetime,
    settings: Settings,
) -> dict[str, int]:
    """Items to replay by organization."""
    parameters = {
        "organizations": None if organizations is None else list(organizations),
        "features": None if features is None else list(features),
        "now": now,
        "minimum": MINIMUM_SAMPLES,
    }
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_replay_features", parameters)
    sizes: dict[str, int] = {}
    for row in rows:
        items = min(row["samples"], settings.replay_items)
        sizes[row["organization_id"]] = sizes.get(row["organization_id"], 0) + items
    return sizes


def _divide(
    suite_work: dict[str, dict[str, list[str]]], samples: dict[str, int], *, shards: int
) -> list[list[str]]:
    """Organizations with work in at most `shards` lists of about the same number of calls."""
    cases = {suite.feature_id: len(suite.cases) for suite in load_suites()}
    calls = {organization: items * REPLAYED_MODELS for organization, items in samples.items()}
    for organization, models in suite_work.items():
        own = sum(cases[feature] for features in models.values() for feature in features)
        calls[organization] = calls.get(organization, 0) + own
    divided: list[list[str]] = [[] for _ in range(min(shards, len(calls)))]
    loads = [0] * len(divided)
    for organization in sorted(calls, key=lambda name: (-calls[name], name)):
        lightest = loads.index(min(loads))
        divided[lightest].append(organization)
        loads[lightest] += calls[organization]
    return divided
