"""What fails in a replay: the demo's own shares of errors, drawn for each item and model, the same for both sides.

What a first call meets depends on the item and the model alone, and so does whether the second one meets it again.
Models that an item never comes to have their draws too, so that no side is spared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.types import Provider
from modelscout.demo.events import (
    BAD_REQUEST_SHARE,
    RATE_LIMITED_SHARE,
    RETRY_FAILS_SHARE,
    TIMEOUT_MS,
    TIMEOUT_SHARE,
    UNAVAILABLE_SHARE,
)
from modelscout.demo.profile import MODELS
from modelscout.demo.samples import DemoSample, uniform
from modelscout.demo.scenario import ModelRef, organization

EVERY_TIME = 1_000
_FAULTS: tuple[tuple[float, dict[str, Any]], ...] = (
    # Without `Retry-After`: a replay is far denser than life, a second that was asked for would hold up too many.
    (RATE_LIMITED_SHARE, {"kind": "http", "status": 429}),
    (TIMEOUT_SHARE, {"kind": "delay", "delay_ms": TIMEOUT_MS}),
    (UNAVAILABLE_SHARE, {"kind": "http"}),
    (BAD_REQUEST_SHARE, {"kind": "http", "status": 400, "times": EVERY_TIME}),
)


def item_faults(items: Iterable[DemoSample], *, seed: int = 1) -> list[dict[str, Any]]:
    """Bodies for `POST /control/faults` of the emulator."""
    return [fault for sample in items for fault in _of_item(sample, seed)]


def outages(providers: Sequence[str], *, seconds: float, each_s: float) -> list[tuple[float, dict[str, Any]]]:
    """One outage of each provider, spread over a replay of `seconds`: when it begins, and its fault."""
    every = seconds / len(providers) if providers else 0.0
    return [
        ((n + 0.5) * every, {"provider": name, "kind": "http", "times": 10**9, "for_s": each_s})
        for n, name in enumerate(providers)
    ]


def _of_item(sample: DemoSample, seed: int) -> Iterator[dict[str, Any]]:
    for model in organization(sample.assignment.organization).models():
        if sample.assignment.feature not in MODELS[model.key].quality:
            continue
        drawn = uniform(seed, sample.fingerprint, model.key)
        for share, fault in _FAULTS:
            if drawn < share:
                yield {"times": _times(seed, sample, model), **fault, **_whom(sample, model)}
                break
            drawn -= share


def _whom(sample: DemoSample, model: ModelRef) -> dict[str, str]:
    # A concept model gets no prompt.
    concept = model.provider == Provider.CLARIFAI
    item = content_fingerprint("", sample.case.images) if concept else sample.fingerprint
    return {"provider": str(model.provider), "model": model.model, "item": item}


def _times(seed: int, sample: DemoSample, model: ModelRef) -> int:
    """How many calls in a row meet it."""
    times = 1
    while uniform(seed, sample.fingerprint, model.key, times) < RETRY_FAILS_SHARE:
        times += 1
    return times
