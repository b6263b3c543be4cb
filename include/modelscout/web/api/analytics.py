"""What was used, and how it went, for programs."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["analytics"])
