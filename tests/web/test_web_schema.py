"""The JSON API against its own OpenAPI document: whatever is sent, no 5xx and no answer that is not documented.

`make verify` asks each operation far more often.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from web_rows import ADMINISTRATOR, app_for

SHORT, LONG = 3, 200
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
QUIET = list(HealthCheck)
DOCUMENT = app_for("postgresql+psycopg://nobody@/nothing", ADMINISTRATOR).openapi()
OPERATIONS = sorted((path, method) for path, methods in DOCUMENT["paths"].items() for method in methods)


@pytest.fixture(scope="module")
def schema(filled_url: str) -> Iterator[Any]:
    """The API of a started page, as an administrator meets it."""
    app: FastAPI = app_for(filled_url, ADMINISTRATOR)
    with TestClient(app):
        yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


def ask(schema: Any, path: str, method: str, examples: int) -> None:
    """Send `examples` requests, well-formed and not, and hold each answer against the document."""

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=QUIET,
        derandomize=examples == SHORT,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    @given(case=schema[path][method.upper()].as_strategy())
    def check(case: schemathesis.Case) -> None:
        # A request that fits the document may still be refused with a documented answer: a cursor is opaque.
        case.call_and_validate(checks=CHECKS)

    check()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_answers_as_documented(schema: Any, path: str, method: str) -> None:
    ask(schema, path, method, SHORT)


@pytest.mark.verify
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_operation_answers_as_documented_at_length(schema: Any, path: str, method: str) -> None:
    ask(schema, path, method, LONG)
