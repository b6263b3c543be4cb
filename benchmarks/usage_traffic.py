"""One day of usage events for measurements, drawn set-wise inside Postgres with a fixed seed.

How many calls each organization makes in which ten minutes, and how long they are, is that of 422 real clients
(alibaba/ServeGen data @f891d11, Apache-2.0: `../shared/data/servegen`) scaled to the wanted number; where the data is
absent it is synthetic with a like skew. Features, models, users, errors and latencies are drawn.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

SERVEGEN = Path(__file__).parents[2] / "shared/data/servegen/client_windows.csv.gz"
DAY = datetime(2026, 11, 10, tzinfo=UTC)
WINDOW_S = 600
WINDOWS = 86_400 // WINDOW_S
SEED = 0.20261125

ADD_EVENTS = """
INSERT INTO ai_usage_events (
    organization_id, feature_id, provider, requested_model, served_model, request_id, occurred_at, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, reasoning_tokens, image_tokens,
    image_count, processing, duration_ms, time_to_first_token_ms, error_type, confidence, user_hash
)
SELECT
    d.organization_id, d.feature_id, d.provider, d.model, CASE WHEN d.error_type IS NULL THEN d.model END,
    'r' || d.number, d.occurred_at, d.input_tokens, d.output_tokens, d.cached, d.written, d.written / 3,
    d.output_tokens / 4, d.images * 700, d.images, d.processing, d.duration_ms, d.duration_ms / 5, d.error_type,
    d.confidence, d.user_hash
FROM (
    SELECT
        w.organization_id,
        row_number() OVER () AS number,
        (array['chat', 'search', 'photo_tagging', 'descriptions'])[1 + (random() ^ 2 * 4)::integer % 4] AS feature_id,
        m.provider,
        m.model,
        w.starts_at + random() * interval '600 seconds' AS occurred_at,
        e.error_type,
        CASE WHEN e.error_type IS NULL THEN w.input_tokens * (0.5 + random()) + 20 ELSE 0 END::bigint AS input_tokens,
        CASE WHEN e.error_type IS NULL THEN w.output_tokens * (0.5 + random()) + 1 ELSE 0 END::bigint AS output_tokens,
        CASE WHEN e.error_type IS NULL AND random() < 0.3 THEN 20 ELSE 0 END AS cached,
        CASE WHEN e.error_type IS NULL AND random() < 0.02 THEN (w.input_tokens * 0.4)::bigint ELSE 0 END AS written,
        CASE WHEN e.error_type IS NULL AND random() < 0.05 THEN 1 ELSE 0 END AS images,
        CASE WHEN random() < 0.05 THEN 'batch' ELSE 'standard' END AS processing,
        exp(6.5 + 0.8 * (random() + random() + random() + random() - 2) * 1.7)::integer AS duration_ms,
        CASE WHEN random() < 0.3 THEN round(random()::numeric, 4) END AS confidence,
        'u' || (random() ^ 2 * w.users)::bigint AS user_hash
    FROM traffic AS w
    CROSS JOIN LATERAL generate_series(1, w.requests) AS r
    CROSS JOIN LATERAL (
        SELECT
            (w.client + (random() * 1.3 + 0 * r)::integer) % 6 AS model,
            CASE WHEN random() < 0.02
                THEN (array['rate_limited', 'timeout', 'server_error'])[1 + (random() * 3)::integer % 3]
            END AS error_type
        -- Drawn once for each call, whatever it is joined to.
        OFFSET 0
    ) AS e
    INNER JOIN measured_models AS m ON e.model = m.number
) AS d
"""
ADD_OUTCOMES = """
INSERT INTO ai_usage_outcomes (organization_id, request_id, kind, score, recorded_at)
SELECT organization_id, request_id, 'check', round((abs(hashtext(request_id)) % 5) / 4.0, 4), occurred_at
FROM ai_usage_events
WHERE occurred_at >= :day AND occurred_at < :day + interval '1 day' AND hashtext(request_id) % 50 = 0
"""
MODELS = (
    ("openai", "gpt-6-luna"), ("openai", "gpt-4o"), ("anthropic", "claude-haiku-5-5"),
    ("anthropic", "claude-sonnet-4-5"), ("google", "gemini-3.5-flash-lite"), ("google", "gemini-3.1-pro-preview"),
)  # fmt: skip


class Window(NamedTuple):
    """Calls of one client in ten minutes."""

    client: int
    number: int
    requests: float
    input_tokens: float
    output_tokens: float


def windows() -> tuple[list[Window], str]:
    """The day's windows before scaling, and where they come from."""
    if SERVEGEN.exists():
        return list(_servegen()), "ServeGen"
    return list(_synthetic()), "synthetic"


