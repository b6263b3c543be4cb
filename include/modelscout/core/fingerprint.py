"""One name for the content of a request, so that the same item is recognised wherever it turns up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def content_fingerprint(prompt: str, images: Iterable[bytes] = ()) -> str:
    """SHA-256 (hex) over the prompt with white space folded, and the bytes of each image in order."""
    digest = hashlib.sha256(" ".join(prompt.split()).encode())
    for image in images:
        digest.update(b"\0" + hashlib.sha256(image).digest())
    return digest.hexdigest()
