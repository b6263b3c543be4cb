"""Makes plans: which models may answer a feature, in which order, and why others may not. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelscout.features.defaults import default_order, default_score
from modelscout.selection.plan import (
    NEVER_S,
    Assignment,
    Choice,
    Feature,
    Model,
    Organization,
    Plan,
    Rule,
    Source,
    orders_of,
)
from modelscout.selection.rows import FeatureRow, own_model_of

MOST_AUTOMATIC = 4
"""Models that nobody chose, at most, behind those that somebody did."""


class Planner:
    """Plans for one set of models and features. Equal questions get the same object, so that memory stays small."""

    def __init__(self, models: Mapping[str, Model], features: Mapping[str, Feature]) -> None:
        """`models` by id, `features` by id."""
        self.models = models
        self.features = features
        self._usable: dict[str, frozenset[str]] = {}
        self._assignments: dict[tuple[Any, ...], Assignment] = {}

    def assignment(self, organization: Organization, row: FeatureRow) -> Assignment | None:
        """The plan for one feature of one organization; None where the feature is unknown."""
        feature = self.features.get(row.feature_id)
        if feature is None:
            return None
        key = (
            organization.usable, organization.model_parameters, organization.negotiated, organization.own_models,
            *row[1:],
        )  # fmt: skip
        found = self._assignments.get(key)
        if found is None:
            plan = _PlanMaker(self, organization, row, feature).plan()
            direct = plan.first is not None and not (plan.rules or plan.max_latency_ms or row.over_budget)
            found = self._assignments[key] = Assignment(plan, row.over_budget, direct)
        return found

    def usable(self, organization: Organization) -> frozenset[str]:
        """Ids of the models that the organization's keys can use."""
        found = self._usable.get(organization.usable)
        if found is None:
            found = self._usable[organization.usable] = frozenset(
                filter(None, organization.usable.split(","))
            )
        return found


