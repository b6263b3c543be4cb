"""Why nothing can be selected. Each error names what is missing and the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelscout.core.errors import ModelscoutError, SpendLimitReached

if TYPE_CHECKING:
    from modelscout.selection.request import Attempt


class SelectionError(ModelscoutError):
    """Base of what `select` and the snapshot raise."""


class UnknownOrganization(SelectionError):
    """The snapshot holds no such organization: it has no usable key, or this login may not see it."""


class UnknownFeature(SelectionError):
    """No feature of that name exists."""


class NoModelAvailable(SelectionError):
    """No model of the organization can do what was asked."""


class CostLimitReached(NoModelAvailable, SpendLimitReached):
    """Models could answer, each for more than the feature's `max_cost_per_request_usd`."""


class SnapshotUnavailable(SelectionError):
    """The database is away and no usable snapshot file is there to start from."""


class BudgetUsedUp(SelectionError):
    """The feature's budget of this month is spent, and the request asks to stop then."""


class FeatureLimitReached(SelectionError):
    """The feature's `max_requests_per_minute` leaves no room in this process."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotAnswered(SelectionError):
    """No model answered within the request's deadline, or none may be asked again.

    Attributes:
        error_type: what the most hopeful try ended with, such as `rate_limited`; `deadline_exceeded` where time ran
            out before anything was tried.
        attempts: `request.Attempt` for every call that was made.
        may_have_run: True where a model may have worked on the request without its answer being known.
    """

    def __init__(
        self, message: str, *, error_type: str, attempts: tuple[Attempt, ...], may_have_run: bool
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.attempts = attempts
        self.may_have_run = may_have_run
