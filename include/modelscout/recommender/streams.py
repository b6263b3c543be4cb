"""The proofs of all organizations at one look: streams opened, weighed and stored.

A stream is one candidate tried for one feature against one model. It is given its share of the year's error once, and
what it proved stays proven; where older results expired, as those of a model that changed, it begins anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from modelscout.recommender.betting import Streams
from modelscout.recommender.evidence import Evidence, weigh_many
from modelscout.recommender.randomised import Traffic, weigh_traffic
from modelscout.recommender.spending import error_share
from modelscout.warehouse.engine import Row, run_sql

ROWS_PER_STATEMENT = 20_000


class StreamKey(NamedTuple):
    """What a stream is about."""

    organization_id: str
    feature_id: str
    reference_model_id: str
    model_id: str
    kind: str = "paired"

    @classmethod
    def of(cls, row: Mapping[str, object]) -> StreamKey:
        """The key of a row that has its columns."""
        return cls(
            str(row["organization_id"]),
            str(row["feature_id"]),
            str(row["reference_model_id"]),
            str(row["model_id"]),
            str(row["kind"]),
        )


def weigh_streams(
    connection: Connection,
    pairs: Sequence[Row],
    traffic: Sequence[Row],
    margins: Mapping[tuple[str, str], float],
    *,
    now: datetime,
) -> dict[StreamKey, Evidence]:
    """Evidence of every pair of models tried. Opens a stream for each that is tried first now.

    `pairs`: rows of recommender_pairs. `traffic`: rows of recommender_randomised. `margins`: per organization and
    feature.
    """
    rows = [*pairs, *traffic]
    stored = _open(connection, rows, now)
    evidence = _weigh_pairs(pairs, margins, stored) | _weigh_traffic(traffic, margins, stored)
    _store(connection, rows, evidence)
    return evidence


def _weigh_pairs(
    pairs: Sequence[Row], margins: Mapping[tuple[str, str], float], stored: Mapping[StreamKey, Row]
) -> dict[StreamKey, Evidence]:
    keys = [StreamKey.of(p) for p in pairs]
    found = weigh_many(
        Streams.of([np.asarray(p["differences"], dtype=np.float64) for p in pairs]),
        margins=[margins[k.organization_id, k.feature_id] for k in keys],
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
            margin=margins[key.organization_id, key.feature_id],
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


def _open(connection: Connection, pairs: Sequence[Row], now: datetime) -> dict[StreamKey, Row]:
    """The stored streams, after those that are new or begin anew were opened."""
    stored = _stored(connection, now)
    fresh = [p for p in pairs if _begins(p, stored.get(StreamKey.of(p)))]
    if not fresh:
        return stored
    rounds = _rounds(fresh, stored)
    for part in _parts([_opening(p, rounds) for p in fresh]):
        run_sql(connection, "queries/recommender_open_streams", {"rows": json.dumps(part), "now": now})
    return _stored(connection, now)


def _stored(connection: Connection, now: datetime) -> dict[StreamKey, Row]:
    rows = run_sql(connection, "queries/recommender_streams", {"now": now})
    return {StreamKey.of(r): r for r in rows}


def _begins(pair: Row, stream: Row | None) -> bool:
    if stream is None:
        return True
    # The oldest result may be older than what was stored, when it became visible late; never the reverse.
    known = stream["first_sequence"]
    return known is not None and int(pair["first_sequence"]) > int(known)


class _Round(NamedTuple):
    number: int
    candidates: int


def _rounds(fresh: Sequence[Row], stored: Mapping[StreamKey, Row]) -> dict[tuple[str, str], _Round]:
    """Per feature the round that its new candidates share."""
    last: dict[tuple[str, str], int] = defaultdict(int)
    for key, stream in stored.items():
        if stream["counts"]:
            feature = (key.organization_id, key.feature_id)
            last[feature] = max(last[feature], int(stream["ordinal"]))
    # A model that is tried in two ways is two candidates: either proof could be the wrong one.
    tried: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for pair in fresh:
        tried[pair["organization_id"], pair["feature_id"]].add((pair["model_id"], pair["kind"]))
    return {feature: _Round(last[feature] + 1, len(models)) for feature, models in tried.items()}


def _opening(pair: Row, rounds: Mapping[tuple[str, str], _Round]) -> dict[str, object]:
    own = rounds[pair["organization_id"], pair["feature_id"]]
    return {
        **StreamKey.of(pair)._asdict(),
        "ordinal": own.number,
        # Against the model in use and against the fixed reference alike: a wrong switch needs both to be wrong.
        "error_share": error_share(own.number, own.candidates),
        "first_sequence": int(pair["first_sequence"]),
    }


def _store(connection: Connection, pairs: Sequence[Row], evidence: Mapping[StreamKey, Evidence]) -> None:
    rows = [
        {
            **StreamKey.of(pair)._asdict(),
            "n": found.n,
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
