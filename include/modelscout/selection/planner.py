"""Makes plans: which models may answer a feature, in which order, and why others may not. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from modelscout.features.defaults import default_order, default_score
from modelscout.selection.plan import (
    NEVER_S,
    Assignment,
    Choice,
    Feature,
    Model,
    Orders,
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
    """Plans for one set of models and features. Equal questions get the same objects, so that memory stays small."""

    def __init__(self, models: Mapping[str, Model], features: Mapping[str, Feature]) -> None:
        """`models` by id, `features` by id."""
        self.models = models
        self.features = features
        self._surroundings: dict[tuple[Any, ...], Surroundings] = {}
        self._assignments: dict[tuple[Any, ...], Assignment] = {}
        self._objects: dict[str, Any] = {}
        self._choices: dict[tuple[Any, ...], Choice] = {}
        self._orders: dict[tuple[int, ...], Orders] = {}

    def assignment(self, organization: Organization, row: FeatureRow) -> Assignment | None:
        """The plan for one feature of one organization; None where the feature is unknown."""
        feature = self.features.get(row.feature_id)
        if feature is None:
            return None
        around = self.surroundings(organization)
        key = (around.number, *row.plan_key)
        found = self._assignments.get(key)
        if found is None:
            plan = _PlanMaker(self, around, row, feature).plan()
            narrowed = plan.rules or plan.max_latency_ms or plan.max_cost_per_request_usd or row.over_budget
            direct = plan.first is not None and not narrowed
            found = self._assignments[key] = Assignment(plan, row.over_budget, direct)
        if row.budget_left_usd is not None:
            # A figure of its own for each: kept apart from what many features share.
            left_usd, until_s = Decimal(row.budget_left_usd), row.counted_until_s or 0.0
            return Assignment(found.plan, found.over_budget, False, left_usd, until_s)
        return found

    def forget_questions(self) -> None:
        """Drop what only helped while everything was read; the answers stay with whoever holds them."""
        self._assignments.clear()
        self._objects.clear()

    def surroundings(self, organization: Organization) -> Surroundings:
        """What the organization's features share; the same for organizations that are alike."""
        key = (
            organization.usable, organization.model_parameters, organization.negotiated, organization.own_models
        )  # fmt: skip
        found = self._surroundings.get(key)
        if found is None:
            found = self._surroundings[key] = Surroundings(len(self._surroundings), self.models, organization)
        return found

    def parsed(self, text: str | None, empty: Any) -> Any:
        """JSON as an object, the same for the same text; not to be changed."""
        if text is None:
            return empty
        found = self._objects.get(text)
        if found is None:
            found = self._objects[text] = json.loads(text)
        return found

    def choice(
        self, around: Surroundings, model: Model, source: Source, proven: bool, parameters: str | None
    ) -> Choice:
        """A model as a choice."""
        key = (around.number, model.id, source, proven, parameters)
        made = self._choices.get(key)
        if made is None:
            name = f"{model.provider}/{model.name}"
            price = around.negotiated.get(name, model.usd_per_million_tokens)
            made = self._choices[key] = Choice(
                provider=model.provider,
                model=model.name,
                model_id=model.id,
                capabilities=model.verified,
                parameters={**around.model_parameters.get(model.id, {}), **self.parsed(parameters, {})},
                source=source,
                proven=proven,
                usd_per_million_tokens=None if price is None else float(price),
                retires_at_s=model.retires_at_s,
                key=(model.provider, model.name),
            )
        return made

    def orders(self, choices: Sequence[Choice]) -> Orders:
        """The orders of these choices. The choices live as long as this planner: their identity is a key."""
        key = tuple(map(id, choices))
        found = self._orders.get(key)
        if found is None:
            found = self._orders[key] = orders_of(choices)
        return found


class Surroundings:
    """What all features of an organization have in common."""

    def __init__(self, number: int, shared: Mapping[str, Model], organization: Organization) -> None:
        """`number` tells it from others of the same planner."""
        self.number = number
        own = [own_model_of(value) for value in json.loads(organization.own_models or "[]")]
        models = {**shared, **{model.id: model for model in own}}
        wanted = filter(None, organization.usable.split(","))
        self.usable = {identity: models[identity] for identity in wanted if identity in models}
        self.known = models if own else shared
        self.model_parameters = json.loads(organization.model_parameters or "{}")
        self.negotiated = json.loads(organization.negotiated or "{}")
        self._by_name: dict[str, list[str]] = {}
        for identity, model in self.usable.items():
            self._by_name.setdefault(model.name, []).append(identity)
        self._ranked: dict[str, list[Model]] = {}

    def named(self, names: Sequence[str]) -> list[str]:
        """Ids of usable models by their names alone, where a name is one model's."""
        found = [self._by_name.get(name, []) for name in names]
        return [ids[0] for ids in found if len(ids) == 1]

    def ranked(self, feature: Feature) -> list[Model]:
        """Usable models with everything that the feature needs, the best by its default first."""
        found = self._ranked.get(feature.id)
        if found is None:
            _, weights = default_order(feature.id, feature.use_case)
            fit = [m for m in self.usable.values() if feature.required <= m.verified]
            fit.sort(key=lambda m: (-default_score(m.scores, weights), m.provider, m.name))
            found = self._ranked[feature.id] = fit
        return found


