"""The functions that read and merge rollup rows, held against the plain figures."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import Engine, text

SEED = 20261125


def value(engine: Engine, sql: str, **parameters: Any) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(sql), parameters).scalar()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.95, 0.99, 1.0])
def test_a_percentile_of_merged_histograms_is_within_one_percent(engine: Engine, share: float) -> None:
    rng = random.Random(SEED)
    durations = sorted(max(1, int(rng.lognormvariate(6.5, 1.2))) for _ in range(5000))
    found = value(
        engine,
        "SELECT modelscout.histogram_percentile(modelscout.merge_counts(h.counts), :share) FROM ("
        "SELECT jsonb_object_agg(b.bucket, b.n) AS counts FROM ("
        "SELECT d.number % 7 AS part, modelscout.latency_bucket(d.ms) AS bucket, count(*) AS n "
        "FROM unnest(cast(:ms AS integer[])) WITH ORDINALITY AS d (ms, number) GROUP BY 1, 2) AS b "
        "GROUP BY b.part) AS h",
        ms=rng.sample(durations, len(durations)),
        share=share,
    )
    exact = durations[max(0, math.ceil(share * len(durations)) - 1)]
    assert abs(found - exact) / exact <= 0.01


def test_nothing_measured_has_no_percentile(engine: Engine) -> None:
    for histogram in ("NULL", "'{}'", "'{\"5\": 0}'"):
        assert value(engine, f"SELECT modelscout.histogram_percentile({histogram}::jsonb, 0.5)") is None


def test_counts_are_added_by_key(engine: Engine) -> None:
    parts = [{"timeout": 3}, {}, {"timeout": 2**40, "refused": 1}, None]
    expected = Counter[str]()
    for part in parts:
        expected.update(part or {})
    merged = value(
        engine,
        "SELECT modelscout.merge_counts(p) FROM jsonb_array_elements(cast(:parts AS jsonb)) AS p "
        "WHERE jsonb_typeof(p) = 'object'",
        parts='[{"timeout": 3}, {}, {"timeout": 1099511627776, "refused": 1}]',
    )
    assert merged == dict(expected)
    assert value(engine, "SELECT modelscout.merge_counts(NULL)") == {}
    assert value(engine, "SELECT modelscout.merge_counts(latency_histogram) FROM ai_model_analytics") == {}


@pytest.mark.parametrize("users", [0, 1, 200, 255, 256, 5000, 100_000])
def test_distinct_users_of_merged_sketches(engine: Engine, users: int) -> None:
    """Every user is in three of fifty parts."""
    found = value(
        engine,
        "SELECT modelscout.distinct_users(modelscout.merge_user_sketches(p.sketch)) FROM ("
        "SELECT modelscout.smallest_users(array_agg(hashtextextended('user' || i, 0))) AS sketch "
        "FROM generate_series(1, :users) AS i CROSS JOIN generate_series(0, 2) AS copy "
        "GROUP BY (i + 7 * copy) % 50) AS p",
        users=users,
    )
    # Exact below 256; four standard errors above.
    assert found == users if users < 256 else abs(found - users) / users < 0.25


def test_merging_in_pieces_is_merging_at_once(engine: Engine) -> None:
    whole, pieces = (
        value(
            engine,
            "WITH parts AS (SELECT i % 6 AS piece, array_agg(hashtextextended('u' || i % 4000, 0)) AS sketch "
            f"FROM generate_series(1, 20000) AS i GROUP BY i % 60, i % 6) {query}",
        )
        for query in (
            "SELECT modelscout.merge_user_sketches(sketch) FROM parts",
            "SELECT modelscout.merge_user_sketches(m) FROM (SELECT modelscout.merge_user_sketches(sketch) AS m "
            "FROM parts GROUP BY piece) AS s",
        )
    )
    assert len(whole) == 256
    assert whole == pieces


def test_slots_do_not_move(engine: Engine) -> None:
    """State is kept by slot: another function would forget what is in."""
    slots = [
        value(
            engine, "SELECT modelscout.rollup_slot(cast(:id AS uuid))", id=f"00000000-0000-0000-0000-{n:012}"
        )
        for n in range(5)
    ]
    assert slots == [19, 57, 49, 11, 42]
