"""How the error of a year is spent over the candidates that a feature tries, and over its kinds of work."""

from __future__ import annotations

ERROR = 0.05
"""Chance that any candidate of a year is approved wrongly."""
FIRST_ROUND = 0.8
"""Share of the error for the first round: most candidates of a year are there on the first night."""
LEVELS_SHARE = 0.2
"""Of a candidate's share, for the levels of complexity together: the feature as a whole is asked about first."""


def error_share(round_number: int, candidates: int, error: float = ERROR) -> float:
    """The share of `error` that each of the `candidates` first tried in one night may spend.

    The first round of a year shares four fifths equally; round r from the second on shares a fifth times
    1 / (r (r - 1)), which sums to a fifth over all rounds, however many come. Equal shares within a round need
    no order of candidates, and a candidate alone has four fifths of the error to itself.
    """
    if round_number < 1 or candidates < 1:
        raise ValueError(f"round {round_number} of {candidates} candidates: both count from 1")
    if round_number == 1:
        return error * FIRST_ROUND / candidates
    return error * (1.0 - FIRST_ROUND) / (round_number * (round_number - 1)) / candidates


def share_of_the_whole(share: float) -> float:
    """Of a candidate's `share`, what the proof for the feature as a whole may spend beside those for its levels."""
    return share * (1.0 - LEVELS_SHARE)


def share_of_a_level(share: float, levels: int, *, alone: bool = False) -> float:
    """Of a candidate's `share`, what the proof for each of its `levels` of complexity may spend.

    `alone`: the candidate's proof for the whole has a share from an earlier round.
    """
    return share * (1.0 if alone else LEVELS_SHARE) / levels
