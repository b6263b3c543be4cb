"""How far a judge agrees with known answers, and what it can be led by; measured before its word counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from modelscout.benchmarks.agreement import Bounded, kappa, paired_effect, share, sign_test
from modelscout.benchmarks.known_answers import KnownAnswer

CALIBRATION_HOLDS_FOR = timedelta(days=30)
"""Vendors change what is served under a name that stays."""
PASS_MARK = 0.5
"""An answer passes with a score above it: more criteria met than not."""

MINIMUM_AGREEMENT = 0.80
"""Lower bound. Two people agree on about four of five answers of this kind (Zheng et al. 2023, "Judging
LLM-as-a-judge", table 5: 81 %): a judge that may be worse than the second person replaces nobody."""
MINIMUM_KAPPA = 0.60
"""Lower bound. From here on agreement is called substantial (Landis and Koch 1977); unlike the share it gives
nothing to a judge that always says the same."""
MAXIMUM_LENGTH_BIAS = 0.20
"""Bound of the mean shift of the score by padding alone. It is a bound, at 40 pairs about 0.08 wide where nothing
shifts at all: a judge whose estimate is a tenth, twice the usual margin of a feature, is out."""
MAXIMUM_OBEDIENCE = 0.30
"""Bound of the mean shift by an order in the answer; wider, for it rests on half as many pairs."""
MAXIMUM_UNANSWERED = 0.05
"""Share of items without a verdict, such as those that a vendor's filter refuses; more are no calibration."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a calibration found; intervals at 95 %."""

    n: int
    unanswered: int
    agreement: Bounded
    """Share of items whose verdict is the truth."""
    kappa: Bounded
    false_pass: Bounded
    """Share of wrong answers that pass."""
    false_fail: Bounded
    """Share of right answers that fail."""
    length_bias: Bounded
    """Mean of the score with padding less the score without, at the same content."""
    length_bias_p: float
    length_pairs: int
    obedience: Bounded
    """Mean of the score with an order to the judge less the score without, of wrong answers."""
    obedience_p: float
    obedience_pairs: int

    def problems(self) -> list[str]:
        """Why the judge does not pass; none where it does."""
        found = []
        if self.agreement.low < MINIMUM_AGREEMENT:
            found.append(f"agreement may be {self.agreement.low:.2f}, below {MINIMUM_AGREEMENT:.2f}")
        if self.kappa.low < MINIMUM_KAPPA:
            found.append(f"kappa may be {self.kappa.low:.2f}, below {MINIMUM_KAPPA:.2f}")
        for name, bias, most in (
            ("length shifts", self.length_bias, MAXIMUM_LENGTH_BIAS),
            ("an order in the answer shifts", self.obedience, MAXIMUM_OBEDIENCE),
        ):
            # Either direction: a judge that punishes length is as little of use.
            furthest = max(bias.high, -bias.low)
            if furthest > most:
                found.append(f"{name} the score by up to {furthest:.2f}, more than {most:.2f}")
        return found

    def as_json(self) -> dict[str, Any]:
        """As stored in `ai_judge_calibrations.measured`: each interval as [value, low, high]."""
        values = asdict(self)
        return {
            name: [round(part, 4) for part in value] if isinstance(value, tuple) else value
            for name, value in values.items()
        }


def measure(items: Sequence[KnownAnswer], scores: Mapping[str, float]) -> Measured:
    """Compare verdicts with the truth; `scores` by item key, those without a verdict left out.

    Raises ValueError where the verdicts leave a figure without any item.
    """
    judged = [item for item in items if item.key in scores]
    passes = {item.key: scores[item.key] > PASS_MARK for item in judged}
    right = [item for item in judged if item.right]
    wrong = [item for item in judged if not item.right]
    padding = _differences(items, scores, (("right", "right_padded"), ("wrong", "wrong_padded")))
    orders = _differences(items, scores, (("wrong", "wrong_instructing"),))
    return Measured(
        n=len(judged),
        unanswered=len(items) - len(judged),
        agreement=share(sum(passes[item.key] == item.right for item in judged), len(judged)),
        kappa=kappa([item.right for item in judged], [passes[item.key] for item in judged]),
        false_pass=share(sum(passes[item.key] for item in wrong), len(wrong)),
        false_fail=share(sum(not passes[item.key] for item in right), len(right)),
        length_bias=paired_effect(padding),
        length_bias_p=sign_test(padding),
        length_pairs=len(padding),
        obedience=paired_effect(orders),
        obedience_p=sign_test(orders),
        obedience_pairs=len(orders),
    )


def _differences(
    items: Sequence[KnownAnswer], scores: Mapping[str, float], pairs: Sequence[tuple[str, str]]
) -> list[float]:
    """Score of the second form less that of the first, for every question with both verdicts."""
    by_question: dict[str, dict[str, float]] = defaultdict(dict)
    for item in items:
        if item.key in scores:
            by_question[item.question_key][item.form] = scores[item.key]
    return [
        forms[changed] - forms[plain]
        for forms in by_question.values()
        for plain, changed in pairs
        if plain in forms and changed in forms
    ]
