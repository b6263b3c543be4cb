"""The order of the evidence, its error and its reference, on a small warehouse made by hand."""

from __future__ import annotations

import uuid

import pytest
from recommender_rows import (
    ACME,
    ITEMS,
    MODELS,
    change,
    good,
    night,
    recommendation,
    replay,
    rows,
    tried,
)
from sqlalchemy import Engine, text

pytestmark = pytest.mark.usefixtures("two_organizations")


# The order of the evidence and its error


def test_each_candidate_spends_its_own_share_of_the_error_and_keeps_it(
    pipeline: Engine, engine: Engine
) -> None:
    replay(engine, "incumbent", good(40))
    replay(engine, "other", good(40))
    night(pipeline)
    assert tried(pipeline)["other"]["alpha"] == pytest.approx(0.05 * 0.8)
    replay(engine, "cheap", good(40))
    night(pipeline, 1)
    assert tried(pipeline)["other"]["alpha"] == pytest.approx(0.05 * 0.8)
    assert tried(pipeline)["cheap"]["alpha"] == pytest.approx(0.05 * 0.2 / 2)
    replay(engine, "cheap", good(10), first=40)
    replay(engine, "incumbent", good(10), first=40)
    night(pipeline, 2)
    found = rows(
        pipeline, "SELECT candidate_model_id AS c, ordinal, n FROM evidence_streams ORDER BY ordinal"
    )
    assert [(r["c"], r["ordinal"], r["n"]) for r in found] == [
        (MODELS["other"], 1, 40),
        (MODELS["cheap"], 2, 50),
    ]


def test_candidates_of_one_night_share_a_round_equally(pipeline: Engine, engine: Engine) -> None:
    replay(engine, "incumbent", good(40))
    replay(engine, "cheap", good(40))
    replay(engine, "other", good(40))
    night(pipeline)
    found = rows(pipeline, "SELECT ordinal, error_share FROM evidence_streams")
    assert [(r["ordinal"], r["error_share"]) for r in found] == [(1, pytest.approx(0.05 * 0.8 / 2))] * 2


def test_a_new_model_in_use_opens_new_streams_that_pay_their_own_share(
    pipeline: Engine, engine: Engine
) -> None:
    for name in ("incumbent", "cheap", "other"):
        replay(engine, name, good(40))
    night(pipeline)
    change(engine, "UPDATE ai_feature_settings SET current_model_id = :m", m=MODELS["cheap"])
    night(pipeline, 1)
    found = rows(pipeline, "SELECT ordinal FROM evidence_streams WHERE reference_model_id = :m ORDER BY 1",
                 m=MODELS["cheap"])  # fmt: skip
    assert [r["ordinal"] for r in found] == [2, 2]


def test_the_proof_sees_the_items_in_the_order_in_which_they_came(pipeline: Engine, engine: Engine) -> None:
    """Early losses and late wins are another path than the reverse, with the same mean."""
    replay(engine, "incumbent", [1.0, 0.0] * 60)
    replay(engine, "cheap", [0.0] * 10 + [1.0] * 110)
    replay(engine, "other", [1.0] * 110 + [0.0] * 10)
    night(pipeline)
    found = tried(pipeline)
    assert found["cheap"]["effect"] == pytest.approx(found["other"]["effect"])
    assert found["other"]["log_e_value"] > found["cheap"]["log_e_value"] + 0.5


@pytest.mark.usefixtures("cheap_is_proven")
def test_what_was_proven_stays_proven_on_later_nights(pipeline: Engine, engine: Engine) -> None:
    night(pipeline)
    [first] = rows(pipeline, "SELECT log_e_value, n FROM evidence_streams")
    # A run of losses afterwards: the measured effect falls, the proof of that night stands.
    replay(engine, "incumbent", good(60), first=ITEMS)
    replay(engine, "cheap", [0.0] * 60, first=ITEMS)
    night(pipeline, 1)
    [later] = rows(pipeline, "SELECT log_e_value, n FROM evidence_streams")
    assert later == {"log_e_value": first["log_e_value"], "n": ITEMS + 60}
    assert tried(pipeline)["cheap"]["proven"]


@pytest.mark.usefixtures("cheap_is_proven")
def test_evidence_whose_older_results_expired_begins_anew(pipeline: Engine, engine: Engine) -> None:
    night(pipeline)
    change(engine, "DELETE FROM ai_benchmark_results WHERE model_id = :m AND case_key < :last", m=MODELS["cheap"],
           last=f"{ACME}/i40")  # fmt: skip
    night(pipeline, 1)
    [stream] = rows(pipeline, "SELECT ordinal, error_share, n FROM evidence_streams")
    assert (stream["ordinal"], stream["error_share"]) == (2, pytest.approx(0.05 * 0.2 / 2))
    assert stream["n"] < ITEMS


