"""The figures of a replay, on outcomes that are made up so that they are known."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest

from modelscout.benchmarks.graders import answer_of
from modelscout.core.types import Provider
from modelscout.demo.events import BAD_REQUEST_SHARE, RATE_LIMITED_SHARE, TIMEOUT_SHARE, UNAVAILABLE_SHARE
from modelscout.demo.replay import Outcome, Pair, failure_kind
from modelscout.demo.replay_faults import EVERY_TIME, item_faults, outages
from modelscout.demo.replay_report import TRIALS_COUNTED, Adoption, adoption, compare, comparisons, goals
from modelscout.demo.samples import DemoSample, samples, unseen_samples


def items(organization: str, feature: str) -> Iterator[DemoSample]:
    return (
        s for s in samples() if (s.assignment.organization, s.assignment.feature) == (organization, feature)
    )


def outcome(
    sample: DemoSample, *, right: bool = True, ms: float = 100.0, usd: str | None = "0.001"
) -> Outcome:
    case = sample.case
    text = answer_of(case.grader, case.reference) if right else case.wrong_answers[0]
    return Outcome(text, None, "openai/m", ms, None if usd is None else Decimal(usd))


def failed(kind: str) -> Outcome:
    return Outcome(None, kind, None, 5.0, Decimal(0))


def pairs_of(feature: str = "chat", size: int = 100, **selected: object) -> list[Pair]:
    found = []
    for sample, number in zip(items("bloom", feature), count(), strict=False):
        if number < size:
            better = outcome(sample, ms=40.0, usd="0.0004") if not selected else outcome(sample, **selected)  # type: ignore[arg-type]
            found.append(Pair(sample, False, outcome(sample), better))
    return found


def test_changes_are_over_the_items_that_both_answered() -> None:
    pairs = pairs_of()
    gone = [Pair(p.sample, False, failed("retired"), p.selected) for p in pairs[:20]]
    found = compare("chat", gone + pairs[20:])
    assert (found.requests, found.answered_by_both) == (100, 80)
    assert found.saving == pytest.approx(0.6)
    assert found.latency_saving == pytest.approx(0.6)
    # What failed cost nothing, which is no saving of the fixed side's.
    assert found.fixed.cost_per_1000_usd == pytest.approx(0.8)
    assert found.selected.cost_per_1000_usd == pytest.approx(0.4)
    assert found.fixed.failures_per_1000 == {"retired": 200.0}
    assert found.failures_saving == 1.0


def test_quality_is_proven_only_where_it_holds() -> None:
    same = compare("same", pairs_of(size=200))
    assert same.quality_change == 0
    assert same.quality_bound is not None
    assert same.quality_bound >= -0.05
    assert same.not_worse is True
    worse = compare("worse", pairs_of(size=200, right=False))
    assert worse.not_worse is False
    assert worse.quality_change == pytest.approx(-1.0, abs=0.4)
    few = compare("few", pairs_of(size=10))
    assert (few.quality_change, few.not_worse) == (0, False)


def test_an_unknown_price_is_unknown() -> None:
    pairs = pairs_of(size=20, usd=None)
    found = compare("unknown", pairs)
    assert found.selected.cost_per_1000_usd is None
    assert found.saving is None


def test_nothing_paired_says_nothing() -> None:
    pairs = [Pair(p.sample, False, failed("retired"), failed("timed out")) for p in pairs_of(size=5)]
    found = compare("none", pairs)
    assert (found.saving, found.latency_saving, found.quality_change, found.quality_bound) == (None,) * 4
    assert not any(goals(found, Adoption({})).values())


def test_traffic_weighs_features_by_their_share() -> None:
    # 10 items of a feature with 35 % of the requests count more than 90 of one with 30 %.
    dear = pairs_of("chat", size=10, usd="0.001")
    cheap = pairs_of("descriptions", size=90, usd="0.0001")
    by_name = {c.name: c for c in comparisons(dear + cheap)}
    assert by_name["all"].selected.cost_per_1000_usd == pytest.approx(0.19)
    weighted = by_name["all, weighted by traffic"].selected.cost_per_1000_usd
    assert weighted == pytest.approx((0.35 * 1.0 + 0.30 * 0.1) / 0.65)


def test_adoption_counts_every_recommendation_that_names_a_model() -> None:
    rows = [
        {"organization": "o", "feature_id": f, "verdict": v, "recommended_model": m}
        for f, v, m in (("a", "switch", "x"), ("b", "keep", "y"), ("c", "trial", "x"), ("d", "switch", "x"),
                        ("e", "insufficient_evidence", None))
    ]  # fmt: skip
    found = adoption(rows, {("o", "a"): "x", ("o", "b"): "y", ("o", "c"): "y", ("o", "d"): "y"})
    assert found.by_verdict == {"keep": (1, 1), "switch": (1, 2), "trial": (0, 1)}
    assert found.share(without_trials=False) == 0.5
    assert found.share(without_trials=True) == pytest.approx(2 / 3)


def test_a_trial_misses_the_goal_that_counts_it_and_no_other() -> None:
    met = goals(compare("all", pairs_of(size=200)), Adoption({"switch": (8, 8), "trial": (0, 1)}))
    # Nobody failed, so that no failure is gone.
    assert {name for name, is_met in met.items() if not is_met} == {
        TRIALS_COUNTED,
        "failures at least 60% fewer",
    }


def test_faults_come_as_often_as_in_the_demos_traffic() -> None:
    drawn = [fault for seed in range(5) for fault in item_faults(samples(), seed=seed)]
    calls = 5 * sum(len([m for m in _usable(s) if m]) for s in samples())
    shares = {
        "429": RATE_LIMITED_SHARE,
        "delay": TIMEOUT_SHARE,
        "503": UNAVAILABLE_SHARE,
        "400": BAD_REQUEST_SHARE,
    }
    for kind, share in shares.items():
        seen = sum(str(f.get("status", 503 if f["kind"] == "http" else "delay")) == kind for f in drawn)
        assert seen / calls == pytest.approx(share, rel=0.25), kind
    assert {f["times"] for f in drawn if f.get("status") == 400} == {EVERY_TIME}
    assert item_faults(samples(), seed=1) == item_faults(samples(), seed=1)


def _usable(sample: DemoSample) -> list[str]:
    from modelscout.demo.profile import MODELS
    from modelscout.demo.scenario import organization

    models = organization(sample.assignment.organization).models()
    return [m.key for m in models if sample.assignment.feature in MODELS[m.key].quality]


def test_outages_are_spread_and_end() -> None:
    found = outages((Provider.OPENAI, Provider.GOOGLE), seconds=100, each_s=5)
    assert [(at, f["provider"], f["for_s"]) for at, f in found] == [(25.0, "openai", 5), (75.0, "google", 5)]


def test_items_that_come_next_are_new() -> None:
    more = unseen_samples(30)
    assert len(more) == 9 * 30
    assert len({s.fingerprint for s in (*samples(), *more)}) == len(samples()) + len(more)


@pytest.mark.parametrize(
    ("error_type", "message", "kind"),
    [
        ("model_not_found", "", "retired"),
        ("provider_unavailable", "timeout: no answer in time", "timed out"),
        ("provider_unavailable", "overloaded", "overloaded"),
        ("bad_request", "", "refused"),
        ("something_new", "", "other"),
    ],
)
def test_failures_have_a_kind(error_type: str, message: str, kind: str) -> None:
    assert failure_kind(error_type, message) == kind
