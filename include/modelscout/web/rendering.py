"""Templates to pages. Autoescape is on everywhere: whatever a provider or a person wrote stays text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from modelscout.web.access import Access, Organization
from modelscout.web.assets import version
from modelscout.web.formatting import FILTERS

VIEWS = (
    ("overview", "", "Overview"),
    ("recommendations", "recommendations", "Recommendations"),
    ("features", "features", "Features"),
    ("models", "models", "Models"),
    ("compare", "compare", "Compare"),
    ("calculator", "calculator", "Calculator"),
    ("analytics", "analytics", "Analytics"),
    ("benchmarks", "benchmarks", "Benchmarks"),
)
"""Name, path and title of each entry of the navigation, in its order."""


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
    environment.filters.update(FILTERS, json_data=json_data)
    return environment


def own_path(request: Request) -> str:
    """Path within the page, without the prefix that it is mounted under."""
    path = str(request.scope["path"])
    return path.removeprefix(str(request.scope.get("root_path", ""))) or "/"


def json_data(value: Any) -> Markup:
    """`value` as JSON that may stand inside a script element of the type application/json.

    Decimals become numbers, because charts draw them; what is exact is shown as text beside it.
    """
    text = json.dumps(value, default=_plain, separators=(",", ":"))
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704  # Escaped above.


def render(
    request: Request,
    name: str,
    access: Access | None = None,
    chosen: Organization | None = None,
    *,
    status_code: int = 200,
    **context: Any,
) -> HTMLResponse:
    """One page for one caller, about the chosen organization or about all (None).

    `root` leads from the page's address back to the overview, wherever the app is mounted; `link(path, **parameters)`
    gives the address of another view about the same organization.
    """
    root = "../" * (own_path(request).count("/") - 1) or "./"
    text = (
        templates()
        .get_template(name)
        .render(
            root=root,
            static=f"{root}static/{version()}/",
            link=_linker(root, chosen),
            own_path=own_path(request).removeprefix("/"),
            views=VIEWS,
            here=context.pop("here", name.removesuffix(".html")),
            access=access,
            chosen=chosen,
            caller=getattr(request.state, "modelscout_caller", None),
            **context,
        )
    )
    return HTMLResponse(text, status_code=status_code)


def _linker(root: str, chosen: Organization | None) -> Callable[..., str]:
    """Addresses of views: `link("models", id=…)`; what is None is left out, a list repeats its name."""

    def link(path: str = "", **parameters: Any) -> str:
        asked: Mapping[str, Any] = {"organization": chosen.slug if chosen else None} | parameters
        query = urlencode({k: v for k, v in asked.items() if v is not None and v != ""}, doseq=True)
        return f"{root}{quote(path)}" + (f"?{query}" if query else "")

    return link


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} is no JSON")
