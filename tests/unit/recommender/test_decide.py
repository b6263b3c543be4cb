"""The verdict table of the design, row by row, on cases made by hand."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelscout.core.types import Verdict
from modelscout.recommender.case import MINIMUM_PAIRS, Candidate, Decision, FeatureCase, Interval
from modelscout.recommender.decide import decide, saving_per_month
from modelscout.recommender.evidence import Evidence, weigh

TODAY = date(2026, 11, 23)
HORIZON = 30
ALPHA = 0.025
HALF_PRICE = Interval(0.5, 0.45, 0.55)
DEARER = Interval(1.6, 1.5, 1.7)


def evidence(n: int = 160, effect: float = 0.0, *, proven: bool = True, worse: bool = False) -> Evidence:
    return Evidence(
        n=n,
        effect=effect,
        lower_bound=max(-1.0, effect - 0.02 if proven else effect - 0.2),
        upper_bound=-0.06 if worse else effect + 0.1,
        log_e_value=-math.log(ALPHA) + (1.0 if proven else -1.0),
        alpha=ALPHA,
        margin=0.03,
    )


def candidate(name: str = "cheap", proof: Evidence | None = None, **changes: Any) -> Candidate:
    return replace(
        Candidate(
            model_id=f"id-{name}",
            provider="openai",
            model=name,
            evidence=proof or evidence(),
            spread=0.08,
            quality=0.9,
            cost_ratio=HALF_PRICE,
            cost_per_item_usd=0.005,
            median_ms=800.0,
            reference_median_ms=1000.0,
        ),
        **changes,
    )


def case(*candidates: Candidate, **changes: Any) -> FeatureCase:
    """A feature that spends $1,000 a month on `incumbent`."""
    return replace(
        FeatureCase(
            organization_id="acme",
            organization="acme",
            feature_id="chat",
            objective="cost",
            margin=0.03,
            switching_cost_usd=Decimal(0),
            current_model_id="id-incumbent",
            current_model="incumbent",
            current_status="active",
            retires_on=None,
            catalog_successor=None,
            successor_model_id=None,
            requests_per_month=Decimal(100_000),
            cost_per_request_usd=Decimal("0.01"),
            exposure_usd_per_day=Decimal("33.33"),
            current_quality=0.9,
            current_mean_ms=1000.0,
            samples=160,
            data_window=None,
            unpriced_requests=0,
            candidates=candidates,
        ),
        **changes,
    )


def verdict(*candidates: Candidate, **changes: Any) -> Decision:
    return decide(case(*candidates, **changes), today=TODAY, horizon_days=HORIZON)


UNPROVEN = evidence(effect=0.005, proven=False)
WORSE = evidence(effect=-0.15, proven=False, worse=True)


# switch


def test_a_proven_and_cheaper_candidate_is_a_switch() -> None:
    found = verdict(candidate())
    assert (found.verdict, found.recommended_model_id) == (Verdict.SWITCH, "id-cheap")
    assert found.saving is not None
    assert (found.saving.estimate, found.saving.low) == (pytest.approx(500), pytest.approx(450))
    assert "Proven on 160 of your own items" in found.reasons[0]
    assert "saves $500.00 a month" in found.reasons[1]
    assert any("-20%" in sentence for sentence in found.tradeoffs)
    assert 50 <= found.score <= 100


def test_of_several_proven_the_one_that_saves_most_wins() -> None:
    dear, cheap = candidate("dear", cost_ratio=Interval(0.8, 0.7, 0.9)), candidate("cheap")
    assert verdict(dear, cheap).recommended_model == "cheap"
    assert verdict(cheap, dear).recommended_model == "cheap"


def test_a_proven_candidate_wins_over_a_cheaper_one_that_only_looks_good() -> None:
    tempting = candidate("tempting", UNPROVEN, cost_ratio=Interval(0.01, 0.01, 0.01))
    assert verdict(tempting, candidate("solid")).recommended_model == "solid"


@pytest.mark.parametrize(("cost", "expected"), [("5399", Verdict.SWITCH), ("5401", Verdict.KEEP)])
def test_a_switch_pays_back_its_cost_within_a_year_at_the_low_end(cost: str, expected: Verdict) -> None:
    assert verdict(candidate(), switching_cost_usd=Decimal(cost)).verdict is expected


def test_a_saving_whose_interval_reaches_below_zero_is_no_switch() -> None:
    assert verdict(candidate(cost_ratio=Interval(0.9, 0.7, 1.1))).verdict is Verdict.KEEP


def test_demand_that_varies_wildly_makes_the_saving_uncertain() -> None:
    calm = verdict(candidate(), switching_cost_usd=Decimal(5000))
    wild = verdict(candidate(), switching_cost_usd=Decimal(5000), demand_relative_error=0.3)
    assert (calm.verdict, wild.verdict) == (Verdict.SWITCH, Verdict.KEEP)


# migrate


@pytest.mark.parametrize("days", [HORIZON, 12, 1, 0, -5])
def test_an_incumbent_that_retires_within_the_horizon_is_a_migrate_with_date_and_exposure(days: int) -> None:
    retires_on = TODAY + timedelta(days=days)
    found = verdict(candidate(), retires_on=retires_on)
    assert (found.verdict, found.recommended_model, found.score) == (Verdict.MIGRATE, "cheap", 95)
    assert found.details == {"proven": True}
    assert str(retires_on) in found.reasons[0]
    assert "$33.33 a day" in found.reasons[0]
    assert (f"(in {days} days)" in found.reasons[0]) == (days > 0)


def test_beyond_the_horizon_nothing_hurries() -> None:
    retires_on = TODAY + timedelta(days=HORIZON + 1)
    assert verdict(candidate(), retires_on=retires_on).verdict is Verdict.SWITCH


@pytest.mark.parametrize("status", ["retired", "unavailable"])
def test_an_incumbent_that_cannot_be_called_any_more_is_a_migrate_without_a_date(status: str) -> None:
    found = verdict(candidate(), current_status=status)
    assert found.verdict is Verdict.MIGRATE
    assert "incumbent is no longer available" in found.reasons[0]


def test_of_the_proven_successors_the_cheapest_wins_and_an_unknown_price_comes_last() -> None:
    unknown = candidate("unknown", cost_per_item_usd=None, cost_ratio=None)
    dear = candidate("dear", cost_per_item_usd=0.02)
    found = verdict(unknown, dear, current_status="retired")
    assert found.recommended_model == "dear"
    alone = verdict(unknown, current_status="retired")
    assert alone.recommended_model == "unknown"
    assert alone.saving is None
    assert "unknown" in alone.reasons[2]


def test_without_proof_the_vendors_successor_is_named_and_said_to_be_unproven() -> None:
    heir = candidate("heir", UNPROVEN)
    cheaper = candidate("cheaper", UNPROVEN, cost_per_item_usd=0.0001)
    found = verdict(
        cheaper, heir, current_status="retired", successor_model_id="id-heir", catalog_successor="heir"
    )
    assert (found.recommended_model, found.details) == ("heir", {"proven": False})
    assert "not proven on your items yet" in found.reasons[1]


def test_a_successor_that_nobody_tried_is_named_too() -> None:
    found = verdict(current_status="retired", successor_model_id="id-heir", catalog_successor="heir")
    assert (found.recommended_model_id, found.recommended_model) == ("id-heir", "heir")
    assert (found.saving, found.details) == (None, {"proven": False})


def test_a_successor_that_no_key_can_use_is_not_recommended() -> None:
    found = verdict(current_status="retired", catalog_successor="heir")
    assert found.verdict is Verdict.MIGRATE
    assert (found.recommended_model_id, found.recommended_model) == (None, None)
    assert "enable a key" in found.reasons[1]


def test_a_migration_that_costs_more_says_so() -> None:
    found = verdict(candidate("better", cost_ratio=DEARER), current_status="retired")
    assert found.saving is not None
    assert found.saving.estimate == pytest.approx(-600)
    assert "costs $600.00 more a month (90 % interval $500.00 to $700.00)" in found.reasons[2]


def test_an_interval_around_zero_is_not_shown_as_a_sure_saving() -> None:
    found = verdict(candidate(cost_ratio=Interval(0.9, 0.7, 1.1)), current_status="retired")
    assert "saves $100.00 a month (90 % interval -$100.00 to $300.00)" in found.reasons[2]
    other = verdict(candidate(cost_ratio=Interval(1.1, 0.9, 1.3)), current_status="retired")
    assert "costs $100.00 more a month (90 % interval -$100.00 to $300.00)" in other.reasons[2]


# keep


@pytest.mark.parametrize(
    ("rival", "why"),
    [
        (candidate("rival", WORSE), "proven worse by more than the margin"),
        (candidate("rival", cost_ratio=DEARER), "would cost $600.00 a month more"),
        (candidate("rival", evidence(effect=-0.05, proven=False)), "beyond the margin"),
        (candidate("rival", cost_ratio=None), "cannot be priced"),
    ],
)
def test_nothing_better_is_proven(rival: Candidate, why: str) -> None:
    found = verdict(rival)
    assert (found.verdict, found.recommended_model_id) == (Verdict.KEEP, "id-incumbent")
    assert found.saving == Interval(0.0, 0.0, 0.0)
    assert why in found.reasons[1]


def test_keep_is_the_surer_the_more_is_ruled_out() -> None:
    sure = verdict(candidate("a", WORSE), candidate("b", cost_ratio=DEARER))
    half = verdict(candidate("a", WORSE), candidate("b", evidence(effect=-0.05, proven=False)))
    assert (sure.score, half.score) == (100, 50)


# trial


def test_a_candidate_that_looks_better_is_a_trial_and_says_how_many_more_cases() -> None:
    found = verdict(candidate(proof=UNPROVEN))
    assert (found.verdict, found.recommended_model) == (Verdict.TRIAL, "cheap")
    more = found.details["more_cases"]
    assert isinstance(more, int)
    assert more >= 1
    assert f"About {more} more cases" in found.reasons[1]
    assert found.details["cost_of_cases_usd"] == pytest.approx(more * 0.015)
    assert found.score <= 49


def test_the_named_number_of_cases_settles_it() -> None:
    """The same effect on so many more items is proven, on one in four of them it is not."""

    def weighed(n: int) -> Evidence:
        pattern = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        other = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]
        scores, reference = (list(itertools.islice(itertools.cycle(p), n)) for p in (pattern, other))
        return weigh(scores, reference, margin=0.05, alpha=ALPHA)

    first = weighed(100)
    assert not first.proven
    more = verdict(candidate(proof=first, spread=0.2), margin=0.05).details["more_cases"]
    assert isinstance(more, int)
    assert not weighed(100 + more // 4).proven
    assert weighed(100 + more).proven


# insufficient evidence


def test_without_a_model_in_use_nothing_can_be_compared() -> None:
    found = verdict(candidate(), current_model_id=None, current_model=None)
    assert found.verdict is Verdict.INSUFFICIENT_EVIDENCE
    assert "No model is assigned" in found.reasons[1]


def test_too_few_items_say_what_is_missing() -> None:
    few = evidence(n=MINIMUM_PAIRS - 1)
    found = verdict(candidate(proof=few), samples=MINIMUM_PAIRS - 1)
    assert (found.verdict, found.score, found.recommended_model_id) == (
        Verdict.INSUFFICIENT_EVIDENCE,
        0,
        None,
    )
    assert f"at least {MINIMUM_PAIRS} are needed" in found.reasons[1]
    assert verdict(candidate(proof=evidence(n=MINIMUM_PAIRS))).verdict is Verdict.SWITCH


def test_samples_that_no_candidate_was_tried_on_say_so() -> None:
    assert "No candidate was tried" in verdict().reasons[1]
    assert "No candidate was tried" in verdict(candidate(callable=False)).reasons[1]


# What must hold for all


def test_a_model_that_the_key_cannot_use_is_never_recommended() -> None:
    gone = candidate("gone", callable=False)
    for changes in ({}, {"current_status": "retired"}):
        assert verdict(gone, **changes).recommended_model_id != "id-gone"
        assert verdict(gone, candidate("there"), **changes).recommended_model == "there"


intervals = st.tuples(*[st.floats(0, 3)] * 3).map(
    lambda t: Interval(sorted(t)[1], sorted(t)[0], sorted(t)[2])
)
proofs = st.builds(
    evidence,
    n=st.integers(0, 400),
    effect=st.floats(-0.5, 0.5),
    proven=st.booleans(),
    worse=st.booleans(),
)
rivals = st.lists(
    st.builds(
        candidate,
        st.sampled_from("abcdef"),
        proofs,
        cost_ratio=st.none() | intervals,
        cost_per_item_usd=st.none() | st.floats(0, 1),
        callable=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda c: c.model,
)
cases = st.builds(
    lambda candidates, **changes: case(*candidates, **changes),
    rivals,
    cost_per_request_usd=st.none() | st.decimals(0, 1, places=4),
    current_status=st.sampled_from([None, "active", "deprecated", "retired", "unavailable"]),
    current_model_id=st.sampled_from([None, "id-incumbent", "id-incumbent"]),
    retires_on=st.none() | st.dates(date(2026, 10, 1), date(2027, 3, 1)),
    switching_cost_usd=st.decimals(0, 10_000, places=2),
    demand_relative_error=st.floats(0, 1),
)


@given(cases)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_verdict_goes_beyond_its_evidence(found: FeatureCase) -> None:
    decision = decide(found, today=TODAY, horizon_days=HORIZON)
    assert 0 <= decision.score <= 100
    assert all(decision.reasons)
    chosen = decision.chosen
    if decision.verdict is Verdict.SWITCH:
        assert chosen is not None
        assert chosen.evidence.proven
        assert chosen.callable
        saving = saving_per_month(found, chosen)
        assert saving is not None, "an unknown price never gives a switch"
        assert saving.low > 0
    if decision.verdict is Verdict.TRIAL:
        assert chosen is not None
        assert not chosen.evidence.proven_worse
        assert saving_per_month(found, chosen) is not None
    if decision.verdict is Verdict.KEEP:
        assert decision.recommended_model_id == found.current_model_id
        assert found.current_status not in ("retired", "unavailable")


@given(cases, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_same_input_gives_the_same_verdict_in_any_order(found: FeatureCase, random: Any) -> None:
    first = decide(found, today=TODAY, horizon_days=HORIZON)
    shuffled = list(found.candidates)
    random.shuffle(shuffled)
    again = decide(replace(found, candidates=tuple(shuffled)), today=TODAY, horizon_days=HORIZON)
    assert (first.verdict, first.score) == (again.verdict, again.score)
    if first.verdict is not Verdict.KEEP:
        assert first.recommended_model_id == again.recommended_model_id


def test_an_unpriced_incumbent_gives_no_switch() -> None:
    found = verdict(candidate(), cost_per_request_usd=None)
    assert found.verdict is Verdict.KEEP
    assert "cannot be priced" in found.reasons[1]


# Latency

FASTER, BARELY, SLOWER = Interval(0.6, 0.5, 0.7), Interval(0.93, 0.88, 0.98), Interval(1.2, 1.1, 1.3)


@pytest.mark.parametrize(
    ("ratio", "proven", "verdict"),
    [
        (FASTER, True, Verdict.SWITCH),
        (FASTER, False, Verdict.TRIAL),
        (BARELY, True, Verdict.KEEP),
        (SLOWER, True, Verdict.KEEP),
        (None, True, Verdict.KEEP),
    ],
)
def test_a_feature_that_wants_speed_switches_to_what_is_surely_faster(
    ratio: Interval | None, proven: bool, verdict: Verdict
) -> None:
    dearer = candidate(proof=evidence(proven=proven), latency_ratio=ratio, cost_ratio=DEARER)
    decision = decide(case(dearer, objective="latency"), today=TODAY, horizon_days=HORIZON)
    assert decision.verdict is verdict
    if verdict is Verdict.SWITCH:
        assert decision.score == round(50 * (1 - ALPHA * math.exp(-1.0)) + 50 * 0.3)
        assert "Response time: 40% less (90 % interval 30% to 50%)." in decision.reasons
        assert any("costs" in reason and "more" in reason for reason in decision.reasons)


def test_of_faster_models_the_fastest_is_taken_and_an_unpriced_one_is_not() -> None:
    fast = candidate("fast", latency_ratio=FASTER, cost_ratio=DEARER)
    faster = candidate("faster", latency_ratio=Interval(0.3, 0.2, 0.4), cost_ratio=DEARER)
    unpriced = candidate("unpriced", latency_ratio=Interval(0.1, 0.1, 0.1), cost_ratio=None)
    decision = decide(case(fast, faster, unpriced, objective="latency"), today=TODAY, horizon_days=HORIZON)
    assert decision.recommended_model == "faster"
