"""Right and wrong answers of every suite case and probe, for the emulator; only the demo and tests use it."""

from __future__ import annotations

from dataclasses import dataclass

from modelscout.benchmarks.cases import Case
from modelscout.benchmarks.graders import answer_of
from modelscout.benchmarks.known_answers import KnownAnswer, load_known_answers
from modelscout.benchmarks.probes import probe_items
from modelscout.benchmarks.suites import load_suites
from modelscout.core.fingerprint import content_fingerprint


@dataclass(frozen=True, slots=True)
class AnswerKeyEntry:
    """One question as the emulator recognises it."""

    fingerprint: str
    feature: str
    """A feature, `capability:<name>`, or `judgement`: then the fingerprint is of a question and an answer to it."""
    correct: str
    wrong: tuple[str, ...]
    image_fingerprint: str | None = None
    """Of the image alone, for concept models, which get no prompt."""


def answer_key() -> list[AnswerKeyEntry]:
    """Every suite case, every item of a capability probe, and the known answers of a judge's calibration."""
    entries = [case_entry(case) for suite in load_suites() for case in suite.cases]
    entries += [
        case_entry(item.case, feature=f"capability:{item.capability.value}") for item in probe_items()
    ]
    entries += [known_answer_entry(item) for item in load_known_answers().items]
    # A speed suite asks the same at several levels of concurrency.
    return list(dict.fromkeys(entries))


def known_answer_entry(item: KnownAnswer) -> AnswerKeyEntry:
    """Whether an answer is right, for the emulator's judges."""
    return AnswerKeyEntry(
        fingerprint=content_fingerprint(f"{item.question}\n\n{item.answer}"),
        feature="judgement",
        correct="right" if item.right else "wrong",
        wrong=(),
    )


def case_entry(case: Case, *, feature: str | None = None) -> AnswerKeyEntry:
    """The entry of one case, such as a workload sample of the demo."""
    return AnswerKeyEntry(
        fingerprint=content_fingerprint(case.prompt, case.images),
        feature=feature or case.feature_id,
        correct=answer_of(case.grader, case.reference),
        wrong=case.wrong_answers,
        image_fingerprint=content_fingerprint("", case.images) if case.images else None,
    )
