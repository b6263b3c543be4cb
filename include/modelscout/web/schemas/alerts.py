"""Alerts as the page and the JSON API show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from modelscout.web.schemas.common import Shown


class Alert(Shown):
    """Something open that a person must know."""

    id: UUID
    organization: str | None
    """Null where it concerns the whole platform."""
    organization_name: str | None
    kind: str
    severity: Literal["critical", "warning", "info"]
    message: str
    details: dict[str, Any]
    raised_at: datetime
    simulated: bool

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Alert:
        """From a row of `web_alerts`."""
        values = {name: row[name] for name in cls.model_fields}
        return cls.model_validate({**values, "organization": row["organization"] or None})
