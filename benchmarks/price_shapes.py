"""Writes docs/price_shapes.md: every hand-checked call with our price and what the peers answer for it.

Run: python benchmarks/price_shapes.py. Exits with 1 where our price is not the one worked out by hand.
"""

from __future__ import annotations

import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "benchmarks/peers"), str(ROOT / "tests/unit/costs")]

from environment import ask  # noqa: E402
from price_shapes import SHAPES, Shape  # noqa: E402
from test_price_shapes import priced  # noqa: E402

PAGE = ROOT / "docs/price_shapes.md"
INTRODUCTION = """# Hand-checked prices

{shapes} calls, each worked out by hand from the vendors' lists, in USD per million tokens; ours is equal in every
one (`tests/unit/costs/test_price_shapes.py`). Beside it what genai-prices 0.2.3 and litellm 1.109.1 answer when
they are asked the same in their own terms. Written by `python benchmarks/price_shapes.py`.

genai-prices differs in {genai}, litellm in {litellm} of {shapes}. **Bold** is another amount than the true one;
*italics* a refusal (the name of the error) where the price is known. A negotiated price is in neither.

| shape | model | by hand | ours | genai-prices | litellm |
|---|---|---|---|---|---|
"""
NOTES = """
## What they answer differently, and why
- **Retired models**: litellm takes a model off its list when it retires. It then refuses or, where it knows the
  vendor, answers 0 without an error (`claude-opus-4-1`), so that history can no longer be priced.
- **New models** that are on no list yet: genai-prices refuses, litellm answers 0 without an error (`gpt-6.2`).
- **Time**: litellm knows one price a model; a call of before or after a change is priced at that one.
- **Long context**: litellm has no tier for `claude-sonnet-4-5`.
- **Batch and flex**: where genai-prices lists no such price it answers the standard one and does not say so, and so
  does litellm for Anthropic's flex, which does not exist; ours is half of the standard price, marked as estimated,
  for batch, and unknown for flex.
- **Unknown prices**: a cached token without a cached price is unknown for us. Both peers bill it as plain input.
- **Fine-tunes**: both answer the price of a list, which is not what this organization's model costs; ours is unknown.
- **Operations**: neither knows Clarifai.
- **Negotiated prices**: both can be given one in code, neither keeps any; they are asked for the list price here.
- litellm adds binary floats: its amounts are compared to nine digits.
"""


def call_of(shape: Shape) -> list[Any]:
    provider, _, model = shape.model.partition("/")
    used = shape.usage
    return [
        provider, model, shape.processing.value, shape.at.timestamp(), used.input_tokens, used.output_tokens,
        used.cache_read_tokens, used.cache_write_tokens, used.cache_write_1h_tokens,
    ]  # fmt: skip


def shown(shape: Shape, answer: str) -> tuple[str, bool]:
    """The cell of a peer, and whether it is right."""
    if answer.startswith("!"):
        return ("refused", True) if shape.cost is None else (f"*{answer[1:]}*", False)
    amount = format(Decimal(answer).quantize(Decimal("1e-10")).normalize(), "f")
    if shape.cost is not None and abs(Decimal(answer) - Decimal(shape.cost)) <= Decimal(shape.cost) * Decimal(
        "1e-9"
    ):
        return shape.cost, True
    return f"**{amount}**", False


def main() -> int:
    wrong = 0
    lines, differs = [], {"genai_prices": 0, "litellm": 0}
    with tempfile.TemporaryDirectory() as folder:
        answers = {p: ask(p, map(call_of, SHAPES), Path(folder)).values for p in differs}
    for index, shape in enumerate(SHAPES):
        ours = priced(shape).cost_usd
        wrong += ours != (None if shape.cost is None else Decimal(shape.cost))
        cells = {p: shown(shape, answers[p][index]) for p in differs}
        for peer, (_, right) in cells.items():
            differs[peer] += not right
        ours_shown = "unknown" if ours is None else shape.cost
        peers = " | ".join(cell for cell, _ in cells.values())
        lines.append(f"| {shape.name} | `{shape.model}` | {shape.by_hand} | {ours_shown} | {peers} |")
    page = INTRODUCTION.format(shapes=len(SHAPES), genai=differs["genai_prices"], litellm=differs["litellm"])
    PAGE.write_text(page + "\n".join(lines) + "\n" + NOTES, encoding="utf-8")
    print(f"{len(SHAPES)} shapes, {wrong} of ours wrong; genai-prices and litellm differ in {differs}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
