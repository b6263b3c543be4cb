"""Features and their configuration, for programs."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(tags=["features"])
