"""The answer key, and who gets which item right."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from modelscout.core.errors import ConfigurationError
from modelscout.core.types import Capability
from modelscout.emulator.profile import ModelProfile

CAPABILITY_PREFIX = "capability:"
_FIELDS = {"fingerprint", "feature", "correct", "wrong", "image_fingerprint"}
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class AnswerItem:
    """One item: how to recognise it, and its right and wrong answers."""

    fingerprint: str
    """`content_fingerprint` of the prompt and its images."""
    feature: str
    """A feature's name, or `capability:<name>`: then right is who has the capability."""
    correct: str
    wrong: tuple[str, ...] = ()
    image_fingerprint: str | None = None
    """`content_fingerprint("", images)`, for concept models, which get no prompt."""


class AnswerKey:
    """Finds items by fingerprint. Items with a prompt win over items with images alone."""

    def __init__(self, items: Iterable[AnswerItem] = ()) -> None:
        """Indexes `items`; of two with the same fingerprint the first counts."""
        self._by_content: dict[str, AnswerItem] = {}
        self._by_images: dict[str, AnswerItem] = {}
        for item in items:
            self._by_content.setdefault(item.fingerprint, item)
            if item.image_fingerprint and (
                item.image_fingerprint not in self._by_images or _is_list(item.correct)
            ):
                known = self._by_images.get(item.image_fingerprint)
                if known is None or not _is_list(known.correct):
                    self._by_images[item.image_fingerprint] = item

    def __len__(self) -> int:
        """Number of items."""
        return len(self._by_content)

    def by_content(self, fingerprint: str) -> AnswerItem | None:
        """The item of a prompt with its images."""
        return self._by_content.get(fingerprint)

    def by_images(self, fingerprint: str) -> AnswerItem | None:
        """The item of images alone."""
        return self._by_images.get(fingerprint)


class Grader:
    """Decides which model gets which item right, the same way every time.

    A model of quality q is right where Phi(z) < q, with z = sqrt(rho) * item + sqrt(1 - rho) * (model, item)
    and both parts standard normal: q is hit exactly on average, and models tend to fail on the same items.
    """

    def __init__(self, seed: int, item_correlation: float) -> None:
        """`item_correlation` is rho, from 0 to 1."""
        self._seed = seed
        self._item_weight = math.sqrt(item_correlation)
        self._own_weight = math.sqrt(1 - item_correlation)
        self._difficulty: dict[tuple[str, str], float] = {}

    def is_right(self, item: AnswerItem, model_name: str, model: ModelProfile) -> bool:
        """Whether the model answers the item correctly."""
        if item.feature.startswith(CAPABILITY_PREFIX):
            return item.feature.removeprefix(CAPABILITY_PREFIX) in model.capabilities
        return self.difficulty(item.fingerprint, model_name) < model.quality_for(item.feature)

    def answer(self, item: AnswerItem, model_name: str, model: ModelProfile) -> str:
        """The answer that the model gives."""
        if self.is_right(item, model_name, model):
            return item.correct
        if not item.wrong:
            return "I am not sure."
        choice = int(_uniform(self._seed, item.fingerprint, model_name, "wrong") * len(item.wrong))
        return item.wrong[choice]

    def difficulty(self, fingerprint: str, model_name: str) -> float:
        """Phi(z) of an item for a model, uniform over items between 0 and 1."""
        key = (fingerprint, model_name)
        known = self._difficulty.get(key)
        if known is None:
            shared = _NORMAL.inv_cdf(_uniform(self._seed, fingerprint))
            own = _NORMAL.inv_cdf(_uniform(self._seed, fingerprint, model_name))
            known = _NORMAL.cdf(self._item_weight * shared + self._own_weight * own)
            self._difficulty[key] = known
        return known


def _uniform(*parts: object) -> float:
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    # The half keeps the value off 0 and 1, where the normal quantile is infinite.
    return ((int.from_bytes(digest) >> 11) + 0.5) / 2**53


def _is_list(text: str) -> bool:
    return text.lstrip().startswith("[")


def load_answers(path: Path) -> AnswerKey:
    """Read an answer key in JSON lines. Raises ConfigurationError that names the line and the field."""
    try:
        with path.open(encoding="utf-8") as lines:
            return AnswerKey(
                [_parse(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip()]
            )
    except OSError as error:
        raise ConfigurationError(
            f"answers {path} cannot be read: {error.strerror or type(error).__name__}"
        ) from error


def parse_answer(data: dict[str, Any], where: str = "answer") -> AnswerItem:
    """One item from JSON values. Raises ConfigurationError that names the field."""
    unknown = sorted(set(data) - _FIELDS)
    if unknown:
        raise ConfigurationError(
            f"{where}: unknown field {', '.join(unknown)}; known are {', '.join(sorted(_FIELDS))}"
        )
    for name in ("fingerprint", "feature", "correct"):
        if not isinstance(data.get(name), str):
            raise ConfigurationError(f"{where}: {name} must be a text")
    wrong = data.get("wrong") or []
    if not isinstance(wrong, list) or not all(isinstance(text, str) for text in wrong):
        raise ConfigurationError(f"{where}: wrong must be a list of texts")
    feature = data["feature"]
    if feature.startswith(CAPABILITY_PREFIX) and feature.removeprefix(CAPABILITY_PREFIX) not in set(
        Capability
    ):
        raise ConfigurationError(
            f"{where}: feature={feature!r} names no capability: use {', '.join(Capability)}"
        )
    return AnswerItem(
        fingerprint=data["fingerprint"],
        feature=feature,
        correct=data["correct"],
        wrong=tuple(wrong),
        image_fingerprint=data.get("image_fingerprint"),
    )


def _parse(line: str, where: str) -> AnswerItem:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise ConfigurationError(f"{where}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ConfigurationError(f"{where}: not an object")
    return parse_answer(data, where)