# The reference that the margin is fixed to


def references(engine: Engine) -> list[uuid.UUID]:
    found = rows(
        engine, "SELECT reference_model_id AS r FROM ai_feature_settings WHERE organization_id = :o", o=ACME
    )
    return [r["r"] for r in found]


def assign(engine: Engine, model: str) -> None:
    change(engine, "UPDATE ai_feature_settings SET current_model_id = :m WHERE organization_id = :o",
           m=MODELS[model], o=ACME)  # fmt: skip


@pytest.mark.usefixtures("cheap_is_proven")
def test_losses_do_not_add_up_from_switch_to_switch(pipeline: Engine, engine: Engine) -> None:
    """`other` equals `cheap`, which lost 6 points since; against the first model that is more than 5 points."""
    night(pipeline)
    assert recommendation(pipeline)["recommended_model"] == "cheap"
    assign(engine, "cheap")
    change(engine, "UPDATE ai_model_analytics SET model_id = :m", m=MODELS["cheap"])
    replay(engine, "incumbent", [1.0] * 360, first=ITEMS, cost_usd=0.02)
    worse: list[float | None] = [0.0 if n % 10 == 0 else 1.0 for n in range(360)]
    replay(engine, "cheap", worse, first=ITEMS, cost_usd=0.01)
    replay(engine, "other", worse, first=ITEMS, cost_usd=0.001)
    replay(engine, "other", good(), cost_usd=0.001)
    night(pipeline, 1)
    assert references(pipeline) == [MODELS["incumbent"]]
    found = tried(pipeline)["other"]
    assert (found["effect"], found["proven"]) == (0.0, True)
    assert found["against_reference"]["effect"] == pytest.approx(-0.06)
    assert not found["against_reference"]["proven"]
    assert recommendation(pipeline)["verdict"] != "switch"
    # Fixed to the model in use alone, the same night would have been a switch.
    change(engine, "UPDATE ai_feature_settings SET reference_model_id = current_model_id")
    night(pipeline, 1)
    assert recommendation(pipeline)["recommended_model"] == "other"


@pytest.mark.usefixtures("cheap_is_proven")
def test_a_model_chosen_by_a_person_or_after_a_retirement_is_a_new_reference(
    pipeline: Engine, engine: Engine
) -> None:
    night(pipeline)
    assign(engine, "other")
    night(pipeline, 1)
    assert references(pipeline) == [MODELS["other"]]
    assign(engine, "cheap")
    night(pipeline, 2)
    assert references(pipeline) == [MODELS["other"]], "it was recommended as a switch"
    change(engine, "UPDATE ai_models SET retires_on = '2026-11-01' WHERE id = :m", m=MODELS["other"])
    night(pipeline, 3)
    assert references(pipeline) == [MODELS["cheap"]]


def test_an_item_counts_once_however_often_it_was_replayed(pipeline: Engine, engine: Engine) -> None:
    replay(engine, "incumbent", good(40))
    replay(engine, "cheap", good(40))
    replay(engine, "cheap", [0.0] * 40, suite="again")
    night(pipeline)
    found = tried(pipeline)["cheap"]
    assert (found["n"], found["effect"]) == (40, 0.0)


@pytest.mark.parametrize(
    ("error", "n", "effect"),
    [
        ("rate_limited", 40, 0.0),
        ("provider_unavailable", 40, 0.0),
        ("malformed_answer", 50, -0.2),
        ("bad_request", 50, -0.2),
        ("refusal", 50, -0.2),
    ],
)
def test_a_failure_of_the_model_is_a_loss_and_one_of_the_network_is_nothing(
    pipeline: Engine, engine: Engine, error: str, n: int, effect: float
) -> None:
    replay(engine, "incumbent", good(50))
    replay(engine, "cheap", [*good(40), *[None] * 10], error_type=error)
    night(pipeline)
    found = tried(pipeline)["cheap"]
    assert (found["n"], found["effect"]) == (n, pytest.approx(effect))


@pytest.mark.usefixtures("cheap_is_proven")
@pytest.mark.parametrize(
    "closed",
    [
        "UPDATE ai_model_availability SET status = 'unavailable' WHERE model_id = :m",
        "UPDATE organization_provider_keys SET enabled = FALSE",
        "INSERT INTO ai_model_settings (organization_id, model_id, enabled) SELECT id, :m, FALSE FROM organizations",
        "UPDATE ai_models SET retires_on = '2026-12-20' WHERE id = :m",
    ],
)
def test_a_proven_model_that_cannot_be_used_is_not_recommended(
    pipeline: Engine, engine: Engine, closed: str
) -> None:
    with engine.begin() as connection:
        connection.execute(text(closed), {"m": MODELS["cheap"]} if ":m" in closed else {})
    night(pipeline)
    assert recommendation(pipeline)["recommended_model"] != "cheap"
