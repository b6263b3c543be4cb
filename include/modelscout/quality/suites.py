"""The suites: what is expected of usage events, of the rollup and of recommendations before they are shown.

What breaks an expectation is counted by one SQL file per suite; here stand what is tolerated, what a failure stops,
and what a person is told to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["block", "warn"]
Scope = Literal["organization", "table"]


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: at most `tolerated_share` of an organization's rows break it."""

    name: str
    """As the suite's SQL names it."""
    expects: str
    """What holds for every row."""
    remedy: str
    severity: Severity = "block"
    scope: Scope = "organization"
    """What a failure of severity `block` stops: publishing for that organization, or the run."""
    tolerated_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Suite:
    """The expectations on one table."""

    name: str
    table: str
    sql: str
    """Counts broken rows: organization_id, expectation (`checked`: all rows), row_count, example (a key)."""
    alert_kind: str
    """Of the alert of an organization that is blocked."""
    checks: tuple[Check, ...]


USAGE_EVENTS = Suite(
    "usage_events",
    "ai_usage_events",
    "queries/quality_usage_events",
    "data_quality",
    (
        Check(
            "from_the_future",
            "an event happened at most an hour after now",
            "correct the clock or the time zone of the application that writes occurred_at",
            tolerated_share=0.01,
        ),
        Check(
            "repeated_request",
            "a request and attempt occur once: a redelivery repeats occurred_at",
            "keep occurred_at when an event is sent again, and delete the surplus rows",
            tolerated_share=0.01,
        ),
        Check(
            "implausible_size",
            "a call has at most 50 million input tokens, 5 million output tokens and 48 hours",
            "look for a wrong unit where the event is written, then mend the row and roll its day up again",
        ),
        Check(
            "nameless_model",
            "an event names its provider and model",
            "fill provider and requested_model where the event is written, then mend the rows",
        ),
        Check(
            "unknown_organization",
            "an event's organization is set up",
            "add the organization to organizations, or correct organization_id",
            severity="warn",
            scope="table",
        ),
        Check(
            "unknown_feature",
            "an event's feature is in ai_features",
            "add the feature, or correct feature_id; nothing is recommended for it until then",
            severity="warn",
        ),
        Check(
            "success_without_usage",
            "a successful call has tokens, images or operations",
            "record the usage that the provider returns: such a call looks free",
            severity="warn",
            tolerated_share=0.01,
        ),
        Check(
            "success_without_duration",
            "a successful call has duration_ms",
            "record duration_ms: latency is unknown without it",
            severity="warn",
            tolerated_share=0.05,
        ),
        Check(
            "first_token_after_end",
            "the first token comes before the end of the call",
            "measure time_to_first_token_ms and duration_ms from the same start",
            severity="warn",
            tolerated_share=0.01,
        ),
    ),
)

_ROLL_UP_AGAIN = (
    "roll the day up again: airflow dags trigger roll_up_model_analytics with first_day and last_day"
)

ROLLUP = Suite(
    "rollup",
    "ai_model_analytics",
    "queries/quality_rollup",
    "data_quality",
    (
        Check("without_organization", "a row has an organization", "delete the row", scope="table"),
        Check("without_model", "a row has a model", "delete the row", scope="table"),
        Check(
            "repeated_key",
            "there is one row per model, organization, feature and date",
            "restore the constraint ai_model_analytics_key and delete the surplus rows",
            scope="table",
        ),
        Check("without_requests", "a row has at least one request", _ROLL_UP_AGAIN),
        Check("counts_do_not_add_up", "successes and errors add up to total_requests", _ROLL_UP_AGAIN),
        Check("wrong_success_rate", "success_rate is success_count over total_requests", _ROLL_UP_AGAIN),
        Check("negative_cost", "no cost is negative", "look for a negative price in ai_model_prices"),
        Check("cost_without_price", "a cost is known only where a request was priced", _ROLL_UP_AGAIN),
        Check("from_the_future", "no day lies after tomorrow", "correct occurred_at, then " + _ROLL_UP_AGAIN),
        Check(
            "unpriced",
            "every request has a price",
            "set the missing price: modelscout price-set, then modelscout reprice",
            severity="warn",
            tolerated_share=0.05,
        ),
    ),
)

_DECIDE_AGAIN = "mend what it was decided on, then run publish_recommendations again"

RECOMMENDATIONS = Suite(
    "recommendations",
    "ai_model_recommendations",
    "queries/quality_recommendations",
    "recommendation_quality",
    (
        Check("without_reasons", "a recommendation gives reasons", _DECIDE_AGAIN),
        Check("without_model", "switch and trial name a model", _DECIDE_AGAIN),
        Check("changes_to_itself", "a change is not to the model in use", _DECIDE_AGAIN),
        Check("keeps_another", "keep names the model in use", _DECIDE_AGAIN),
        Check("unproven_switch", "a switch is proven", _DECIDE_AGAIN),
        Check("recommends_a_retired_model", "a recommended model is not retired", _DECIDE_AGAIN),
        Check(
            "recommends_an_unavailable_model",
            "the organization's key can use the model of a switch or trial",
            "run discover_models, then publish_recommendations again",
        ),
        Check(
            "recommends_a_foreign_private_model",
            "a private model is recommended to its owner only",
            "correct owner_organization_id, then run publish_recommendations again",
        ),
        Check("impossible_cost", "a saving's interval is in order and no cost is negative", _DECIDE_AGAIN),
        Check("already_expired", "a recommendation is valid for a while", _DECIDE_AGAIN),
        Check(
            "switch_without_saving",
            "what a switch saves is known",
            "set the missing price: modelscout price-set",
            severity="warn",
        ),
    ),
)

SUITES = {suite.name: suite for suite in (USAGE_EVENTS, ROLLUP, RECOMMENDATIONS)}
