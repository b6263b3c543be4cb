"""Templates to pages. Autoescape is on everywhere: whatever a provider or a person wrote stays text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from modelscout.web.formatting import FILTERS


@lru_cache(maxsize=1)
def templates() -> Environment:
    """The templates with the filters of `formatting`."""
    environment = Environment(
        loader=PackageLoader("modelscout.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


def own_path(request: Request) -> str:
    """Path within the page, without the prefix that it is mounted under."""
    path = str(request.scope["path"])
    return path.removeprefix(str(request.scope.get("root_path", ""))) or "/"


def render(request: Request, name: str, *, status_code: int = 200, **context: Any) -> HTMLResponse:
    """One page. `root` leads from its address back to the overview, wherever the app is mounted."""
    root = "../" * (own_path(request).count("/") - 1) or "./"
    caller = getattr(request.state, "modelscout_caller", None)
    here = name.removesuffix(".html")
    text = templates().get_template(name).render(root=root, here=here, caller=caller, **context)
    return HTMLResponse(text, status_code=status_code)
