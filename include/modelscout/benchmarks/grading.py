"""What becomes of an answer: a score at once, or a place among those that wait for a judge."""

from __future__ import annotations

from typing import Any

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.graders import grade, is_judged
from modelscout.core.fingerprint import content_fingerprint


def grading_of(case: Case, answer: str, *, suite: str, trial: int, payer: str) -> dict[str, Any]:
    """The part of a result's row that says how good the answer is, or that keeps it for its judge.

    `payer` is the organization whose key judges it.
    """
    if not is_judged(case.grader):
        return scored(case.grader, answer, case.reference)
    return {
        "error_type": "ungraded",
        "error_message": "the answer waits for its judge",
        "payer_organization_id": payer,
        "question": case.prompt,
        "reference": case.reference,
        "answer": answer,
        "order_seed": seed_of(suite, case.case_key, trial),
    }


def scored(grader: str, answer: str, reference: Any) -> dict[str, Any]:
    """The part of a row where a function grades."""
    return {"score": round(grade(grader, answer, reference), 4)}


def seed_of(*names: object) -> int:
    """The seed of an item's order of criteria: the same for every model that answers the item."""
    return int(content_fingerprint("/".join(map(str, names)))[:15], 16)
