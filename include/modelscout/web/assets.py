"""The files that the pages refer to, behind the same authentication as everything else."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException, status
from fastapi.responses import FileResponse

FOLDER = Path(__file__).parent / "static"
MEDIA_TYPES = {".css": "text/css"}

router = APIRouter(include_in_schema=False)


@router.get("/static/{name}")
def static_file(name: str) -> FileResponse:
    """One file of `static/`. Only names that exist there are opened."""
    path = next((file for file in FOLDER.iterdir() if file.name == name), None)
    if path is None or path.suffix not in MEDIA_TYPES:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such file.")
    return FileResponse(
        path, media_type=MEDIA_TYPES[path.suffix], headers={"Cache-Control": "private, max-age=300"}
    )
