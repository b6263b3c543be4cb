"""Models side by side, for programs."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["comparison"])
