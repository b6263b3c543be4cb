"""What images cost at other resolutions and detail settings, and which change would save most."""

from __future__ import annotations

from typing import NamedTuple

from modelscout.costs.image_tokens import estimate_image_tokens

DETAILS = ("low", "medium", "high", "ultra_high", "original")
"""Every setting that any vendor has, the cheapest first."""


class ImageSize(NamedTuple):
    """Pixels of a photo as it is sent."""

    name: str
    width_px: int
    height_px: int


class ImageTokens(NamedTuple):
    """Tokens of one image. None is unknown, and `reason` says why."""

    tokens: int | None
    detail: str | None
    """The setting that counts; None where the vendor decides or the model has none."""
    reason: str | None


def tokens_per_image(provider: str, model_id: str, size: ImageSize, detail: str | None) -> ImageTokens:
    """Tokens that one image adds. A model without detail settings ignores `detail`."""

    def estimate(setting: str | None) -> int | None:
        return estimate_image_tokens(provider, model_id, size.width_px, size.height_px, setting)

    default = estimate(None)
    if default is None:
        return ImageTokens(None, None, f"no documented rule for the image tokens of {provider}/{model_id}")
    if detail is None:
        return ImageTokens(default, None, None)
    tokens = estimate(detail)
    if tokens is not None:
        return ImageTokens(tokens, detail, None)
    settings = [setting for setting in DETAILS if estimate(setting) is not None]
    if not settings:
        return ImageTokens(default, None, None)
    return ImageTokens(
        None, None, f"{provider}/{model_id} knows no detail {detail!r}: use one of {', '.join(settings)}"
    )


def details_of(provider: str, model_id: str, size: ImageSize) -> tuple[str, ...]:
    """Detail settings that the model has, the cheapest first."""
    return tuple(
        d
        for d in DETAILS
        if estimate_image_tokens(provider, model_id, size.width_px, size.height_px, d) is not None
    )
