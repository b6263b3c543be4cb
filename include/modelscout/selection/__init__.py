"""The runtime client: the right model for each request, from memory.

keeper = SnapshotKeeper(url).start()
selection = ModelSelector(keeper).select(organization, "chat", Workload(complexity="high"))
"""

from modelscout.selection.analysis import Request, analyze_workload
from modelscout.selection.choosing import Selection
from modelscout.selection.errors import (
    NoModelAvailable,
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

__all__ = [
    "Choice",
    "KeeperOptions",
    "ModelSelector",
    "ModelState",
    "ModelStates",
    "NoModelAvailable",
    "Request",
    "Selection",
    "SelectionContext",
    "SelectionError",
    "SnapshotKeeper",
    "SnapshotUnavailable",
    "Standing",
    "UnknownFeature",
    "UnknownOrganization",
    "Workload",
    "analyze_workload",
]
