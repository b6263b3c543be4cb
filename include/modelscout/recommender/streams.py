"""The proofs of all organizations at one look: streams opened, weighed and stored.

A stream is one candidate tried for one feature against one model. It is given its share of the year's error once, and
what it proved stays proven; where older results expired, as those of a model that changed, it begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from modelscout.recommender.betting import Streams
from modelscout.recommender.evidence import Evidence, weigh_many
from modelscout.recommender.openings import StreamKey, openings
from modelscout.recommender.randomised import Traffic, weigh_traffic
from modelscout.warehouse.engine import Row, run_sql

ROWS_PER_STATEMENT = 20_000


def weigh_streams(
    connection: Connection,
    pairs: Sequence[Row],
    traffic: Sequence[Row],
    margins: Mapping[tuple[str, str], float],
    *,
    now: datetime,
) -> dict[StreamKey, Evidence]:
    """Evidence of every pair of models tried, by level of complexity too where a feature has more than one.

    Opens a stream for each that is tried first now.

    `pairs`: rows of recommender_pairs. `traffic`: rows of recommender_randomised. `margins`: per organization and
    feature.
    """
    stored = _open(connection, [*pairs, *traffic], now)
    pairs, traffic = ([r for r in rows if StreamKey.of(r) in stored] for rows in (pairs, traffic))
    evidence = _weigh_pairs(pairs, margins, stored) | _weigh_traffic(traffic, margins, stored)
    _store(connection, [*pairs, *traffic], evidence)
    return evidence


def _weigh_pairs(
    pairs: Sequence[Row], margins: Mapping[tuple[str, str], float], stored: Mapping[StreamKey, Row]
) -> dict[StreamKey, Evidence]:
    keys = [StreamKey.of(p) for p in pairs]
    found = weigh_many(
        Streams.of([np.asarray(p["differences"], dtype=np.float64) for p in pairs]),
        margins=[margins[k.feature] for k in keys],
        alphas=[float(stored[k]["error_share"]) for k in keys],
        earlier_log_e_values=[float(stored[k]["log_e_value"]) for k in keys],
    )
    return dict(zip(keys, found, strict=True))


def _weigh_traffic(
    traffic: Sequence[Row], margins: Mapping[tuple[str, str], float], stored: Mapping[StreamKey, Row]
) -> dict[StreamKey, Evidence]:
    return {
        key: weigh_traffic(
            traffic_of(row),
            margin=margins[key.feature],
            alpha=float(stored[key]["error_share"]),
            earlier_log_e_value=float(stored[key]["log_e_value"]),
        )
        for row in traffic
        for key in [StreamKey.of(row)]
    }


def traffic_of(row: Row) -> Traffic:
    """The judged requests of a row of recommender_randomised."""
    return Traffic(
        np.asarray(row["scores"], dtype=np.float64),
        np.asarray(row["is_candidate"], dtype=np.bool_),
        np.asarray(row["propensities"], dtype=np.float64),
    )


def _open(connection: Connection, rows: Sequence[Row], now: datetime) -> dict[StreamKey, Row]:
    """The stored streams, after those that are new or begin anew were opened."""
    stored = _stored(connection, now)
    fresh = openings(rows, stored)
    if not fresh:
        return stored
    for part in _parts(fresh):
        run_sql(connection, "queries/recommender_open_streams", {"rows": json.dumps(part), "now": now})
    return _stored(connection, now)


def _stored(connection: Connection, now: datetime) -> dict[StreamKey, Row]:
    rows = run_sql(connection, "queries/recommender_streams", {"now": now})
    return {StreamKey.of(r): r for r in rows}


def _store(connection: Connection, pairs: Sequence[Row], evidence: Mapping[StreamKey, Evidence]) -> None:
    rows = [
        {
            **StreamKey.of(pair)._asdict(),
            "n": found.n,
            "first_sequence": int(pair["first_sequence"]),
            "last_sequence": int(pair["last_sequence"]),
            "log_e_value": found.log_e_value,
            "state": {
                "effect": found.effect,
                "lower_bound": found.lower_bound,
                "upper_bound": found.upper_bound,
                "dependence": found.dependence,
            },
        }
        for pair in pairs
        for found in [evidence[StreamKey.of(pair)]]
    ]
    for part in _parts(rows):
        run_sql(connection, "queries/recommender_store_streams", {"rows": json.dumps(part)})


def _parts(rows: Sequence[dict[str, object]]) -> Iterator[Sequence[dict[str, object]]]:
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        yield rows[start : start + ROWS_PER_STATEMENT]
