"""Keys in memory: they show nowhere by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class ProviderCredential:
    """How to reach one provider for one organization. Neither `repr` nor `str` shows the key.

    `base_url` None means the vendor's own endpoint.
    """

    provider: str
    api_key: str = field(repr=False)
    base_url: str | None = None

    def redact(self, text: str) -> str:
        """Replace the key wherever it stands in `text`, so that vendor messages can be passed on."""
        return redact(text, [self.api_key])


CredentialSource = Callable[[str], ProviderCredential | None]
"""Resolves a reference such as a connection id; None where nothing is configured."""


def is_simulated(credential: ProviderCredential) -> bool:
    """Whether the emulator answers for this key: a real vendor is never on this machine."""
    return urlsplit(credential.base_url or "").hostname in {"127.0.0.1", "localhost"}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every one of `secrets` in `text` by `***`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
