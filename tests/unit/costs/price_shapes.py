"""Calls whose cost was worked out by hand: the sum stands beside each, in USD per million tokens.

The test, docs/price_shapes.md and the run of the peers are made of this one list.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from modelscout.core.types import Processing, TokenUsage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JUST_BEFORE = timedelta(microseconds=1)
BATCH, FLEX, PRIORITY = Processing.BATCH, Processing.FLEX, Processing.PRIORITY


class Negotiated(NamedTuple):
    """A price of the organization alone, in USD per million tokens."""

    valid_from: datetime
    input_usd: str
    output_usd: str


class Shape(NamedTuple):
    """One call and its cost as worked out by hand; `cost` None is unknown."""

    name: str
    model: str
    usage: TokenUsage
    cost: str | None
    by_hand: str
    at: datetime = NOW
    processing: Processing = Processing.STANDARD
    estimated: bool = False
    negotiated: Negotiated | None = None


def used(read: int = 0, out: int = 0, **more: int) -> TokenUsage:
    return TokenUsage(input_tokens=read, output_tokens=out, **more)


def day(year: int, month: int, day_: int) -> datetime:
    return datetime(year, month, day_, tzinfo=UTC)


SHAPES = [
    Shape("plain", "openai/gpt-6-luna", used(1000, 500), "0.00035", "1000 x 0.1 + 500 x 0.5 = 350"),
    Shape("dated id", "openai/gpt-4o-2024-08-06", used(1000, 200), "0.0045", "1000 x 2.5 + 200 x 10 = 4500"),
    Shape("dated id of an older price", "openai/gpt-4o-2024-05-13", used(1000, 200), "0.008",
          "1000 x 5 + 200 x 15 = 8000"),
    Shape("alias", "openai/gpt-5.6", used(1000, 100), "0.006", "1000 x 4 + 100 x 20 = 6000"),
    Shape("prefix", "google/models/gemini-2.5-flash-lite", used(1000, 100), "0.00014",
          "1000 x 0.1 + 100 x 0.4 = 140"),
    Shape("cached", "openai/gpt-6.1-terra", used(10_000, 1000, cache_read_tokens=5000), "0.01025",
          "5000 x 1 + 5000 x 0.05 + 1000 x 5 = 10250"),
    Shape("cached in a batch", "openai/gpt-6.1-terra", used(10_000, 1000, cache_read_tokens=5000), "0.005125",
          "5000 x 0.5 + 5000 x 0.025 + 1000 x 2.5 = 5125", processing=BATCH),
    Shape("all cached", "anthropic/claude-sonnet-5-5", used(8000, 0, cache_read_tokens=8000), "0.0008",
          "8000 x 0.1 = 800"),
    Shape("cache written for five minutes", "anthropic/claude-sonnet-5-5",
          used(8000, 100, cache_write_tokens=6000), "0.02", "2000 x 2 + 6000 x 2.5 + 100 x 10 = 20000"),
    Shape("cache written for an hour", "anthropic/claude-sonnet-5-5",
          used(8000, 100, cache_write_tokens=6000, cache_write_1h_tokens=6000), "0.029",
          "2000 x 2 + 6000 x 4 + 100 x 10 = 29000"),
    Shape("both lifetimes and a read", "anthropic/claude-opus-5-5",
          used(100_000, 2000, cache_read_tokens=50_000, cache_write_tokens=30_000, cache_write_1h_tokens=10_000),
          "0.31", "20k x 4 + 50k x 0.2 + 20k x 5 + 10k x 8 + 2k x 20 = 310000"),
    Shape("cache written by OpenAI", "openai/gpt-5.6-sol", used(4020, 5, cache_write_tokens=4012), "0.020192",
          "8 x 4 + 4012 x 5 + 5 x 20 = 20192"),
    Shape("the same before the price fell", "openai/gpt-5.6-sol", used(4020, 5, cache_write_tokens=4012),
          "0.025265", "8 x 5 + 4012 x 6.25 + 5 x 30 = 25265", at=day(2026, 8, 21) - JUST_BEFORE),
    Shape("reasoning counts as output", "openai/gpt-5", used(1000, 3000, reasoning_tokens=2500), "0.03125",
          "1000 x 1.25 + 3000 x 10 = 31250"),
    Shape("image counts as input", "google/gemini-3.8-flash",
          used(1520, 250, image_tokens=1120, image_count=1),
          "0.0020775", "1520 x 0.75 + 250 x 3.75 = 2077.5"),
    Shape("at the threshold of 100k", "anthropic/claude-haiku-5-5", used(100_000, 1000), "0.0105",
          "100000 x 0.1 + 1000 x 0.5 = 10500"),
    Shape("above 100k", "anthropic/claude-haiku-5-5", used(100_001, 1000), "0.0525005",
          "100001 x 0.5 + 1000 x 2.5 = 52500.5"),
    Shape("above 100k, mostly cached", "anthropic/claude-haiku-5-5",
          used(200_000, 0, cache_read_tokens=190_000),
          "0.0145", "10000 x 0.5 + 190000 x 0.05 = 14500"),
    Shape("above 100k in a batch", "anthropic/claude-haiku-5-5", used(100_001, 1000), "0.02625025",
          "100001 x 0.25 + 1000 x 1.25 = 26250.25", processing=BATCH),
    Shape("at the threshold of 200k", "google/gemini-3.1-pro-preview", used(200_000, 100), "0.4012",
          "200000 x 2 + 100 x 12 = 401200"),
    Shape("above 200k", "google/gemini-3.1-pro-preview", used(200_001, 100), "0.801804",
          "200001 x 4 + 100 x 18 = 801804"),
    Shape("above 200k, Claude", "anthropic/claude-sonnet-4-5-20250929", used(200_001, 100), "1.202256",
          "200001 x 6 + 100 x 22.5 = 1202256"),
    Shape("at the threshold of 272k", "openai/gpt-6.1-sol", used(272_000, 100), "0.545",
          "272000 x 2 + 100 x 10 = 545000"),
    Shape("above 272k", "openai/gpt-6.1-sol", used(272_001, 100), "1.089504",
          "272001 x 4 + 100 x 15 = 1089504"),
    Shape("batch", "openai/gpt-4o",
          used(1000, 200), "0.00225", "1000 x 1.25 + 200 x 5 = 2250", processing=BATCH),
    Shape("batch before it was listed", "openai/gpt-4o", used(1000, 200), "0.00225", "half of 4500",
          at=day(2026, 10, 14) - JUST_BEFORE, processing=BATCH, estimated=True),
    Shape("batch that nobody lists", "google/gemini-3.5-flash", used(1000, 100), "0.0012",
          "half of 1000 x 1.5 + 100 x 9 = 2400", processing=BATCH, estimated=True),
    Shape("flex", "openai/gpt-5",
          used(1000, 100), "0.001125", "1000 x 0.625 + 100 x 5 = 1125", processing=FLEX),
    Shape("priority", "openai/gpt-4o", used(1000, 100), "0.00595", "1000 x 4.25 + 100 x 17 = 5950",
          processing=PRIORITY),
    Shape("Claude's fast mode", "anthropic/claude-opus-5-5", used(1000, 100), "0.012",
          "1000 x 8 + 100 x 40 = 12000", processing=PRIORITY),
    Shape("flex of a vendor without it", "anthropic/claude-opus-5-5", used(1000, 100), None, "no such price",
          processing=FLEX),
    Shape("a microsecond before the price doubles", "google/gemini-4-argon", used(1000, 100), "0.003",
          "1000 x 2 + 100 x 10 = 3000", at=day(2026, 12, 1) - JUST_BEFORE),
    Shape("midnight UTC of the day it doubles", "google/gemini-4-argon", used(1000, 100), "0.006",
          "1000 x 4 + 100 x 20 = 6000", at=day(2026, 12, 1)),
    Shape("batch after it doubles", "google/gemini-3.8-flash", used(1000, 100), "0.001125",
          "1000 x 0.75 + 100 x 3.75 = 1125", at=day(2027, 1, 1), processing=BATCH),
    Shape("long ago", "openai/o3",
          used(1000, 100), "0.014", "1000 x 10 + 100 x 40 = 14000", at=day(2025, 6, 9)),
    Shape("since its price fell", "openai/o3", used(1000, 100), "0.0028", "1000 x 2 + 100 x 8 = 2800",
          at=day(2025, 6, 10)),
    Shape("retired Gemini", "google/gemini-2.0-flash-001", used(1000, 100, cache_read_tokens=400), "0.00011",
          "600 x 0.1 + 400 x 0.025 + 100 x 0.4 = 110"),
    Shape("retired Gemini above 128k", "google/gemini-1.5-pro-002", used(128_001, 100), "0.3210025",
          "128001 x 2.5 + 100 x 10 = 321002.5", at=day(2025, 3, 1)),
    Shape("retired Claude", "anthropic/claude-3-sonnet-20240229", used(1000, 100), "0.0045",
          "1000 x 3 + 100 x 15 = 4500", at=day(2024, 6, 1)),
    Shape("retired Claude that others price at zero", "anthropic/claude-opus-4-1-20250805",
          used(1_000_000, 100_000), "22.5", "1M x 15 + 100k x 75 = 22.5 USD", at=day(2026, 3, 1)),
    Shape("retired GPT", "openai/gpt-4-turbo-2024-04-09",
          used(1000, 100), "0.013", "1000 x 10 + 100 x 30 = 13000"),
    Shape("retired vision", "openai/gpt-4-vision-preview", used(1105, 300), "0.02005",
          "1105 x 10 + 300 x 30 = 20050"),
    Shape("newest model", "openai/gpt-6.2-astra", used(1000, 100, cache_read_tokens=500), "0.0082",
          "500 x 8 + 500 x 0.4 + 100 x 40 = 8200"),
    Shape("newest model, cached price not known", "openai/gpt-6.2-sol",
          used(1000, 100, cache_read_tokens=500), None,
          "no price of cached input"),
    Shape("newest model before its release", "openai/gpt-6.2-sol", used(1000, 100), None, "no price yet",
          at=day(2026, 11, 16)),
    Shape("newest model above 272k", "openai/gpt-6.2-sol", used(272_001, 100), "1.089504",
          "272001 x 4 + 100 x 15 = 1089504, by the rule of its family", estimated=True),
    Shape("cache read of a model without a cached price", "openai/gpt-4-turbo",
          used(1000, 100, cache_read_tokens=500), None, "no price of cached input"),
    Shape("per operation", "clarifai/general-image-recognition",
          used(operations=128, image_count=128), "0.1536",
          "128 x 0.0012", estimated=True),
    Shape("images whose operations nobody counted", "clarifai/general-image-recognition",
          used(image_count=128), None,
          "operations missing"),
    Shape("model that one list alone has", "anthropic/claude-mythos-5", used(1000, 100), "0.015",
          "1000 x 10 + 100 x 50 = 15000"),
    Shape("unknown model", "openai/gpt-99", used(1000, 100), None, "not in the catalog"),
    Shape("fine-tune", "openai/ft:gpt-4o-2024-08-06:acme::x1",
          used(1000, 100), None, "not the base model's price"),
    Shape("above 200k, the last moment of the tier", "anthropic/claude-opus-4-6", used(200_001, 100),
          "2.00376", "200001 x 10 + 100 x 37.5 = 2003760", at=day(2026, 3, 13) - JUST_BEFORE),
    Shape("above 200k since the tier was dropped", "anthropic/claude-opus-4-6", used(200_001, 100),
          "1.002505", "200001 x 5 + 100 x 25 = 1002505", at=day(2026, 3, 13)),
    Shape("negotiated", "openai/gpt-4o", used(1000, 200), "0.0036", "1000 x 2 + 200 x 8 = 3600",
          negotiated=Negotiated(day(2026, 11, 1), "2", "8")),
    Shape("a microsecond before the negotiated price", "openai/gpt-4o", used(1000, 200), "0.0045",
          "1000 x 2.5 + 200 x 10 = 4500", at=day(2026, 11, 1) - JUST_BEFORE,
          negotiated=Negotiated(day(2026, 11, 1), "2", "8")),
    Shape("midnight UTC of the negotiated price", "openai/gpt-4o", used(1000, 200), "0.0036",
          "1000 x 2 + 200 x 8 = 3600", at=day(2026, 11, 1),
          negotiated=Negotiated(day(2026, 11, 1), "2", "8")),
    Shape("negotiated price outlasts a later list price", "google/gemini-4-argon", used(1000, 100), "0.0024",
          "1000 x 1.6 + 100 x 8 = 2400, the list doubled", at=day(2026, 12, 2),
          negotiated=Negotiated(day(2026, 11, 1), "1.6", "8")),
    Shape("negotiated without a cached price", "openai/gpt-4o", used(1000, 200, cache_read_tokens=500), None,
          "nothing agreed for cached input", negotiated=Negotiated(day(2026, 11, 1), "2", "8")),
    Shape("negotiated price has no tiers", "openai/gpt-6.1-sol", used(272_001, 100), "0.4360016",
          "272001 x 1.6 + 100 x 8 = 436001.6", negotiated=Negotiated(day(2026, 11, 1), "1.6", "8")),
]  # fmt: skip
