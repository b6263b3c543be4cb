"""The parameter forms of DAGs that people start by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from airflow.sdk import Param

BENCHMARK_PARAMS = {
    "organizations": Param(
        None,
        type=["array", "null"],
        items={"type": "string"},
        title="Organizations",
        description_md="Short names, one a line. Empty: all.",
    ),
    "models": Param(
        None,
        type=["array", "null"],
        items={"type": "string", "pattern": "^[a-z]+/.+$"},
        title="Models",
        description_md="As `provider/model`, one a line. Empty: what is due.",
    ),
    "features": Param(
        None,
        type=["array", "null"],
        items={"type": "string"},
        examples=["photo_tagging", "descriptions", "chat", "search", "moderation"],
        title="Features",
        description_md="Empty: all.",
    ),
    "about": Param(
        "all",
        enum=["all", "accuracy", "speed", "cost"],
        title="Type",
        description_md="What is measured: accuracy alone runs the features' suites and the replays.",
    ),
    "suites": Param(True, type="boolean", title="Run our own suites"),
    "replay": Param(True, type="boolean", title="Replay the organizations' own samples"),
    "trials": Param(
        1,
        type="integer",
        minimum=1,
        maximum=20,
        title="Trials",
        description_md="How often each case is asked.",
    ),
    "spend_limit_usd": Param(
        None,
        type=["number", "null"],
        minimum=0,
        title="Spend limit in USD",
        description_md="Of this run, over all organizations. Empty: the scheduled runs' limit.",
    ),
    "seed": Param(None, type=["integer", "null"], minimum=0, title="Seed of the order", section="Advanced"),
    "prompt_test": Param(
        None,
        type=["string", "null"],
        format="uuid",
        title="Prompt test",
        description_md="Id of a test that the page stored: it alone is asked, and everything else here is left out.",
        section="Advanced",
    ),
}

ROLLUP_PARAMS = {
    name: Param(
        None,
        type=["string", "null"],
        format="date",
        title=title,
        description_md="In UTC. Give both days or neither; without them what is new is rolled up.",
    )
    for name, title in (("first_day", "First day"), ("last_day", "Last day"))
}


def asked_days(context: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """First and last day of a run with ROLLUP_PARAMS: those of the form, or the one day of a backfill's run."""
    if context["dag_run"].run_type == "backfill":
        day = context["logical_date"].date()
        return day, day
    first, last = (context["params"][name] for name in ROLLUP_PARAMS)
    return (date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None)