def _servegen() -> Iterator[Window]:
    clients: dict[tuple[str, str, str], int] = {}
    with gzip.open(SERVEGEN, "rt") as file:
        for row in csv.DictReader(file):
            client = clients.setdefault((row["category"], row["model"], row["client"]), len(clients))
            number = int(row["t_sec"]) // WINDOW_S
            if number < WINDOWS:
                yield Window(
                    client,
                    number,
                    float(row["requests_in_10min"] or 0),
                    float(row["avg_input_tokens"] or 100),
                    float(row["avg_output_tokens"] or 100),
                )


def _synthetic() -> Iterator[Window]:
    for client in range(422):
        for number in range(WINDOWS):
            busy = 1 + 0.8 * ((number + client) % WINDOWS) / WINDOWS
            yield Window(client, number, busy * 1000 / (client + 1), 400 + client, 150)


def add_day(connection: Connection, *, events: int, day: datetime = DAY) -> str:
    """Add organizations, events and outcomes of one day; returns where the traffic comes from.

    The models' prices must be there already.
    """
    found, source = windows()
    scale = events / sum(w.requests for w in found)
    connection.execute(text("SELECT modelscout.ensure_usage_partitions(:day, :day)"), {"day": day.date()})
    connection.execute(
        text("CREATE TEMPORARY TABLE traffic (client int, organization_id uuid, starts_at timestamptz, requests int, "
             "input_tokens int, output_tokens int, users int) ON COMMIT DROP")
    )  # fmt: skip
    connection.execute(
        text("CREATE TEMPORARY TABLE measured_models (number int, provider text, model text) ON COMMIT DROP")
    )
    connection.execute(
        text("INSERT INTO measured_models VALUES (:n, :p, :m)"),
        [{"n": n, "p": p, "m": m} for n, (p, m) in enumerate(MODELS)],
    )
    _copy_traffic(connection, found, scale, day)
    connection.execute(
        text("INSERT INTO organizations (id, slug, name) SELECT DISTINCT organization_id, 'measured-' || client, "
             "'Measured ' || client FROM traffic ON CONFLICT DO NOTHING")
    )  # fmt: skip
    connection.execute(text("SELECT setseed(:seed)"), {"seed": SEED})
    connection.execute(text(ADD_EVENTS))
    connection.execute(text(ADD_OUTCOMES), {"day": day})
    return source


def _copy_traffic(connection: Connection, found: list[Window], scale: float, day: datetime) -> None:
    totals: dict[int, float] = {}
    for w in found:
        totals[w.client] = totals.get(w.client, 0) + w.requests * scale
    driver: Any = connection.connection.driver_connection
    owed = 0.0
    with driver.cursor() as cursor, cursor.copy("COPY traffic FROM STDIN") as copy:
        for w in found:
            # What rounding leaves is carried on, so that the sum is the wanted one.
            owed += w.requests * scale
            requests = int(owed + 1e-6)
            owed -= requests
            if requests:
                organization = f"00000000-0000-0000-0000-{w.client:012x}"
                starts = day + timedelta(seconds=w.number * WINDOW_S)
                users = max(3, int(totals[w.client] / 20))
                tokens = int(w.input_tokens), int(w.output_tokens)
                copy.write_row([w.client, organization, starts, requests, *tokens, users])
