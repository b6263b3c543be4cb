"""Which sampling parameters a model takes. Pure: loads no vendor's SDK.

A vendor refuses a request with one that its model does not take, so that only what is known to be taken is sent:
Anthropic none since its API version of 2026-10-21, OpenAI's reasoning models none, Google those before Gemini 3.5
Flash-Lite and 3.6. Of models behind Clarifai it is not known.
"""

from __future__ import annotations

import re

from modelscout.providers.protocol import GenerateRequest

SAMPLING = ("temperature", "top_p")
_REASON = re.compile(r"(?:^|[/:])(?:gpt-(?:[5-9]|\d\d)(?!.*chat)|o\d|claude)")
_TAKERS = {
    "openai": re.compile(r"^(?:ft:)?gpt-(?:3\.5|4)"),
    "google": re.compile(r"^gemini-(?:1\.|2\.|3-|3\.[0-4]-|3\.5-(?!flash-lite))"),
}


def takes_sampling(provider: str, model: str) -> bool:
    """Whether the model is known to take `temperature` and `top_p`."""
    if provider == "openai_compatible":
        # A server of one's own: all take them, unless it passes on to a model that does not.
        return _REASON.search(model) is None
    takers = _TAKERS.get(provider)
    return takers is not None and takers.match(model) is not None


def sampling_of(provider: str, request: GenerateRequest) -> dict[str, float]:
    """The sampling parameters of a request that its model takes, by their names."""
    if not takes_sampling(provider, request.model):
        return {}
    given = {name: getattr(request, name) for name in SAMPLING}
    return {name: value for name, value in given.items() if value is not None}
