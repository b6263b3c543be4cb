"""The emulator as an ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelscout.emulator import (
    anthropic,
    batches_anthropic,
    batches_google,
    batches_openai,
    clarifai,
    control,
    google,
    openai,
)
from modelscout.emulator.answers import AnswerKey
from modelscout.emulator.batches import BatchStore
from modelscout.emulator.engine import Emulator
from modelscout.emulator.profile import Profile
from modelscout.emulator.serving import json_response


def create_app(profile: Profile, answers: AnswerKey) -> Starlette:
    """All endpoints on one application; its state, `app.state.emulator`, lives as long as it does."""
    emulator = Emulator(profile, answers)
    batches = BatchStore(emulator)

    async def health(_request: Request) -> Response:
        return json_response({"status": "ok", "models": len(emulator.profile.models), "items": len(answers)})

    app = Starlette(
        routes=[
            # First: their paths are special cases of the others'.
            *batches_openai.routes(batches),
            *batches_anthropic.routes(batches),
            *batches_google.routes(batches),
            *openai.routes(emulator),
            *openai.compatible_routes(emulator),
            *anthropic.routes(emulator),
            *google.routes(emulator),
            *clarifai.routes(emulator),
            *control.routes(emulator, batches),
            Route("/health", health, methods=["GET"]),
        ]
    )
    app.state.emulator = emulator
    return app
