"""The most that a call can cost, known before it is sent."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from modelscout.benchmarks.candidates import billed_usage
from modelscout.core.types import Processing, TokenUsage
from modelscout.costs.image_tokens import estimate_image_tokens
from modelscout.costs.prices import PriceRow
from modelscout.costs.pricing import price_usage
from modelscout.providers.protocol import GenerateRequest

BYTES_PER_TOKEN = 2
"""Vendors' tokenizers need about four bytes of English text for a token; half of that is a safe bound."""
REQUEST_OVERHEAD_TOKENS = 400
"""What a vendor adds of its own: roles, the frame of schemas and tools."""
IMAGE_TOKENS_FLOOR = 1600
"""At least so many per image: the formulas are the vendors', the bill is what counts."""
UNKNOWN_SIZE_PX = (4096, 4096)


def worst_case_usd(
    provider: str,
    request: GenerateRequest,
    prices: Sequence[PriceRow],
    *,
    now: datetime,
    processing: Processing = Processing.STANDARD,
) -> Decimal | None:
    """Upper bound of what `request` costs, with every output token used; None without a price."""
    usage = TokenUsage(
        input_tokens=input_tokens_bound(provider, request),
        output_tokens=request.max_output_tokens,
        image_count=len(request.images),
        operations=0,
    )
    billed = billed_usage(usage, prices, now)
    return price_usage(billed, prices, at=now, processing=processing).cost_usd


def input_tokens_bound(provider: str, request: GenerateRequest) -> int:
    """Upper bound of the input tokens of `request`."""
    texts = [request.prompt, request.system or ""]
    if request.json_schema is not None:
        texts.append(json.dumps(request.json_schema))
    texts += [json.dumps([tool.name, tool.description, dict(tool.parameters)]) for tool in request.tools]
    size = sum(len(text.encode()) for text in texts)
    images = sum(image_tokens_bound(provider, request.model, image.data) for image in request.images)
    return -(-size // BYTES_PER_TOKEN) + REQUEST_OVERHEAD_TOKENS + images


def image_tokens_bound(provider: str, model: str, data: bytes) -> int:
    """Upper bound of the tokens of one image, by its size."""
    width, height = _size_px(data)
    return max(IMAGE_TOKENS_FLOOR, estimate_image_tokens(provider, model, width, height) or 0)


def typical_input_tokens(prompt: str, image: bytes | None) -> int:
    """A fair guess at the input tokens of an item, for a comparison of models."""
    return len(prompt.encode()) // 4 + (0 if image is None else 1000)


@lru_cache(maxsize=4096)
def _size_px(data: bytes) -> tuple[int, int]:
    try:
        from PIL import Image as PillowImage
        from PIL import UnidentifiedImageError
    except ImportError:  # The light client does without it.
        return UNKNOWN_SIZE_PX
    try:
        with PillowImage.open(io.BytesIO(data)) as image:
            return image.size
    except (UnidentifiedImageError, OSError):
        return UNKNOWN_SIZE_PX
