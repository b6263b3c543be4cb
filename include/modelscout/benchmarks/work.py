"""What the database knows before a run: models of organizations, prices, suite scores, samples."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Engine

from modelscout.benchmarks.candidates import ModelFacts, SuiteScore
from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.graders import is_judged
from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability, Processing, TokenUsage
from modelscout.costs.prices import PriceRow
from modelscout.warehouse.engine import Row, run_sql

RESULTS_HOLD_FOR = timedelta(days=30)
"""A result that is older is measured again."""


Redactor = Callable[[str], str]
"""Takes out of a prompt what must not leave the house, such as names and addresses."""
PriceBook = Mapping[tuple[str | None, str, str], tuple[PriceRow, ...]]
"""Prices by organization (None: everybody), provider and model."""


@dataclass(frozen=True, slots=True)
class KeyedModel:
    """One model behind one organization's key."""

    organization_id: str
    organization: str
    secret_reference: str
    simulated_organization: bool
    allows_platform_probes: bool
    facts: ModelFacts
    documented: frozenset[str] = frozenset()
    max_output_tokens: int | None = None
    is_platform: bool = False
    """Whether the key is the platform's own."""
    allows_batches: bool = False
    """Whether the organization lets what is not about speed wait for the vendor's batch price."""

    @property
    def streams(self) -> bool:
        """Whether a probe has seen it stream."""
        return Capability.STREAMING.value in self.facts.verified

    @property
    def reasons(self) -> bool:
        """Whether it may think before it answers, which takes output tokens."""
        return Capability.COMPLEX_REASONING.value in self.documented


class SettledCase(NamedTuple):
    """A case that needs no further call."""

    model_id: str
    suite: str
    case_key: str
    trial: int = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One item of an organization's work."""

    case: Case
    usage: TokenUsage
    """What the incumbent used for it."""


def load_models(
    engine: Engine, *, organizations: Sequence[str] | None, now: datetime, scored: bool = True
) -> dict[str, list[KeyedModel]]:
    """Models by organization id, with prices as of `now` and, where `scored`, the platform's own suite scores."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_models", {"organizations": _listed(organizations)})
    book = load_prices(engine, {row["organization_id"] for row in rows}, now=now)
    scores = suite_scores(load_settled(engine, now=now)) if scored else {}
    models: dict[str, list[KeyedModel]] = defaultdict(list)
    for row in rows:
        models[row["organization_id"]].append(_keyed_model(row, book, scores))
    return dict(models)


def load_prices(engine: Engine, organizations: Iterable[str], *, now: datetime) -> PriceBook:
    """Prices as of `now`, everybody's and those that these organizations negotiated."""
    parameters = {"organization_ids": sorted(set(organizations)), "now": now}
    with engine.connect() as connection:
        return _price_book(run_sql(connection, "queries/benchmark_prices", parameters))


def prices_of(book: PriceBook, organization_id: str, provider: str, name: str) -> tuple[PriceRow, ...]:
    """What one organization pays for a model. Negotiated prices stand alone: a later general one must not hide them."""
    own = book.get((organization_id, provider, name))
    return own or book.get((None, provider, name), ())


def load_settled(engine: Engine, *, now: datetime, except_run: str | None = None) -> dict[SettledCase, Row]:
    """Platform results that still hold, without those of one run."""
    parameters = {"since": now - RESULTS_HOLD_FOR, "except_run": except_run}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_platform_results", parameters)
    return {SettledCase(row["model_id"], row["suite"], row["case_key"]): row for row in rows}


def suite_scores(settled: Mapping[SettledCase, Row]) -> dict[str, dict[str, SuiteScore]]:
    """By model and feature; a refused request scores 0, the model cannot do that case.

    What waits for a judge, or was graded by one that did not pass its calibration, does not count.
    """
    totals: dict[str, dict[str, SuiteScore]] = defaultdict(dict)
    for case, row in settled.items():
        if not row["counts"]:
            continue
        known = totals[case.model_id].get(row["feature_id"], SuiteScore())
        score = SuiteScore(known.total + (row["score"] or 0.0), known.n + 1)
        totals[case.model_id][row["feature_id"]] = score
    return totals


