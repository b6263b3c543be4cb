"""Use of two organizations for the calculator's and the analytics' pages, hostile texts among it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text
from web_rows import ACME, BETA, GOOD_MODEL, HOSTILE, HOSTILE_MODEL

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
FORMULA = "=cmd|' /C calc'!A0"
DAILY = (
    "INSERT INTO ai_model_analytics (organization_id, model_id, feature_id, date, total_requests, success_count, "
    "error_count, errors_by_type, duration_sum_ms, duration_count, latency_histogram, input_tokens, output_tokens, "
    "total_cost, priced_requests, unpriced_requests, simulated) VALUES (:o, :m, :f, :day, :n, :n - 5, 5, :errors, "
    "90000, 100, '{\"300\": 100}', 120000, 20000, :cost, :priced, :n - :priced, TRUE)"
)


def fill_use(connection: Connection) -> None:
    """Forty days of Acme's use, one of Beta's, and calls of Acme's last hour."""
    for back in range(40):
        _daily(connection, ACME, GOOD_MODEL, "chat", back, cost="1.25")
    _daily(connection, ACME, HOSTILE_MODEL, HOSTILE, 1, cost=None)
    _daily(connection, ACME, GOOD_MODEL, FORMULA, 1, cost="0.5")
    _daily(connection, BETA, GOOD_MODEL, "beta_secret_feature", 1, cost="77.77")
    for minute, error in ((3, None), (4, None), (5, HOSTILE)):
        connection.execute(
            text(
                "INSERT INTO ai_usage_events (organization_id, feature_id, provider, requested_model, request_id, "
                "occurred_at, duration_ms, error_type, simulated) VALUES (:o, 'chat', 'openai', 'gpt-6-luna', :r, "
                ":at, 250, :error, TRUE)"
            ),
            {"o": ACME, "r": f"r{minute}", "at": NOW - timedelta(minutes=minute), "error": error},
        )


def _daily(
    connection: Connection, organization: str, model: str, feature: str, back: int, *, cost: str | None
) -> None:
    connection.execute(
        text(DAILY),
        {
            "o": organization,
            "m": model,
            "f": feature,
            "day": NOW.date() - timedelta(days=back),
            "n": 100,
            "errors": json.dumps({"timeout": 4, HOSTILE: 1}),
            "cost": cost,
            "priced": 0 if cost is None else 100,
        },
    )