class _PlanMaker:
    """Works one plan out."""

    def __init__(
        self, planner: Planner, organization: Organization, row: FeatureRow, feature: Feature
    ) -> None:
        self._row = row
        self._feature = feature
        own = [own_model_of(value) for value in json.loads(organization.own_models or "[]")]
        self._models = {**planner.models, **{model.id: model for model in own}} if own else planner.models
        self._usable = planner.usable(organization)
        self._model_parameters = json.loads(organization.model_parameters or "{}")
        self._negotiated = json.loads(organization.negotiated or "{}")
        self._parameters = json.loads(row.parameters or "{}")
        self._proven = self._proven_ids()
        self._left_out: dict[str, str] = {}
        self._made: dict[tuple[str, Source], Choice] = {}

    def plan(self) -> Plan:
        choices = tuple(self._ordered())
        rules = tuple(self._rules(choices))
        limits = json.loads(self._row.limits or "{}")
        latency = limits.get("max_latency_ms")
        every = [*choices, *(choice for rule in rules for choice in rule.orders.ordinary.choices)]
        return Plan(
            orders=orders_of(choices),
            first=choices[0] if choices else None,
            rest=choices[1:],
            rules=rules,
            max_latency_ms=None if latency is None else float(latency),
            ordered_by=default_order(self._feature.id, self._feature.use_case)[0],
            left_out=tuple(self._left_out.items()),
            changes_at_s=min((choice.retires_at_s for choice in every), default=NEVER_S),
        )

    def _ordered(self) -> Iterator[Choice]:
        """What people decided comes first; what nobody chose only where nobody named fallbacks."""
        row = self._row
        wanted: list[tuple[str | None, Source]] = [
            (row.accepted, Source.ACCEPTED),
            (row.assigned, Source.ASSIGNED),
            *((identity, Source.FALLBACK) for identity in _split(row.fallbacks)),
            (row.advised, Source.ADVISED),
        ]
        if row.fallbacks is None:
            wanted += [(identity, Source.PROVEN) for identity in self._proven]
        seen: set[str] = set()
        leading: str | None = None
        for identity, source in wanted:
            choice = self._choice(identity, source) if identity not in seen else None
            if choice is not None:
                seen.add(choice.model_id)
                leading = leading or choice.provider
                yield choice
        if row.fallbacks is None or not seen:
            yield from self._automatic(seen, leading)

    def _automatic(self, seen: Iterable[str], leading: str | None) -> Iterator[Choice]:
        """The best by the feature's order; the first one of another provider than the model before it."""
        taken = set(seen)
        _, weights = default_order(self._feature.id, self._feature.use_case)
        fit = [
            m
            for identity in self._usable - taken
            if (m := self._models.get(identity)) is not None and not self._feature.required - m.verified
        ]
        fit.sort(key=lambda m: (-default_score(m.scores, weights), m.provider, m.name))
        if leading is not None:
            elsewhere = next((m for m in fit if m.provider != leading), None)
            if elsewhere is not None:
                fit.remove(elsewhere)
                fit.insert(0, elsewhere)
        elif len(fit) > 1:
            second = next((m for m in fit if m.provider != fit[0].provider), None)
            if second is not None:
                fit.remove(second)
                fit.insert(1, second)
        for model in fit[:MOST_AUTOMATIC]:
            choice = self._choice(model.id, Source.DEFAULT)
            if choice is not None:
                yield choice

    def _rules(self, choices: tuple[Choice, ...]) -> Iterator[Rule]:
        """Orders for kinds of work: those of the settings, then those that accepted evidence proves."""
        written = json.loads(self._row.workload_models or "[]")
        proven = [r for r in json.loads(self._row.by_workload or "[]") if r.get("proven") is True]
        for rule in (*written, *proven):
            first = self._choice(rule.get("model_id"), Source.WORKLOAD)
            if first is not None:
                when = tuple((word, frozenset(levels)) for word, levels in sorted(rule["when"].items()))
                yield Rule(when, orders_of((first, *(c for c in choices if c.model_id != first.model_id))))

    def _choice(self, identity: str | None, source: Source) -> Choice | None:
        """The model as a choice; None, and the reason in `left_out`, where it cannot serve."""
        model = self._models.get(identity) if identity is not None else None
        if model is None:
            return None
        name = f"{model.provider}/{model.name}"
        problem = self._problem(model, source)
        if problem:
            self._left_out[name] = problem
            return None
        made = self._made.get((model.id, source))
        if made is None:
            price = self._negotiated.get(name, model.usd_per_million_tokens)
            made = self._made[model.id, source] = Choice(
                provider=model.provider,
                model=model.name,
                model_id=model.id,
                capabilities=model.verified,
                parameters={**self._model_parameters.get(model.id, {}), **self._parameters},
                source=source,
                proven=model.id in self._proven,
                usd_per_million_tokens=None if price is None else float(price),
                retires_at_s=model.retires_at_s,
                key=(model.provider, model.name),
            )
        return made

    def _problem(self, model: Model, source: Source) -> str | None:
        if model.id not in self._usable:
            return "no key of the organization can use it"
        if source is Source.ASSIGNED:
            # It serves today, tested or not; only a failed test speaks against it.
            failed = self._feature.required & model.contradicted
            return f"it failed the test of {', '.join(sorted(failed))}" if failed else None
        lacking = self._feature.required - model.verified
        return f"it is not verified for {', '.join(sorted(lacking))}" if lacking else None

    def _proven_ids(self) -> dict[str, None]:
        """Ids of the proven models in their order; the evidence names them without their provider."""
        by_name: dict[str, list[str]] = {}
        for identity in self._usable:
            model = self._models.get(identity)
            if model is not None:
                by_name.setdefault(model.name, []).append(identity)
        named = [by_name.get(name, []) for name in _split(self._row.proven)]
        return dict.fromkeys(ids[0] for ids in named if len(ids) == 1)


def _split(text: str | None) -> list[str]:
    return text.split(",") if text else []
