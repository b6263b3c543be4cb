"""What the emulator of these tests serves, and how to reach it."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx2

from modelscout.core.fingerprint import content_fingerprint
from modelscout.core.secrets import ProviderCredential
from modelscout.providers.protocol import Image, ProviderAdapter
from modelscout.providers.registry import open_adapter

ALL = ["text_generation", "image_analysis", "structured_output", "tool_use", "streaming"]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PHOTO = Image(PNG)
KEYS = {
    "openai": "sk-proj-emulator-0123456789abcdef",
    "anthropic": "sk-ant-api03-emulator-0123456789abcdef",
    "google": "AIzaSyEmulator0123456789abcdef",
    "clarifai": "pat0emulator0123456789abcdef",
    "openai_compatible": "token-emulator-0123456789abcdef",
}
PREFIXES = {
    "openai": "/openai/v1",
    "anthropic": "/anthropic",
    "google": "/gemini",
    "clarifai": "/clarifai",
    "openai_compatible": "/compatible/v1",
}
MODELS = {
    "openai": "gpt-6-luna",
    "anthropic": "claude-haiku-5-5",
    "google": "gemini-3.8-flash",
    "clarifai": "chat-model",
    "openai_compatible": "llama-local",
}
LLM_PROVIDERS = ["openai", "anthropic", "google"]
EVERYONE = [*LLM_PROVIDERS, "clarifai", "openai_compatible"]
CONTROL = "control-0123456789"

PROFILE: dict[str, Any] = {
    "now": "2026-11-23T12:00:00+00:00",
    "seed": 11,
    "latency_scale": 0,
    "control_token": CONTROL,
    "keys": {key: {"organization": "acme", "provider": name} for name, key in KEYS.items()},
    "models": {
        "openai/gpt-6-luna": {
            "created_at": "2026-03-01",
            "capabilities": ALL,
            "reasoning_tokens": 20,
            "image_tokens": 308,
        },
        "openai/gpt-4o": {"capabilities": ALL, "retires_at": "2027-01-14"},
        "openai/gpt-4-turbo": {"capabilities": ALL, "retires_at": "2026-10-23"},
        "openai/plain": {"capabilities": ["text_generation"]},
        "openai/rerouted": {"capabilities": ALL, "served_as": "gpt-6-luna"},
        "anthropic/claude-haiku-5-5": {
            "display_name": "Claude Haiku 5.5",
            "created_at": "2026-10-01",
            "capabilities": [*ALL, "complex_reasoning"],
            "context_window_tokens": 1_000_000,
            "max_output_tokens": 128_000,
            "reasoning_tokens": 5,
        },
        "anthropic/claude-sonnet-4-5": {
            "capabilities": ALL,
            "lifecycle": "deprecated",
            "deprecated_at": "2026-06-30",
            "retires_at": "2026-11-30",
        },
        "anthropic/claude-3-sonnet": {"lifecycle": "retired", "retires_at": "2025-07-21"},
        "anthropic/plain": {"capabilities": ["text_generation"]},
        "google/gemini-3.8-flash": {
            "display_name": "Gemini 3.8 Flash",
            "capabilities": ALL,
            "context_window_tokens": 1_048_576,
            "max_output_tokens": 65_536,
            "reasoning_tokens": 12,
        },
        "google/gemini-2.0-flash": {"capabilities": ALL, "retires_at": "2026-06-01"},
        "google/plain": {"capabilities": ["text_generation"]},
        "clarifai/general-image-recognition": {"capabilities": ["image_analysis"], "billing": "operations"},
        "clarifai/chat-model": {"capabilities": ALL},
        "openai_compatible/llama-local": {"capabilities": ALL},
        "openai_compatible/plain": {"capabilities": ["text_generation"]},
        **{f"google/page-{n}": {"capabilities": ALL} for n in range(105)},
        **{
            f"clarifai/page-{n}": {"capabilities": ["image_analysis"], "billing": "operations"}
            for n in range(205)
        },
    },
}
ANSWERS: list[dict[str, Any]] = [
    {
        "fingerprint": content_fingerprint("Tag the photo.", [PNG]),
        "feature": "capability:image_analysis",
        "correct": '["beach", "sea", "sunset"]',
        "wrong": ['["office"]'],
        "image_fingerprint": content_fingerprint("", [PNG]),
    },
    {
        "fingerprint": content_fingerprint("Give name and pieces."),
        "feature": "capability:structured_output",
        "correct": '{"name": "Maria", "pieces": 12}',
    },
    {
        "fingerprint": content_fingerprint("Weather in Oslo?"),
        "feature": "capability:tool_use",
        "correct": '{"city": "Oslo"}',
    },
    {
        "fingerprint": content_fingerprint("Count to twelve."),
        "feature": "capability:streaming",
        "correct": "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12",
    },
]


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """The emulator of the session, and how to reach it."""

    url: str

    def credential(self, provider: str, key: str | None = None) -> ProviderCredential:
        return ProviderCredential(provider, key or KEYS[provider], self.url + PREFIXES[provider])

    def adapter(self, provider: str, key: str | None = None) -> AbstractAsyncContextManager[ProviderAdapter]:
        return open_adapter(self.credential(provider, key))

    def control(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        response = httpx2.request(
            method,
            f"{self.url}/control/{path}",
            json=body or None,
            headers={"Authorization": f"Bearer {CONTROL}"},
        )
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def fault(self, **fault: Any) -> None:
        self.control("POST", "faults", **fault)
