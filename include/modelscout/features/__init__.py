"""What is configured for each feature of an organization, and how it is changed."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelscout.features.service import FeatureService
    from modelscout.features.settings import UNSET, Changed, FeatureChange, FeatureSettings, WorkloadModel

_LATER = {
    "UNSET": "settings",
    "Changed": "settings",
    "FeatureChange": "settings",
    "FeatureService": "service",
    "FeatureSettings": "settings",
    "WorkloadModel": "settings",
}
"""Loaded when first asked for: selection needs the defaults alone, and no database driver for them."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


__all__ = ["UNSET", "Changed", "FeatureChange", "FeatureService", "FeatureSettings", "WorkloadModel"]
