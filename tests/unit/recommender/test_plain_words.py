"""The verdict in a sentence that a product owner understands."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from modelscout.core.types import Verdict
from modelscout.recommender.plain_words import Advice, headline, words_of

SWITCH = Advice(
    verdict=Verdict.SWITCH,
    current="old",
    recommended="new",
    saving_usd=1234.5,
    quality_bound=-0.021,
    proven=True,
    items=160,
    tried=2,
    deadline=None,
    days_left=None,
    more_cases=None,
    cost_of_cases_usd=None,
)
MIGRATE = replace(SWITCH, verdict=Verdict.MIGRATE, deadline=date(2026, 12, 9), days_left=9, saving_usd=-5.0)
TRIAL = replace(SWITCH, verdict=Verdict.TRIAL, proven=False, more_cases=1528, cost_of_cases_usd=0.004)


@pytest.mark.parametrize(
    ("advice", "said"),
    [
        (
            SWITCH,
            "Use new instead of old: it saves about $1,234.50 a month, and it is proven to be at most 2.1 points worse "
            "on 160 of your own items.",
        ),
        (replace(SWITCH, quality_bound=0.038), "it is proven better by at least 3.8 points on 160"),
        (replace(SWITCH, quality_bound=0.0), "it is proven no worse on 160"),
        (replace(SWITCH, quality_bound=None), "its quality was not compared"),
        (replace(SWITCH, saving_usd=None), "what it saves is unknown because a price is missing"),
        (replace(SWITCH, saving_usd=0.001), "it costs about the same"),
        (MIGRATE, "old retires on 9 Dec 2026, in 9 days. Move to new: it costs about $5.00 more a month"),
        (replace(MIGRATE, days_left=1), "in 1 day. "),
        (replace(MIGRATE, days_left=-3), "old was retired on 9 Dec 2026. "),
        (replace(MIGRATE, deadline=None, days_left=None), "old is no longer available. "),
        (replace(MIGRATE, proven=False), "new is the provider's successor, but was not proven on your own work."),
        (replace(MIGRATE, recommended=None), "nothing that could follow it was proven yet."),
        (TRIAL, "about 1,528 more cases would settle it, for less than a cent."),
        (replace(TRIAL, cost_of_cases_usd=12.0), "would settle it, for about $12.00."),
        (replace(TRIAL, cost_of_cases_usd=None), "more cases would settle it."),
        (replace(TRIAL, more_cases=None), "but its quality is not proven yet."),
        (replace(SWITCH, verdict=Verdict.KEEP), "Keep old: it is not proven that any of the 2 other models tried"),
        (replace(SWITCH, verdict=Verdict.KEEP, tried=1), "that the other model tried would be better."),
        (replace(SWITCH, verdict=Verdict.KEEP, tried=0), "Keep old: nothing better is proven."),
        (replace(SWITCH, verdict=Verdict.INSUFFICIENT_EVIDENCE), "Too little is known for advice yet."),
    ],
)  # fmt: skip
def test_headline(advice: Advice, said: str) -> None:
    assert said in headline(advice)


def test_a_row_without_anything_known_has_words() -> None:
    row = {
        "verdict": "migrate",
        "current_model": "old",
        "recommended_model": None,
        "evidence": None,
        "cost_estimate": None,
    }
    assert words_of(row).startswith("old is no longer available")
