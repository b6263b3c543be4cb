"""Why nothing can be selected. Each error names what is missing and the remedy."""

from __future__ import annotations

from modelscout.core.errors import ModelscoutError


class SelectionError(ModelscoutError):
    """Base of what `select` and the snapshot raise."""


class UnknownOrganization(SelectionError):
    """The snapshot holds no such organization: it has no usable key, or this login may not see it."""


class UnknownFeature(SelectionError):
    """No feature of that name exists."""


class NoModelAvailable(SelectionError):
    """No model of the organization can do what was asked."""


class SnapshotUnavailable(SelectionError):
    """The database is away and no usable snapshot file is there to start from."""
