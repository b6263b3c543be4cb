"""One question with a known answer, wherever it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Case:
    """What a model is asked, and what its answer is held against."""

    case_key: str
    """Stable name: of a suite's case, or the item key of a workload sample."""
    feature_id: str
    prompt: str
    image: bytes | None = field(default=None, repr=False)
    image_media_type: str | None = None
    json_schema: Mapping[str, Any] | None = None
    grader: str = "normalised"
    reference: Any = None
    wrong_answers: tuple[str, ...] = ()
    """Answers that look right at a glance; the emulator gives them, the tests hold them below 0.4."""
    max_output_tokens: int = 256
    bucket: str | None = None
    """Kind of call within a speed or cost suite, such as `long`."""
    concurrency: int | None = None
    """Calls to the same model that are under way at the same time, where the suite sets it."""

    @property
    def images(self) -> tuple[bytes, ...]:
        """The image, if there is one, as the fingerprint takes it."""
        return () if self.image is None else (self.image,)
