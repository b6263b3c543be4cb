"""Rolls the same events up with another tool: `python rollup_peer.py PEER EVENTS PRICES`; prints one line of JSON.

`duckdb` in an environment of its own: EVENTS is a CSV file, which becomes Parquet outside the clock. `pandas` in the
project's: EVENTS is the URL of the warehouse, read in chunks as a task would. PRICES is a CSV file, one row for each
kind of call with its prices on that day. The same work: cost, sums of all tokens, errors, latency distribution and
distinct users for each organization, hour, feature and model, and then for the day. Imports nothing of Modelscout.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

SUMS = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens",
    "reasoning_tokens", "image_tokens", "image_count", "operations", "duration_ms", "confidence", "cost_usd",
)  # fmt: skip
COST = (
    "(input_tokens - cache_read_tokens - cache_write_tokens) * input_usd + output_tokens * output_usd "
    "+ cache_read_tokens * coalesce(cache_read_usd, 0) "
    "+ (cache_write_tokens - cache_write_1h_tokens) * coalesce(cache_write_usd, 0) "
    "+ cache_write_1h_tokens * coalesce(cache_write_1h_usd, 0)"
)
KIND = ["organization_id", "provider", "requested_model", "processing", "served_model"]


def duckdb(events: str, prices: str) -> Callable[[], int]:
    import duckdb

    database = duckdb.connect()
    database.execute("SET threads = 2")
    parquet = Path(events).with_suffix(".parquet")
    database.execute(f"COPY (SELECT * FROM read_csv('{events}')) TO '{parquet}' (FORMAT parquet)")
    database.execute(f"CREATE TABLE prices AS SELECT * FROM read_csv('{prices}')")
    sums = ", ".join(f"sum({name}) AS {name}" for name in SUMS)
    grouped = (
        "SELECT organization_id, {hour} feature_id, requested_model, count(*) AS requests, "
        f"count(error_type) AS errors, {sums}, histogram(bucket) AS latencies, "
        "approx_count_distinct(user_hash) AS users "
        f"FROM (SELECT e.*, {COST} AS cost_usd, ceil(ln(greatest(duration_ms, 1)) / ln(1.02))::smallint AS bucket "
        f"FROM '{parquet}' AS e LEFT JOIN prices AS p ON e.organization_id = p.organization_id "
        "AND e.provider = p.provider AND e.requested_model = p.requested_model AND e.processing = p.processing "
        "AND coalesce(e.served_model, '') = coalesce(p.served_model, '')) "
        "GROUP BY ALL"
    )

    def work() -> int:
        for table, hour in (("hours", "date_trunc('hour', occurred_at) AS hour,"), ("days", "")):
            database.execute(f"CREATE OR REPLACE TABLE {table} AS {grouped.format(hour=hour)}")
        row = database.execute("SELECT sum(requests) FROM hours").fetchone()
        assert row is not None
        return int(row[0])

    return work


def pandas(events: str, prices: str) -> Callable[[], int]:
    import pandas as pd
    from sqlalchemy import create_engine, text

    known = pd.read_csv(prices).fillna({"served_model": ""})
    engine = create_engine(events)
    columns = ", ".join([*KIND[1:4], "feature_id", "error_type", "user_hash", "occurred_at", *SUMS[:-1]])
    query = text(
        f"SELECT organization_id::text AS organization_id, {columns}, coalesce(served_model, '') AS served_model "
        "FROM measured_events"
    )
    grain = ["organization_id", "hour", "feature_id", "requested_model"]

    def work() -> int:
        with engine.connect().execution_options(stream_results=True) as connection:
            frame = pd.concat(pd.read_sql(query, connection, chunksize=100_000))
        frame["confidence"] = frame["confidence"].astype(float)
        frame["hour"] = frame["occurred_at"].dt.floor("h")
        frame = frame.merge(known, on=KIND, how="left")
        frame["cost_usd"] = frame.eval(
            "(input_tokens - cache_read_tokens - cache_write_tokens) * input_usd + output_tokens * output_usd"
        )
        for tokens, price in (
            ("cache_read_tokens", "cache_read_usd"),
            ("cache_write_tokens", "cache_write_usd"),
        ):
            frame["cost_usd"] += frame[tokens] * frame[price].fillna(0)
        for keys in (grain, [k for k in grain if k != "hour"]):
            groups = frame.groupby(keys)
            result = groups[list(SUMS)].sum()
            result["requests"] = groups.size()
            result["errors"] = groups["error_type"].count()
            result["users"] = groups["user_hash"].nunique()
            result = result.join(groups["duration_ms"].quantile([0.5, 0.95, 0.99]).unstack())
        return int(result["requests"].sum())

    return work


def main() -> int:
    peer, events, prices = sys.argv[1:4]
    work = {"duckdb": duckdb, "pandas": pandas}[peer](events, prices)
    began, busy = time.perf_counter(), time.process_time()
    count = work()
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": busy, "events": count, "peak_mb": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
