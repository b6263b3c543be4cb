"""What benchmark runs found, as data: one run, or models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Engine, text

from modelscout.benchmarks.agreement import share
from modelscout.core.errors import ConfigurationError
from modelscout.warehouse.engine import Row, run_sql


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What is known about a judge; each figure as (value, low, high) at 95 %."""

    judge: str
    """Provider and model as it was served."""
    agreement: tuple[float, float, float]
    """Share of known answers that it graded right."""
    length_bias: tuple[float, float, float]
    """By how much padding alone shifts its score."""
    is_proof: bool
    """Whether it passed its calibration: otherwise its scores are shown and prove nothing."""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model on one feature in one run."""

    model: str
    feature: str
    source: str
    n: int
    score: float | None
    score_low: float | None
    score_high: float | None
    """95 %, Wilson, of the graded answers."""
    failed: int
    ungraded: int
    """Answers that wait for a judge, or waited in vain."""
    errors: dict[str, int]
    median_ms: float | None
    p95_ms: float | None
    first_token_ms: float | None
    cost_usd: Decimal | None
    """Of the calls whose cost is known; None where none is."""
    judge_cost_usd: Decimal | None
    judge: JudgeReport | None
    """Of the judge that graded; None where no judge did."""
    unpriced: int
    simulated: bool


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run."""

    run_id: str
    kind: str
    status: str
    limit_usd: Decimal
    spent_usd: Decimal
    planned: int
    """Calls that the phases which have begun have to do."""
    done: int
    models: tuple[ModelReport, ...]


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """One model's published result of one feature's suite."""

    feature: str
    model: str
    score: float
    low: float
    high: float
    n: int
    judge: dict[str, list[float]] | None
    """`agreement` and `length_bias` of the judge that graded, each with its interval; None where none did."""
    simulated: bool


def run_report(engine: Engine, run_id: str) -> RunReport:
    """What one run did. Raises ConfigurationError where there is no such run."""
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_report_run", {"run_id": _uuid(run_id)})
        if not rows:
            raise ConfigurationError(
                f"run={run_id} is no benchmark run: `modelscout benchmark show last` shows the newest"
            )
        models = run_sql(connection, "queries/benchmark_report_models", {"run_id": run_id})
    return RunReport(run_id=run_id, models=tuple(_model_report(row) for row in models), **rows[0])


def last_run_id(engine: Engine) -> str:
    """The newest run that measured anything. Raises ConfigurationError where there is none."""
    statement = (
        "SELECT id::text FROM ai_benchmark_runs WHERE kind IN ('nightly', 'manual') "
        "ORDER BY started_at DESC, id LIMIT 1"
    )
    with engine.connect() as connection:
        found: str | None = connection.execute(text(statement)).scalar()
    if found is None:
        raise ConfigurationError("there is no benchmark run yet: start one with `modelscout benchmark run`")
    return found


def compare_models(engine: Engine, models: Sequence[str], *, feature: str | None = None) -> list[SuiteResult]:
    """Published suite results of these models (`provider/model`), best first within each feature.

    Raises ConfigurationError for a model that the warehouse does not know.
    """
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/benchmark_report_compare", {"models": list(models)})
    known = {row["model"] for row in rows}
    unknown = [name for name in models if name not in known]
    if unknown:
        raise ConfigurationError(
            f"model={unknown[0]!r} is unknown: `modelscout catalog list` shows the known ones"
        )
    return [
        SuiteResult(**row) for row in rows if row["score"] is not None and feature in {None, row["feature"]}
    ]


def _model_report(row: Row) -> ModelReport:
    name, measured, is_proof = (row.pop(key) for key in ("judge", "judge_measured", "is_proof"))
    graded, score = row.pop("graded"), row["score"]
    bounds = share(score * graded, graded) if graded else None
    judge = None
    if measured is not None:
        agreement, bias = tuple(measured["agreement"]), tuple(measured["length_bias"])
        judge = JudgeReport(name, agreement, bias, is_proof)
    return ModelReport(
        judge=judge,
        score_low=bounds.low if bounds else None,
        score_high=bounds.high if bounds else None,
        **row,
    )


def _uuid(text_: str) -> str:
    try:
        return str(UUID(text_))
    except ValueError:
        raise ConfigurationError(f"run={text_!r} is no id of a run: give its id or `last`") from None
