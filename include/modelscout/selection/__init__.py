"""The runtime client: the right model for each request, from memory.

keeper = SnapshotKeeper(url).start()
selection = ModelSelector(keeper).select(organization, "chat", Workload(complexity="high"))
"""

from importlib import import_module
from typing import TYPE_CHECKING

from modelscout.selection.analysis import Request, analyze_workload
from modelscout.selection.choosing import Selection
from modelscout.selection.errors import (
    BudgetUsedUp,
    CostLimitReached,
    FeatureLimitReached,
    NoModelAvailable,
    NotAnswered,
    SelectionError,
    SnapshotUnavailable,
    UnknownFeature,
    UnknownOrganization,
)
from modelscout.selection.keeper import KeeperOptions, SnapshotKeeper
from modelscout.selection.plan import Choice
from modelscout.selection.selector import ModelSelector, SelectionContext
from modelscout.selection.state import ModelState, ModelStates, Standing
from modelscout.selection.workload import Workload

if TYPE_CHECKING:
    from modelscout.selection.adaptive import AdaptiveOptions, AsyncAdaptiveService
    from modelscout.selection.adaptive_sync import AdaptiveService
    from modelscout.selection.prices import WarehousePrices
    from modelscout.selection.request import AdaptiveRequest, Attempt, Result
    from modelscout.selection.trials import Trial

_LATER = {
    "AdaptiveOptions": "adaptive",
    "AdaptiveRequest": "request",
    "AdaptiveService": "adaptive_sync",
    "AsyncAdaptiveService": "adaptive",
    "Attempt": "request",
    "Result": "request",
    "Trial": "trials",
    "WarehousePrices": "prices",
}
"""What calls models: loaded when it is first asked for, so that selecting alone stays light."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = [
    "AdaptiveOptions",
    "AdaptiveRequest",
    "AdaptiveService",
    "AsyncAdaptiveService",
    "Attempt",
    "BudgetUsedUp",
    "Choice",
    "CostLimitReached",
    "FeatureLimitReached",
    "KeeperOptions",
    "ModelSelector",
    "ModelState",
    "ModelStates",
    "NoModelAvailable",
    "NotAnswered",
    "Request",
    "Result",
    "Selection",
    "SelectionContext",
    "SelectionError",
    "SnapshotKeeper",
    "SnapshotUnavailable",
    "Standing",
    "Trial",
    "UnknownFeature",
    "UnknownOrganization",
    "WarehousePrices",
    "Workload",
    "analyze_workload",
]
