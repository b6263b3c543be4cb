"""A person's word before a dear benchmark run: Airflow's human in the loop, with a default when nobody answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

APPROVE, DECLINE = "Approve", "Decline"
SILENCE = {"approve": APPROVE, "decline": DECLINE}
WAITS_MINUTES = 60


def approval_task(*, task_id: str, asked_by: str) -> HITLOperator:
    """A task that waits until somebody approves or declines what the task `asked_by` says.

    `asked_by` pushes {"subject", "body"} as `question`. Nobody answering within MODELSCOUT_APPROVAL_MINUTES (60) counts
    as MODELSCOUT_APPROVAL_DEFAULT: `decline`, unless it says `approve`. Read where the DAG file is parsed.
    """
    return HITLOperator(
        task_id=task_id,
        doc="Wait for a person, who approves or declines the cost.",
        subject=f"{{{{ ti.xcom_pull(task_ids='{asked_by}', key='question')['subject'] }}}}",
        body=f"{{{{ ti.xcom_pull(task_ids='{asked_by}', key='question')['body'] }}}}",
        options=[APPROVE, DECLINE],
        defaults=SILENCE.get(os.environ.get("MODELSCOUT_APPROVAL_DEFAULT", "").strip().lower(), DECLINE),
        response_timeout=timedelta(minutes=_minutes(os.environ)),
    )


def approval_of(answer: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Whether a person approved, and who; `answer` is what the task returned, None where nobody was asked."""
    if answer is None:
        return True, "nobody had to be asked"
    by = (answer.get("responded_by_user") or {}).get("name") or "nobody answered in time"
    return answer["chosen_options"] == [APPROVE], str(by)


def _minutes(environ: Mapping[str, str]) -> int:
    text = environ.get("MODELSCOUT_APPROVAL_MINUTES", "").strip()
    return int(text) if text.isdecimal() and int(text) > 0 else WAITS_MINUTES
