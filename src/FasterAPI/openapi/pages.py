"""How an application serves its schema and the pages that show it, with or without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from FasterAPI._conditional import conditional, strong_tag
from FasterAPI._files import FileResponse
from FasterAPI.concurrency import run_in_threadpool
from httpwire.coding import choose_coding

if TYPE_CHECKING:
    from FasterAPI.applications import Faster

__all__ = ["Pages", "asset_names"]

_ASSETS = Path(__file__).parent / "assets"
_NO_ICON = "data:,"
_MAX_ROOTS = 16  # places that the schema is remembered for: a proxy may say of each request where it serves the application
# Styles are set by scripts of all three, and a schema may show images of, and send requests to, any host.
_POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src * data: blob:; font-src 'self' data:;"
    " connect-src * data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'"
)
_INLINE = re.compile(rb"<script>(.*?)</script>", re.S)


@cache
def asset_names() -> dict[str, str]:
    """The names by which scripts and styles of the pages are served, with a digest of their content, by their own names."""
    manifest: dict[str, Any] = json.loads((_ASSETS / "manifest.json").read_bytes())
    return {name: "{0}.{2}.{1}".format(*name.rsplit(".", 1), entry["sha256"][:16]) for name, entry in manifest.items()}


def _guarded(page: HTMLResponse) -> HTMLResponse:
    """A page that runs its own scripts only: those it has within are named by their digests (CSP Level 3, §2.3.1)."""
    digests = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE.findall(bytes(page.body)))
    page.headers["content-security-policy"] = _POLICY.format(scripts="".join(f" 'sha256-{digest}'" for digest in digests))
    return page


class Pages:
    """The routes of the schema of an application and of its pages.

    With `offline_docs` all that the pages load comes from below the first of them, compressed, under names that change with the
    content, and they have a Content-Security-Policy. Without, it comes from where the functions in `docs` say.
    """

    def __init__(self, app: Faster) -> None:
        self._app = app
        first = app.docs_url or app.redoc_url or app.scalar_url
        self._assets = first.rstrip("/") + "/assets/" if app.offline_docs and first else None
        self._encoded: dict[str, tuple[Any, bytes, str]] = {}

    def register(self) -> None:
        """Add the routes, none of which is in the schema."""
        app = self._app
        assert app.openapi_url
        routes: list[tuple[str | None, Any, str]] = [
            (app.openapi_url, self.schema, "openapi"),
            (app.docs_url, self.swagger, "swagger_ui_html"),
            (app.docs_url and app.swagger_ui_oauth2_redirect_url, self.swagger_redirect, "swagger_ui_redirect"),
            (app.redoc_url, self.redoc, "redoc_html"),
            (app.scalar_url, self.scalar, "scalar_html"),
            (self._assets and self._assets + "{name}", self.asset, "docs_assets"),
        ]
        for path, endpoint, name in routes:
            if path:
                app.add_route(path, endpoint, name=name, include_in_schema=False)

    async def schema(self, request: Request) -> Response:
        """The document, encoded once for as long as `app.openapi()` returns the same object."""
        root = _root(request)
        schema = self._app.openapi()
        known = self._encoded.get(root)
        if known is None or known[0] is not schema:
            served = schema
            if root and self._app.root_path_in_servers and root not in {server.get("url") for server in schema.get("servers", [])}:
                served = {**schema, "servers": [{"url": root}, *schema.get("servers", [])]}
            if len(self._encoded) == _MAX_ROOTS:
                self._encoded.clear()
            body = bytes(JSONResponse(served).body)
            known = self._encoded[root] = schema, body, strong_tag(body)
        return conditional(request, Response(known[1], headers={"etag": known[2]}, media_type="application/json"))

    async def swagger(self, request: Request) -> HTMLResponse:
        """Swagger UI."""
        from FasterAPI.openapi.docs import get_swagger_ui_html

        app, root = self._app, _root(request)
        parts = self._parts(root, swagger_js_url="swagger-ui-bundle.js", swagger_css_url="swagger-ui.css", swagger_favicon_url="")
        redirect = app.swagger_ui_oauth2_redirect_url
        page = get_swagger_ui_html(
            openapi_url=root + str(app.openapi_url),
            title=f"{app.title} - Swagger UI",
            oauth2_redirect_url=root + redirect if redirect else None,
            init_oauth=app.swagger_ui_init_oauth,
            swagger_ui_parameters=app.swagger_ui_parameters,
            **parts,
        )
        return self._served(page)

    async def swagger_redirect(self, request: Request) -> HTMLResponse:
        """Where logins of Swagger UI come back to."""
        from FasterAPI.openapi.docs import get_swagger_ui_oauth2_redirect_html

        return self._served(get_swagger_ui_oauth2_redirect_html())

    async def redoc(self, request: Request) -> HTMLResponse:
        """ReDoc, without fonts of others where nothing is to come from others."""
        from FasterAPI.openapi.docs import get_redoc_html

        app, root = self._app, _root(request)
        parts = self._parts(root, redoc_js_url="redoc.standalone.js", redoc_favicon_url="")
        if parts:
            parts["with_google_fonts"] = False
        return self._served(get_redoc_html(openapi_url=root + str(app.openapi_url), title=f"{app.title} - ReDoc", **parts))

    async def scalar(self, request: Request) -> HTMLResponse:
        """Scalar."""
        from FasterAPI.openapi.docs import get_scalar_html

        app, root = self._app, _root(request)
        parts = self._parts(root, scalar_js_url="scalar.js", scalar_favicon_url="")
        return self._served(get_scalar_html(openapi_url=root + str(app.openapi_url), title=f"{app.title} - Scalar", **parts))

    async def asset(self, request: Request) -> Response:
        """A script or a style of the pages, as it is kept for who takes gzip. Its name says what is in it, so it may be kept."""
        wanted = request.path_params["name"]
        name = next((name for name, served in asset_names().items() if served == wanted), None)
        if name is None:
            raise HTTPException(404)
        fields = {"cache-control": "public, max-age=31536000, immutable", "vary": "Accept-Encoding"}
        media_type = "text/css" if name.endswith(".css") else "text/javascript"
        if choose_coding(",".join(request.headers.getlist("accept-encoding")), ["gzip"]):
            return FileResponse(_ASSETS / f"{name}.gz", headers={**fields, "content-encoding": "gzip"}, media_type=media_type)
        content = await run_in_threadpool(lambda: gzip.decompress((_ASSETS / f"{name}.gz").read_bytes()))
        return conditional(request, Response(content, headers=fields, media_type=media_type))

    def _parts(self, root: str, **names: str) -> dict[str, Any]:
        """The URLs of the parts of a page where they are served here; of one without a name there is none."""
        if self._assets is None:
            return {}
        below = root + self._assets
        return {keyword: below + asset_names()[name] if name else _NO_ICON for keyword, name in names.items()}

    def _served(self, page: HTMLResponse) -> HTMLResponse:
        return page if self._assets is None else _guarded(page)


def _root(request: Request) -> str:
    """Where the application is mounted, or a proxy serves it."""
    root: str = request.scope.get("root_path", "")
    return root.rstrip("/")
