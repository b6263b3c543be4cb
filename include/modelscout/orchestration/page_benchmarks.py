"""What the page asks of benchmarks: costs before anything is sent, reports, an end. Runs in the API server.

The runner is imported where it is first asked: the API server starts without it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Engine

from modelscout.core.settings import Settings
from modelscout.web.ports import AskedPrompt, AskedRun, ModelCost, PromptCosts, RunCost, StartedRun


class PageBenchmarks:
    """The port `Benchmarks` of the page."""

    def __init__(self, settings: Settings) -> None:
        """`settings` are those that the DAGs run with: limits and shards."""
        self._settings = settings

    def cost_of_run(self, engine: Engine, asked: AskedRun, *, now: datetime) -> RunCost:
        """What a run may come to; the plan is made and forgotten."""
        from modelscout.benchmarks.plan import plan_run
        from modelscout.benchmarks.runner import estimate_plan

        run = plan_run(
            engine,
            self._settings,
            run_id=uuid4(),
            now=now,
            kind="manual",
            organizations=asked.organizations,
            models=asked.models,
            features=asked.features,
            about=asked.about,
            suites=asked.suites,
            replay=asked.replay,
            trials=asked.trials,
            spend_limit_usd=asked.spend_limit_usd,
        )
        found = estimate_plan(engine, run, self._settings, now=now)
        above = self._settings.approval_above_usd
        return RunCost(
            calls=found.calls,
            worst_usd=found.worst_usd,
            unpriced=found.unpriced,
            spend_limit_usd=run.spend_limit_usd,
            replay=run.replay,
            needs_approval=above is not None and run.spend_limit_usd > above,
        )

    def cost_of_prompt(self, engine: Engine, asked: AskedPrompt, *, now: datetime) -> PromptCosts:
        """What one prompt may come to."""
        from modelscout.benchmarks.cases import Case
        from modelscout.benchmarks.prompt_tests import prompt_costs, room_today

        case = Case(
            case_key="",
            feature_id=asked.feature_id,
            prompt=asked.prompt,
            image=asked.image,
            image_media_type=asked.image_media_type,
            max_output_tokens=asked.max_output_tokens,
        )
        found = prompt_costs(engine, asked.organization_id, asked.model_ids, case, now=now)
        return PromptCosts(
            models=[ModelCost(c.model_id, c.model, c.worst_usd, c.can_answer) for c in found],
            room_usd=room_today(engine, asked.organization_id, now=now),
            most_usd=self._settings.spend_limit_usd,
        )

    def run_id_of(self, started: StartedRun) -> str:
        """As the task `plan` names it."""
        from modelscout.benchmarks.stored_runs import run_id_of

        return str(run_id_of(started.run_id))

    def report(self, engine: Engine, run_id: str) -> object:
        """One run and its results, as far as the engine's caller sees them."""
        from modelscout.benchmarks.reports import run_report

        return run_report(engine, run_id)

    def cancel(self, engine: Engine, run_id: str, *, by: str, now: datetime) -> str:
        """Calls under way end and are kept, no further one is sent."""
        from modelscout.benchmarks.control import cancel_run

        return cancel_run(engine, run_id, by=by, now=now)
