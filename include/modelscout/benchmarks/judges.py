"""Which model judges which answer: never its own, and not its own vendor's where another judge is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from modelscout.benchmarks.work import KeyedModel, load_models
from modelscout.core.errors import ConfigurationError
from modelscout.core.settings import Settings, judge_names
from modelscout.core.types import Capability
from modelscout.warehouse.engine import run_sql

HOW_TO_NAME_ONE = "set MODELSCOUT_JUDGE_MODEL or organizations.judge_model to provider/model"


@dataclass(frozen=True, slots=True)
class Judged:
    """What the choice of a judge depends on."""

    source: str
    payer_organization_id: str
    provider: str
    model: str
    """The vendor's name of the model that was asked."""
    served_model: str | None = None
    suite_models: frozenset[tuple[str, str]] = frozenset()
    """Provider and name of every model that answered the same suite lately: they are compared."""

    def is_version(self, provider: str, served_model: str) -> bool:
        """Whether this version of a vendor's model gave the answer, whatever name was asked for."""
        return provider == self.provider and served_model in {self.model, self.served_model}


@dataclass(frozen=True, slots=True)
class Panel:
    """The judges of some organizations."""

    platform: tuple[str, ...]
    """Names of those that grade our own suites, and what organizations have that name none."""
    of_organization: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names by organization id."""
    models: Mapping[str, Sequence[KeyedModel]] = field(default_factory=dict)
    """What each organization's keys reach."""
    mistakes: Mapping[str, str] = field(default_factory=dict)
    """By organization id: what is wrong with its setting."""
    now: datetime | None = None

    def problem(self, judged: Judged) -> str | None:
        """Why nobody could grade this answer; None where somebody can."""
        payer = judged.payer_organization_id
        if judged.source == "replay" and payer in self.mistakes:
            return self.mistakes[payer]
        names = self._names(judged)
        if not names:
            return f"the grader rubric needs a judge: {HOW_TO_NAME_ONE}"
        usable = self._usable(judged)
        if not usable:
            return (
                f"judge {', '.join(names)} cannot be used with this organization's keys: it needs an enabled key, "
                "a known price and structured output"
            )
        if not _others(usable, judged):
            return f"judge {', '.join(names)} does not grade its own answers: name a second one, by a comma"
        return None

    def choose(self, judged: Judged) -> KeyedModel | None:
        """The judge of an answer, one for all models that are compared where that can be."""
        providers = {provider for provider, _ in judged.suite_models}

        def preference(judge: KeyedModel) -> tuple[bool, bool, bool]:
            facts = judge.facts
            return (
                (facts.provider, facts.name) in judged.suite_models,
                facts.provider in providers,
                # Replays are compared pair by pair: one judge for both. Suites stand for themselves.
                judged.source == "platform" and facts.provider == judged.provider,
            )

        return min(_others(self._usable(judged), judged), key=preference, default=None)

    def _names(self, judged: Judged) -> tuple[str, ...]:
        own = self.of_organization.get(judged.payer_organization_id, ()) if judged.source == "replay" else ()
        return own or self.platform

    def _usable(self, judged: Judged) -> list[KeyedModel]:
        known = {
            f"{model.facts.provider}/{model.facts.name}": model
            for model in self.models.get(judged.payer_organization_id, ())
        }
        return [known[name] for name in self._names(judged) if name in known and self._can_judge(known[name])]

    def _can_judge(self, model: KeyedModel) -> bool:
        facts = model.facts
        structured = Capability.STRUCTURED_OUTPUT.value in facts.verified | model.documented
        reachable = self.now is None or facts.answers(self.now.date())
        return structured and reachable and facts.enabled and bool(facts.prices)


def load_panel(engine: Engine, settings: Settings, organizations: Collection[str], *, now: datetime) -> Panel:
    """The judges of these organizations (ids)."""
    listed = sorted(organizations)
    with engine.connect() as connection:
        rows = run_sql(connection, "queries/judge_choices", {"organizations": listed})
    named: dict[str, tuple[str, ...]] = {}
    mistakes: dict[str, str] = {}
    for row in rows:
        try:
            named[row["organization_id"]] = judge_names(row["judge_model"], field="organizations.judge_model")
        except ConfigurationError as error:
            mistakes[row["organization_id"]] = str(error)
    models = load_models(engine, organizations=listed, now=now) if named or settings.judge_models else {}
    return Panel(settings.judge_models, named, models, mistakes, now)


def _others(judges: Sequence[KeyedModel], judged: Judged) -> list[KeyedModel]:
    """Those that are not the answering model under whatever name it was served."""
    own = {judged.model, judged.served_model}
    return [j for j in judges if not (j.facts.provider == judged.provider and j.facts.name in own)]
