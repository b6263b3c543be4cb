"""Keys in memory: they show nowhere by accident."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from modelscout.core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ProviderCredential:
    """How to reach one provider for one organization. Neither `repr` nor `str` shows the key.

    `base_url` None means the vendor's own endpoint in `region`, which is where the data is processed: `global`
    where that is nobody's concern.
    """

    provider: str
    api_key: str = field(repr=False)
    base_url: str | None = None
    region: str = "global"

    def endpoint(self, regions: Mapping[str, str]) -> str:
        """The base URL to call; `regions` holds the vendor's own by region.

        Raises ConfigurationError where the vendor has none in this region and no URL is given.
        """
        if self.base_url or self.region in regions:
            return self.base_url or regions[self.region]
        if not regions:
            raise ConfigurationError(f"provider {self.provider} has no endpoint: give the connection's host")
        known = ", ".join(sorted(regions))
        raise ConfigurationError(
            f"region={self.region!r} of provider {self.provider}: it has endpoints for {known}; "
            "use one of them or give the endpoint as the connection's host"
        )

    def redact(self, text: str) -> str:
        """Replace the key wherever it stands in `text`, so that vendor messages can be passed on."""
        return redact(text, [self.api_key])


CredentialSource = Callable[[str], ProviderCredential | None]
"""Resolves a reference such as a connection id; None where nothing is configured."""


def is_simulated(credential: ProviderCredential) -> bool:
    """Whether the emulator answers for this key: a real vendor is never on this machine."""
    try:
        return urlsplit(credential.base_url or "").hostname in {"127.0.0.1", "localhost"}
    except ValueError:
        return False


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every one of `secrets` in `text` by `***`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
