"""The pages as an application of the framework: they can be read, and that is all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from FasterAPI import Faster
from FasterAPI.requests import Request
from FasterAPI.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fasthttp.openapi.document import describe
from fasthttp.openapi.pages import Shown, error_page, page

if TYPE_CHECKING:
    from fasthttp.app.application import FastHTTP

__all__ = ["docs_app", "path_prefix", "site"]

_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")
_ASSETS = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
# Scripts and styles are files of this package only, and nobody but this origin is talked to: whatever a docstring says.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_SAID = {404: "There is nothing here", 405: "These pages can only be read"}


def docs_app(app: FastHTTP, base_url: str) -> Faster:
    """The pages of an app, as its routes are at the time of each request."""
    return site(lambda: Shown(describe(app)), base_url)


def path_prefix(base_url: str) -> str:
    """The path before those of the pages. Raises `ValueError` for what is none."""
    prefix = "/" + base_url.strip("/") if base_url.strip("/") else ""
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"base_url={base_url!r} is no path for the docs page; it takes one like '/internal/api'")
    return prefix


def site(source: Callable[[], Shown], base_url: str) -> Faster:
    """An application with the pages of what `source` gives, which is asked for each of them."""
    prefix = path_prefix(base_url)
    app = Faster(title="Documentation", openapi_url=None)
    contents = {name: files("fasthttp.openapi").joinpath("assets", name).read_bytes() for name in _ASSETS}

    def place(request: Request) -> str:
        return str(request.scope.get("root_path", "")).rstrip("/") + prefix

    def shown(request: Request) -> Response:
        reading = request.url.path.rstrip("/").endswith("/redoc")
        return HTMLResponse(page(source(), place(request), reading=reading), headers=HEADERS)

    def document() -> Response:
        return JSONResponse(source().document, headers=HEADERS)

    def revision() -> Response:
        return JSONResponse({"revision": source().revision}, headers=HEADERS)

    def asset(name: str) -> Response:
        if name not in contents:
            raise HTTPException(404)
        return Response(contents[name], media_type=_ASSETS[name], headers=HEADERS)

    def root(request: Request) -> Response:
        return RedirectResponse(f"{place(request)}/docs", headers=HEADERS)

    def refused(request: Request, exc: Exception) -> Response:
        status = exc.status_code if isinstance(exc, HTTPException) else 500
        given: Mapping[str, Any] = getattr(exc, "headers", None) or {}
        said = _SAID.get(status, "This did not work")
        return HTMLResponse(error_page(status, said, place(request)), status_code=status, headers={**HEADERS, **given})

    for path, function in (
        (f"{prefix}/docs", shown), (f"{prefix}/redoc", shown), (f"{prefix}/openapi.json", document),
        (f"{prefix}/docs/revision", revision), (f"{prefix}/docs/{{name}}", asset), (prefix or "/", root),
    ):  # fmt: skip
        app.add_api_route(path, function, methods=["GET"], response_model=None)
    app.add_exception_handler(HTTPException, refused)
    return app
