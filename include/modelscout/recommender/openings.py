"""Which proofs are opened tonight, and what share of the year's error each of them gets. Pure; no database.

A candidate is tried for the feature as a whole and, where its work has more than one level of complexity, for each
level. Its levels are opened together, also those without an item yet: what they may spend is settled before anything
is known of them, and however many of them are wrong, all proofs of a feature together stay within the error of a year.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from modelscout.core.types import WORKLOAD_LEVELS
from modelscout.recommender.case import MINIMUM_PAIRS
from modelscout.recommender.spending import error_share, share_of_a_level, share_of_the_whole
from modelscout.warehouse.engine import Row

ANY = "any"
"""The complexity of a proof for the feature as a whole."""
LEVELS = WORKLOAD_LEVELS["complexity"]
Feature = tuple[str, str]
"""Organization id and feature id."""


class StreamKey(NamedTuple):
    """What a stream is about."""

    organization_id: str
    feature_id: str
    reference_model_id: str
    model_id: str
    kind: str = "paired"
    complexity: str = ANY

    @classmethod
    def of(cls, row: Mapping[str, object]) -> StreamKey:
        """The key of a row that has its columns."""
        return cls(
            str(row["organization_id"]),
            str(row["feature_id"]),
            str(row["reference_model_id"]),
            str(row["model_id"]),
            str(row["kind"]),
            str(row["complexity"]),
        )

    @property
    def feature(self) -> Feature:
        """Whose error it spends."""
        return self.organization_id, self.feature_id


class _Fresh(NamedTuple):
    """What is opened of one candidate against one reference."""

    whole: bool
    levels: bool


def items_of(row: Row) -> int:
    """Pairs, or judged requests, of a row."""
    return int(row["n"]) if row["kind"] == "paired" else len(row["scores"])


def openings(rows: Sequence[Row], stored: Mapping[StreamKey, Row]) -> list[dict[str, object]]:
    """The streams to open, as rows of recommender_open_streams: what is new, and what begins anew.

    `rows`: of recommender_pairs and recommender_randomised. `stored`: rows of recommender_streams.
    """
    by_key = {StreamKey.of(row): row for row in rows}
    several = _with_several_levels(rows)
    fresh = {
        key: found
        for key in by_key
        if key.complexity == ANY and any(found := _fresh(key, by_key, stored, key.feature in several))
    }
    rounds = _rounds(fresh, stored)
    return [
        {**each._asdict(), "ordinal": rounds[key.feature][0], "error_share": share, "first_sequence": first}
        for key, found in fresh.items()
        for each, share in _shares(key, found, error_share(*rounds[key.feature]))
        for first in [int(by_key[each]["first_sequence"]) if each in by_key else None]
    ]


def _with_several_levels(rows: Iterable[Row]) -> set[Feature]:
    """Features with enough items of two levels at least: elsewhere a level is the feature as a whole."""
    seen: dict[Feature, set[str]] = defaultdict(set)
    for row in rows:
        if row["complexity"] != ANY and items_of(row) >= MINIMUM_PAIRS:
            seen[StreamKey.of(row).feature].add(row["complexity"])
    return {feature for feature, levels in seen.items() if len(levels) > 1}


def _fresh(
    key: StreamKey, rows: Mapping[StreamKey, Row], stored: Mapping[StreamKey, Row], has_levels: bool
) -> _Fresh:
    whole = key not in stored or _begins_anew(rows[key], stored[key])
    levels = [key._replace(complexity=level) for level in LEVELS]
    are_open = levels[0] in stored
    # What was proven of a model before it changed is proven of none of its levels either.
    anew = are_open and (whole or any(k in rows and _begins_anew(rows[k], stored[k]) for k in levels))
    return _Fresh(whole, anew or (has_levels and not are_open))


def _begins_anew(row: Row, stream: Row) -> bool:
    # The oldest result may be older than what was stored, when it became visible late; never the reverse.
    known = stream["first_sequence"]
    return known is not None and int(row["first_sequence"]) > int(known)


def _rounds(
    fresh: Mapping[StreamKey, _Fresh], stored: Mapping[StreamKey, Row]
) -> dict[Feature, tuple[int, int]]:
    """Per feature the number of the round that its new candidates share, and how many they are."""
    last: dict[Feature, int] = defaultdict(int)
    for key, stream in stored.items():
        if stream["counts"]:
            last[key.feature] = max(last[key.feature], int(stream["ordinal"]))
    # A model that is tried in two ways is two candidates: either proof could be the wrong one.
    tried: dict[Feature, set[tuple[str, str]]] = defaultdict(set)
    for key in fresh:
        tried[key.feature].add((key.model_id, key.kind))
    return {feature: (last[feature] + 1, len(models)) for feature, models in tried.items()}


def _shares(key: StreamKey, fresh: _Fresh, share: float) -> Iterable[tuple[StreamKey, float]]:
    """Each proof with its share of what its candidate may spend.

    Against the model in use and against the fixed reference alike: a wrong switch needs both to be wrong.
    """
    if fresh.whole:
        yield key, share_of_the_whole(share) if fresh.levels else share
    if fresh.levels:
        each = share_of_a_level(share, len(LEVELS), alone=not fresh.whole)
        yield from ((key._replace(complexity=level), each) for level in LEVELS)
