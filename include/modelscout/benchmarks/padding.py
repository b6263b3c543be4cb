"""Text that does not matter, to make a prompt as long as it has to be."""

from __future__ import annotations

import random
from collections.abc import Iterator

CHARACTERS_PER_TOKEN = 4
"""Of English text, about, for the vendors' tokenizers."""


def padded(prompt: str, tokens: int, *, seed: str) -> str:
    """`prompt` after about `tokens` tokens of notes; the same `seed` gives the same notes."""
    if tokens == 0:
        return prompt
    return "\n".join([*gate_log(tokens, seed=seed), "", prompt])


def gate_log(tokens: int, *, seed: str | int) -> list[str]:
    """Lines of a log of about `tokens` tokens together."""
    lines: list[str] = []
    size = 0
    for line in _notes(random.Random(seed)):
        if size >= tokens * CHARACTERS_PER_TOKEN:
            break
        lines.append(f"{len(lines) + 1}. {line}")
        size += len(lines[-1]) + 1
    return lines


def _notes(rng: random.Random) -> Iterator[str]:
    while True:
        goods, place = rng.choice(("crates", "barrels", "sacks", "pallets")), rng.choice("ABCDEFGH")
        yield f"Gate {place}: {rng.randint(10, 99)} {goods} of batch {rng.randint(100, 999)}."
