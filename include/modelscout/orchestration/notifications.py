"""Tells people what they must know. Alerts are rows; here they also reach the log and what listens to it."""

from __future__ import annotations

import logging

from sqlalchemy import Engine

from modelscout.warehouse.engine import run_sql

log = logging.getLogger(__name__)
LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.ERROR}


def notify_open_alerts(engine: Engine) -> int:
    """Log every open alert at its severity; returns how many there are."""
    with engine.connect() as connection:
        alerts = run_sql(connection, "queries/alert_list", {"organization": None})
    for alert in alerts:
        log.log(LEVELS[alert["severity"]], "%s: %s", alert["organization"], alert["message"])
    return len(alerts)
