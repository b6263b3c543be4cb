"""The files that the pages refer to, behind the same authentication as everything else.

Their address holds a digest of them all, so that browsers keep them for good and a new release is seen at once.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response, status
from fastapi.responses import FileResponse

from modelscout.web.charts import bundle
from modelscout.web.charts.specifications import specification

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOR_GOOD = "private, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@lru_cache(maxsize=1)
def version() -> str:
    """Digest of all files, of the charts' library and of what draws the charts."""
    digest = hashlib.sha256(bundle.library_version().encode())
    sources = [*FOLDER.iterdir(), *Path(bundle.__file__).parent.glob("*.py")]
    for file in sorted(sources):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


@router.get("/static/{digest}/charts/{name}.json")
def chart_specification(digest: str, name: str) -> Response:
    """One chart as Vega-Lite, without data."""
    text = specification(name)
    if text is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such chart.")
    return Response(text, media_type="application/json", headers=_caching(digest))


@router.get("/static/{digest}/vega.js")
def charts_library(request: Request, digest: str) -> Response:
    """Vega, Vega-Lite and Vega-Embed in one file."""
    headers = {**_caching(digest), "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(bundle.compressed(), media_type="text/javascript", headers=headers)
    return Response(bundle.plain(), media_type="text/javascript", headers=headers)


@router.get("/static/{digest}/{name}")
def static_file(digest: str, name: str) -> FileResponse:
    """One file of `static/`. Only names that exist there are opened."""
    path = next((file for file in FOLDER.iterdir() if file.name == name), None)
    if path is None or path.suffix not in MEDIA_TYPES:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such file.")
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=_caching(digest))


def _caching(digest: str) -> dict[str, str]:
    """An address of an older release is answered, but not kept."""
    return {"Cache-Control": FOR_GOOD if digest == version() else "no-store"}
