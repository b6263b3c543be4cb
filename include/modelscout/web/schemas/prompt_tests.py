"""Single prompts on a few models, as the page and the JSON API take and show them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from modelscout.web.schemas.common import Asked, Shown

MAXIMUM_IMAGE_BYTES = 4 * 1024 * 1024
MAXIMUM_MODELS = 5


class PromptImage(Asked):
    """A photo."""

    media_type: Literal["image/png", "image/jpeg", "image/webp"]
    data: Annotated[str, Field(min_length=4, max_length=MAXIMUM_IMAGE_BYTES * 4 // 3 + 4, repr=False)]
    """Base64, at most 4 MB of it decoded."""


class PromptTestAsked(Asked):
    """What is asked of which models."""

    prompt: Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"^[^\x00]*$")]
    image: PromptImage | None = None
    model_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAXIMUM_MODELS)]
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] = 512
    spend_limit_usd: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)] = Decimal("0.50")
    """The test is refused before it starts where its models can cost more."""


class PromptCost(Shown):
    """The most that one model's answer can cost."""

    model_id: UUID
    model: str
    worst_usd: Decimal | None
    """Null where the model has no known price: it is not asked."""


class PromptTestEstimate(Shown):
    """What a test may come to, before anything is sent."""

    models: list[PromptCost]
    worst_usd: Decimal
    spend_limit_usd: Decimal
    room_usd: Decimal | None
    """What the organization's own limit of a day leaves; null where it has none."""
    refusal: str | None
    """Why it would be refused; null where it may start."""


class PromptAnswer(Shown):
    """What one model answered."""

    model_id: UUID
    model: str
    state: Literal["waiting", "answered", "failed"]
    answer: str | None
    error_type: str | None
    error_message: str | None
    served_model: str | None
    duration_ms: int | None
    time_to_first_token_ms: int | None
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None
    simulated: bool


class PromptTest(Shown):
    """One test. It is gone a day after it was asked."""

    id: UUID
    organization: str
    feature_id: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    prompt: str
    has_image: bool
    max_output_tokens: int
    spend_limit_usd: Decimal
    status: Literal[
        "queued", "running", "waiting_for_approval", "declined", "cancelled", "finished", "failed"
    ]
    """queued: no worker of Airflow has taken it yet."""
    is_over: bool
    answers: list[PromptAnswer]