class _PlanMaker:
    """Works one plan out."""

    def __init__(self, planner: Planner, around: Surroundings, row: FeatureRow, feature: Feature) -> None:
        self._planner = planner
        self._around = around
        self._row = row
        self._feature = feature
        self._proven = around.named(_split(row.proven))
        self._left_out: dict[str, str] = {}

    def plan(self) -> Plan:
        choices = tuple(self._ordered())
        rules = tuple(self._rules(choices))
        limits = self._planner.parsed(self._row.limits, {})
        latency, cost, rate = map(
            limits.get, ("max_latency_ms", "max_cost_per_request_usd", "max_requests_per_minute")
        )
        orders = self._planner.orders(choices)
        every = [*choices, *(choice for rule in rules for choice in rule.orders.ordinary.choices)]
        return Plan(
            orders=orders,
            first=choices[0] if choices else None,
            rest=orders.ordinary.rest,
            rules=rules,
            max_latency_ms=None if latency is None else float(latency),
            ordered_by=default_order(self._feature.id, self._feature.use_case)[0],
            left_out=tuple(self._left_out.items()),
            changes_at_s=min((choice.retires_at_s for choice in every), default=NEVER_S),
            max_cost_per_request_usd=None if cost is None else Decimal(str(cost)),
            max_requests_per_minute=None if rate is None else float(rate),
            parameters=self._row.parameters,
            proven=frozenset(self._proven),
            settled=frozenset(_split(self._row.settled)),
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

    def _automatic(self, seen: Collection[str], leading: str | None) -> Iterator[Choice]:
        """The best by the feature's default; the first that stands in for another is of another provider."""
        fit = [model for model in self._around.ranked(self._feature) if model.id not in seen]
        position = 0 if leading is not None else 1
        before = leading or (fit[0].provider if fit else None)
        elsewhere = next((n for n, m in enumerate(fit) if n >= position and m.provider != before), None)
        if elsewhere is not None:
            fit.insert(position, fit.pop(elsewhere))
        for model in fit[:MOST_AUTOMATIC]:
            choice = self._choice(model.id, Source.DEFAULT)
            if choice is not None:
                yield choice

    def _rules(self, choices: tuple[Choice, ...]) -> Iterator[Rule]:
        """Orders for kinds of work: those of the settings, then those that accepted evidence proves."""
        written = self._planner.parsed(self._row.workload_models, [])
        proven = [r for r in self._planner.parsed(self._row.by_workload, []) if r.get("proven") is True]
        for rule in (*written, *proven):
            first = self._choice(rule.get("model_id"), Source.WORKLOAD)
            if first is not None:
                when = tuple((word, frozenset(levels)) for word, levels in sorted(rule["when"].items()))
                others = (c for c in choices if c.model_id != first.model_id)
                yield Rule(when, self._planner.orders((first, *others)))

    def _choice(self, identity: str | None, source: Source) -> Choice | None:
        """The model as a choice; None, and the reason in `left_out`, where it cannot serve."""
        model = self._around.known.get(identity) if identity is not None else None
        if model is None:
            return None
        problem = self._problem(model, source)
        if problem:
            self._left_out[f"{model.provider}/{model.name}"] = problem
            return None
        proven = model.id in self._proven
        return self._planner.choice(self._around, model, source, proven, self._row.parameters)

    def _problem(self, model: Model, source: Source) -> str | None:
        if model.id not in self._around.usable:
            return "no key of the organization can use it"
        if source is Source.ASSIGNED:
            # It serves today, tested or not; only a failed test speaks against it.
            failed = self._feature.required & model.contradicted
            return f"it failed the test of {', '.join(sorted(failed))}" if failed else None
        lacking = self._feature.required - model.verified
        return f"it is not verified for {', '.join(sorted(lacking))}" if lacking else None


def _split(text: str | None) -> list[str]:
    return text.split(",") if text else []
