"""Kinds of work within a feature: easy and hard requests may go to different models where that is proven.

A level of complexity is decided as a feature of its own: the same verdict table, margin and bounds, on the evidence of
its own items. It may lead away from the model in use only where it is a proven `switch` by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from modelscout.core.types import Verdict
from modelscout.recommender.candidates import candidates
from modelscout.recommender.case import Candidate, Decision, FeatureCase, KindOfWork, ModelEstimate
from modelscout.recommender.decide import decide
from modelscout.recommender.estimates import Asked
from modelscout.recommender.evidence import Evidence
from modelscout.recommender.openings import ANY, LEVELS, Feature, StreamKey, items_of
from modelscout.recommender.tried_models import tried_models
from modelscout.warehouse.engine import Row


def kinds_of_work(
    rows: Sequence[Row],
    features: Sequence[Row],
    evidence: Mapping[StreamKey, Evidence],
    usable: Mapping[str, Mapping[str, str]],
    known: Mapping[Asked, ModelEstimate],
) -> dict[Feature, tuple[KindOfWork, ...]]:
    """Per feature the levels of complexity that models were tried on. Arguments as of `tried_models`."""
    shares = _shares(rows)
    found: dict[Feature, list[KindOfWork]] = defaultdict(list)
    for level in LEVELS:
        of_level = [r for r in rows if r["complexity"] == level]
        for feature, tried in tried_models(of_level, features, evidence, usable, known).items():
            requests, cost = shares[(*feature, level)]
            found[feature].append(KindOfWork(level, requests, cost, candidates(tried)))
    return {feature: tuple(kinds) for feature, kinds in found.items()}


def decide_with_kinds(case: FeatureCase, *, today: date, horizon_days: int) -> Decision:
    """The verdict for the feature, and beside it the levels of complexity for which another model is proven.

    A feature that moves as a whole, or whose model goes away, is not split. `evidence.by_workload` holds a rule for
    each level: proven, or taken back where the model is proven worse on it.
    """
    decision = decide(case, today=today, horizon_days=horizon_days)
    if decision.verdict in (Verdict.SWITCH, Verdict.MIGRATE):
        return decision
    cases = [(kind, _case_of(case, kind)) for kind in case.kinds]
    decided = [(kind, own, decide(own, today=today, horizon_days=horizon_days)) for kind, own in cases]
    rules = [(k, own, d) for k, own, d in decided if d.verdict is Verdict.SWITCH]
    worse = [_worse(kind, c) for kind in case.kinds for c in kind.candidates if c.evidence.proven_worse]
    if not rules and not worse:
        return decision
    sentences = (f"Of {kind.complexity} complexity alone: {s}" for kind, _, d in rules for s in d.reasons)
    return replace(
        decision,
        reasons=(*decision.reasons, *sentences),
        details={**decision.details, "by_workload": [*(_rule(*r) for r in rules), *worse]},
    )


def _shares(rows: Sequence[Row]) -> dict[tuple[str, str, str], tuple[Decimal, float | None]]:
    """Per feature and level its share of the items and of what the model in use costs on them.

    From the candidate with the most items: samples mirror the feature's traffic, and a model's answers do not decide
    which of them it is asked.
    """
    whole: dict[Feature, Row] = {}
    for row in (r for r in rows if r["is_in_use"] and r["complexity"] == ANY):
        feature = StreamKey.of(row).feature
        if feature not in whole or items_of(row) > items_of(whole[feature]):
            whole[feature] = row
    levels = {StreamKey.of(r): r for r in rows if r["is_in_use"]}
    found: dict[tuple[str, str, str], tuple[Decimal, float | None]] = {}
    for feature, row in whole.items():
        for level in LEVELS:
            part = levels.get(StreamKey.of(row)._replace(complexity=level))
            if part is None:
                found[(*feature, level)] = (Decimal(0), None)
                continue
            cost = row["reference_cost"], part["reference_cost"]
            share = float(cost[1] / cost[0]) if cost[0] and cost[1] is not None else None
            found[(*feature, level)] = (Decimal(items_of(part)) / items_of(row), share)
    return found


def _case_of(case: FeatureCase, kind: KindOfWork) -> FeatureCase:
    """The level as a case of its own: its share of the requests, at what they cost."""
    cost = None
    if case.cost_per_request_usd is not None and kind.cost_share is not None and kind.requests_share:
        cost = case.cost_per_request_usd * Decimal(kind.cost_share) / kind.requests_share
    return replace(
        case,
        requests_per_month=case.requests_per_month * kind.requests_share,
        cost_per_request_usd=cost,
        candidates=kind.candidates,
        recommended_before=None,
        kinds=(),
    )


def _rule(kind: KindOfWork, case: FeatureCase, decision: Decision) -> dict[str, Any]:
    chosen, saving = decision.chosen, decision.saving
    evidence = chosen.evidence if chosen is not None else None
    return {
        "when": {"complexity": [kind.complexity]},
        "model_id": decision.recommended_model_id,
        "model": decision.recommended_model,
        "proven": True,
        "n": evidence.n if evidence else 0,
        "effect": evidence.effect if evidence else None,
        "lower_bound": evidence.lower_bound if evidence else None,
        "alpha": evidence.alpha if evidence else None,
        "log_e_value": evidence.log_e_value if evidence else None,
        "requests_per_month": case.requests_per_month.quantize(Decimal(1)),
        "saving_usd_per_month": None if saving is None else round(saving.estimate, 2),
    }


def _worse(kind: KindOfWork, candidate: Candidate) -> dict[str, Any]:
    return {
        "when": {"complexity": [kind.complexity]},
        "model_id": candidate.model_id,
        "model": candidate.model,
        "proven": False,
        "proven_worse": True,
        "n": candidate.evidence.n,
        "effect": candidate.evidence.effect,
        "upper_bound": candidate.evidence.upper_bound,
    }
