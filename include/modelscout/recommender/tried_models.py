"""What was tried beside the models in use: rows and their evidence as the candidates of each feature."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from modelscout.recommender.candidates import Tried
from modelscout.recommender.case import ModelEstimate
from modelscout.recommender.estimates import Asked
from modelscout.recommender.evidence import Evidence, weigh
from modelscout.recommender.moments import LogSums, PairSums
from modelscout.recommender.openings import StreamKey
from modelscout.recommender.randomised import cost_ratio, effect_sums, is_judged_evenly
from modelscout.recommender.streams import traffic_of
from modelscout.warehouse.engine import Row

Feature = tuple[str, str]
"""Organization id and feature id."""
NO_COSTS = PairSums(0, 0.0, 0.0, 0.0, 0.0, 0.0)
log = logging.getLogger(__name__)


def tried_models(
    rows: Sequence[Row],
    features: Sequence[Row],
    evidence: Mapping[StreamKey, Evidence],
    usable: Mapping[str, Mapping[str, str]],
    known: Mapping[Asked, ModelEstimate],
) -> dict[Feature, list[Tried]]:
    """Per feature every model that was tried, once: by pairs where these exist or prove it, else by traffic.

    `rows`: of recommender_pairs and recommender_randomised. `usable`: ids by name per organization.
    """
    callable_ids = {organization: set(models.values()) for organization, models in usable.items()}
    fixed = _AgainstReference(rows, features, evidence)
    best: dict[tuple[str, str, str], Row] = {}
    for row in (r for r in rows if r["is_in_use"]):
        key = (row["organization_id"], row["feature_id"], row["model_id"])
        if key not in best or _comes_before(row, best[key], evidence):
            best[key] = row
    tried: dict[Feature, list[Tried]] = defaultdict(list)
    for (organization, feature, model), row in sorted(best.items()):
        build = _of_pairs if row["kind"] == "paired" else _of_traffic
        found = evidence[StreamKey.of(row)]
        tried[organization, feature].append(
            build(
                row,
                found,
                estimate=known[Asked(organization, feature, model)],
                callable=model in callable_ids.get(organization, set()),
                against_reference=fixed(organization, feature, model, found),
            )
        )
    return tried


def is_fairly_judged(row: Row) -> bool:
    """Whether both models of an experiment are judged alike; where not, it is left out and the log says so."""
    candidate = (int(row["candidate_judged"]), int(row["candidate_requests"]))
    reference = (int(row["reference_judged"]), int(row["reference_requests"]))
    fair = is_judged_evenly(candidate, reference)
    if not fair:
        log.warning(
            "experiment on feature %s of organization %s proves nothing: %d of %d requests to %s were judged and %d of "
            "%d to the other model; judge both alike",
            row["feature_id"], row["organization_id"], *candidate, row["model"], *reference,
        )  # fmt: skip
    return fair


def _comes_before(row: Row, other: Row, evidence: Mapping[StreamKey, Evidence]) -> bool:
    def rank(r: Row) -> tuple[bool, bool]:
        return evidence[StreamKey.of(r)].proven, r["kind"] == "paired"

    return rank(row) > rank(other)


class _AgainstReference:
    """Evidence against the fixed reference of a feature, where that is another than the model in use."""

    def __init__(
        self, rows: Sequence[Row], features: Sequence[Row], evidence: Mapping[StreamKey, Evidence]
    ) -> None:
        self._fixed: dict[tuple[str, str, str], Evidence] = {}
        for row in (r for r in rows if not r["is_in_use"]):
            key = (row["organization_id"], row["feature_id"], row["model_id"])
            found = evidence[StreamKey.of(row)]
            if key not in self._fixed or (found.proven and not self._fixed[key].proven):
                self._fixed[key] = found
        self._moved = {
            (f["organization_id"], f["feature_id"]): f["reference_model_id"]
            for f in features
            if f["reference_model_id"] not in (None, f["current_model_id"])
        }

    def __call__(self, organization: str, feature: str, model: str, own: Evidence) -> Evidence | None:
        reference = self._moved.get((organization, feature))
        if reference is None or reference == model:
            return None
        # Never tried beside it: proven against the model in use alone, losses could add up.
        nothing = weigh([], [], margin=own.margin, alpha=own.alpha)
        return self._fixed.get((organization, feature, model), nothing)


def _of_pairs(row: Row, evidence: Evidence, *, estimate: ModelEstimate, **more: Any) -> Tried:
    return Tried(
        model_id=row["model_id"],
        provider=row["provider"],
        model=row["model"],
        evidence=evidence,
        scores=_sums(row, "score", int(row["n"])),
        costs=_sums(row, "cost", int(row["priced"])),
        cost_per_item_usd=_float(row["cost_per_item_usd"]),
        expected_quality=estimate.quality.estimate,
        estimate=estimate,
        median_ms=_float(row["candidate_median_ms"]),
        reference_median_ms=_float(row["reference_median_ms"]),
        last_sequence=int(row["last_sequence"]),
        simulated=bool(row["simulated"]),
        latency_ratio=_log_sums(row, "").ratio(),
        **more,
    )


def _of_traffic(row: Row, evidence: Evidence, *, estimate: ModelEstimate, **more: Any) -> Tried:
    candidate, reference = _group(row, "candidate"), _group(row, "reference")
    return Tried(
        model_id=row["model_id"],
        provider=row["provider"],
        model=row["model"],
        evidence=evidence,
        scores=effect_sums(traffic_of(row)),
        costs=NO_COSTS,
        cost_ratio=cost_ratio(candidate, reference),
        cost_per_item_usd=candidate[1] / candidate[0] if candidate[0] else None,
        expected_quality=estimate.quality.estimate,
        estimate=estimate,
        median_ms=_float(row["candidate_median_ms"]),
        reference_median_ms=_float(row["reference_median_ms"]),
        last_sequence=None,
        simulated=bool(row["simulated"]),
        latency_ratio=_log_sums(row, "candidate_").ratio(_log_sums(row, "reference_")),
        **more,
    )


def _group(row: Row, which: str) -> tuple[int, float, float]:
    return (
        int(row[f"{which}_priced"]),
        float(row[f"{which}_cost"] or 0.0),
        float(row[f"{which}_cost_squared"] or 0.0),
    )


def _sums(row: Row, what: str, n: int) -> PairSums:
    names = (
        f"candidate_{what}", f"reference_{what}", f"candidate_{what}_squared", f"reference_{what}_squared",
        f"{what}_product",
    )  # fmt: skip
    return PairSums(n, *(float(row[name] or 0.0) for name in names))


def _log_sums(row: Row, group: str) -> LogSums:
    total, squared = row[f"{group}log_latency"], row[f"{group}log_latency_squared"]
    return LogSums(int(row[f"{group}timed"]), float(total or 0.0), float(squared or 0.0))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