def load_waiting_sizes(
    engine: Engine, organizations: Sequence[str] | None, *, now: datetime
) -> dict[str, int]:
    """Answers that wait for a judge, by the organization whose key judges them."""
    parameters = {"organizations": _listed(organizations), "now": now}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/judge_waiting_sizes", parameters)
    return {row["organization_id"]: row["answers"] for row in rows}


def load_features(engine: Engine, features: Sequence[str] | None) -> dict[str, frozenset[str]]:
    """Required capabilities by feature."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_features", {"features": _listed(features)})
    return {row["feature_id"]: frozenset(row["required_capabilities"]) for row in rows}


def load_samples(
    engine: Engine,
    *,
    organization_id: str,
    feature_id: str,
    items: int,
    now: datetime,
    redact: Redactor | None = None,
) -> list[Sample]:
    """Samples of one feature, at most `items`, that mirror all of them by week, size and outcome.

    `redact` changes what is sent of each prompt; what it leaves is what every model gets.
    """
    parameters = {"organization_id": organization_id, "feature_id": feature_id, "items": items, "now": now}
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_samples", parameters)
    return [Sample(_sample_case(row, feature_id, redact), _usage(row["baseline_usage"])) for row in rows]


def load_redactor(name: str | None) -> Redactor | None:
    """The function that `package.module:function` names. Raises ConfigurationError where there is none."""
    if name is None:
        return None
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"MODELSCOUT_REDACTION={name!r} cannot be loaded ({error}): write it as package.module:function"
        ) from error
    redactor: Redactor = found
    return redactor


def _sample_case(row: Row, feature_id: str, redact: Redactor | None) -> Case:
    return Case(
        case_key=row["item_key"],
        feature_id=feature_id,
        prompt=row["prompt"] if redact is None else redact(row["prompt"]),
        image=None if row["image"] is None else bytes(row["image"]),
        image_media_type=row["image_media_type"],
        json_schema=row["json_schema"],
        grader=row["grader"],
        reference=_redacted(row["reference"], redact) if is_judged(row["grader"]) else row["reference"],
        max_output_tokens=row["max_output_tokens"],
    )


def _redacted(reference: Any, redact: Redactor | None) -> Any:
    """A rubric is sent too, to the judge."""
    if redact is None:
        return reference
    if isinstance(reference, str):
        return redact(reference)
    if isinstance(reference, Mapping):
        return {key: _redacted(value, redact) for key, value in reference.items()}
    return [_redacted(value, redact) for value in reference] if isinstance(reference, list) else reference


def _usage(stored: Mapping[str, Any] | None) -> TokenUsage:
    known = {f.name for f in fields(TokenUsage)}
    return TokenUsage(**{name: int(count or 0) for name, count in (stored or {}).items() if name in known})


def _keyed_model(
    row: Row,
    book: PriceBook,
    scores: Mapping[str, Mapping[str, SuiteScore]],
) -> KeyedModel:
    provider, name = row["provider"], row["provider_model_id"]
    prices = prices_of(book, row["organization_id"], provider, name)
    facts = ModelFacts(
        model_id=row["model_id"],
        provider=provider,
        name=name,
        status=row["status"],
        key_works=row["key_works"],
        enabled=row["enabled"],
        retires_on=row["retires_on"],
        successor=row["successor_model_id"],
        verified=frozenset(row["verified"]),
        high_accuracy=None if row["high_accuracy"] is None else float(row["high_accuracy"]),
        prices=prices,
        suite_scores=scores.get(row["model_id"], {}),
    )
    return KeyedModel(
        organization_id=row["organization_id"],
        organization=row["organization"] or row["organization_id"],
        secret_reference=row["secret_reference"],
        simulated_organization=row["simulated"],
        allows_platform_probes=row["allows_platform_probes"],
        is_platform=row["is_platform"],
        facts=facts,
        documented=frozenset(row["documented_capabilities"]),
        max_output_tokens=row["max_output_tokens"],
        allows_batches=row["allows_batch_benchmarks"],
    )


def _price_book(rows: Iterable[Row]) -> PriceBook:
    names = {f.name for f in fields(PriceRow)}
    book: dict[tuple[str | None, str, str], tuple[PriceRow, ...]] = {}
    for row in rows:
        values = {name: value for name, value in row.items() if name in names}
        price = PriceRow(**{**values, "processing": Processing(row["processing"])})
        key = (row["organization_id"], row["provider"], row["model_id"])
        book[key] = (*book.get(key, ()), price)
    return book


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
