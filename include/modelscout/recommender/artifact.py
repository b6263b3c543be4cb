"""A trained version as bytes that load without running code: arrays and numbers in a skops file, no objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from modelscout.core.errors import ConfigurationError
from modelscout.recommender.noise import Noise
from modelscout.recommender.pooling import Effects, PooledModel
from modelscout.recommender.training_data import KEYS

KIND = "partial_pooling"
"""`recommender_runs.kind` of versions in this format."""

Version = Mapping[str, PooledModel]
"""By target."""


def dump_version(version: Version) -> bytes:
    """One skops file. The names are those of any target, which all have from the same data."""
    names = next(iter(version.values())).names
    return _dumps(
        {
            "names": {key: np.asarray(names[key], dtype=np.str_) for key in KEYS},
            "targets": {target: _state(model) for target, model in version.items()},
        }
    )


def load_version(artifact: bytes) -> Version:
    """Load a skops file. Raises ConfigurationError where it holds types that we never write."""
    import skops.io

    unknown = skops.io.get_untrusted_types(data=artifact)
    if unknown:
        raise ConfigurationError(f"recommender artifact holds unknown types {unknown}: train again")
    state = skops.io.loads(artifact)
    try:
        names = {key: tuple(state["names"][key].tolist()) for key in KEYS}
        return {target: _model(target, found, names) for target, found in state["targets"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"recommender artifact is of another format ({error!r}): train again"
        ) from error


def _dumps(state: Any) -> bytes:
    import skops.io

    return bytes(skops.io.dumps(state))


def _state(model: PooledModel) -> dict[str, Any]:
    noise = model.noise
    return {
        "effects": {
            level: {"keys": e.keys, "values": e.values, "errors": e.errors}
            for level, e in model.effects.items()
        },
        "variances": dict(model.variances),
        "noise": {"centre": noise.centre, "per_answer": noise.per_answer, "per_day": noise.per_day},
        "widening": dict(model.widening),
    }


def _model(target: str, state: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> PooledModel:
    return PooledModel(
        target=target,
        names=names,
        effects={level: Effects(**arrays) for level, arrays in state["effects"].items()},
        variances=state["variances"],
        noise=Noise(is_share=target == "quality", **state["noise"]),
        widening=state["widening"],
    )
