"""A filled warehouse, and clients for each kind of caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from web_rows import STATEMENTS, ClientFor, app_for

from modelscout.warehouse.engine import open_engine
from modelscout.web.ports import Caller


@pytest.fixture(scope="module")
def filled_url(warehouse_url: str) -> str:
    """The module's warehouse with the rows above."""
    engine = open_engine(warehouse_url)
    with engine.begin() as connection:
        for statement, rows in STATEMENTS:
            connection.execute(text(statement), rows)
    engine.dispose()
    return warehouse_url


@pytest.fixture(scope="module")
def client_for(filled_url: str) -> Iterator[ClientFor]:
    """Clients of the filled warehouse, one per caller."""
    clients: dict[Caller | None, TestClient] = {}
    with ExitStack() as stack:

        def client(caller: Caller | None) -> TestClient:
            if caller not in clients:
                clients[caller] = stack.enter_context(TestClient(app_for(filled_url, caller)))
            return clients[caller]

        yield client
