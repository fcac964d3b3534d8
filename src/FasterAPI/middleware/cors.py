"""`CORSMiddleware`: which pages of other origins may read answers (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection
from functools import partial

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from FasterAPI.exceptions import InsecureCORSWarning
from FasterAPI.middleware._fields import THROUGH, Lines, amended

__all__ = ["CORSMiddleware"]

_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")
_SAFELISTED = ("Accept", "Accept-Language", "Content-Language", "Content-Type")
_ASKED = "Access-Control-Request-"


class CORSMiddleware(StarletteCORSMiddleware):
    """Lets pages of other origins read answers. Without arguments none may.

    Args:
        app: what comes next.
        allow_origins: like `https://shop.example`; `*` for all. `null`, the origin of sandboxed pages and of files, has to
            be listed where credentials or a pattern are given.
        allow_methods: what preflight requests may ask for; `*` for the usual ones.
        allow_headers: what preflight requests may ask for beside the safelisted ones; `*` for whatever they do.
        allow_credentials: whether cookies and the like may come along.
        allow_origin_regex: a pattern of the whole origin, without regard to case.
        allow_private_network: whether public pages may reach this server in a private network.
        expose_headers: fields of answers that pages may read beside the safelisted ones.
        max_age: seconds for which a browser may remember what a preflight request was told.

    Credentials together with `*` trust every page there is with whatever the user may do: `InsecureCORSWarning` says so.

    Raises:
        TypeError: for a member of a list that is no text.
    """

    def __init__(
        self,
        app: ASGIApp,
        allow_origins: Collection[str] = (),
        allow_methods: Collection[str] = ("GET",),
        allow_headers: Collection[str] = (),
        allow_credentials: bool = False,
        allow_origin_regex: str | None = None,
        allow_private_network: bool = False,
        expose_headers: Collection[str] = (),
        max_age: int = 600,
    ) -> None:
        allow_origins = _listed("allow_origins", allow_origins)
        allow_methods = _listed("allow_methods", allow_methods)
        allow_headers = _listed("allow_headers", allow_headers)
        expose_headers = _listed("expose_headers", expose_headers)
        self.app = app
        self.allow_origins = allow_origins
        self.allow_methods = _METHODS if "*" in allow_methods else allow_methods
        self.allow_all_origins = "*" in allow_origins
        self.allow_all_headers = "*" in allow_headers
        headers = sorted({*_SAFELISTED, *allow_headers})
        self.allow_headers = [name.lower() for name in headers]
        self.allow_credentials = allow_credentials
        self.allow_origin_regex = None if allow_origin_regex is None else re.compile(allow_origin_regex, re.IGNORECASE)
        self.allow_private_network = allow_private_network
        self.preflight_explicit_allow_origin = not self.allow_all_origins or allow_credentials
        if self.allow_all_origins and allow_credentials:
            warnings.warn(
                'allow_origins=["*"] with allow_credentials=True lets every site act as your users: list the origins, or give a pattern',
                InsecureCORSWarning,
                stacklevel=2,
            )

        self.simple_headers: dict[str, str] = {} if self.preflight_explicit_allow_origin else {"Access-Control-Allow-Origin": "*"}
        if allow_credentials:
            self.simple_headers["Access-Control-Allow-Credentials"] = "true"
        self.preflight_headers = {
            "Vary": f"Origin, {_ASKED}Method, {_ASKED}Headers, {_ASKED}Private-Network",
            **self.simple_headers,
            "Access-Control-Allow-Methods": ", ".join(self.allow_methods),
            "Access-Control-Max-Age": str(max_age),
        }
        if not self.allow_all_headers:
            self.preflight_headers["Access-Control-Allow-Headers"] = ", ".join(headers)
        if expose_headers:
            self.simple_headers["Access-Control-Expose-Headers"] = ", ".join(expose_headers)
        self._folded = frozenset(origin.lower() for origin in allow_origins)
        self._fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.simple_headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(raw=scope["headers"])
        if scope["method"] == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers:
            await self.preflight_response(headers)(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, headers)

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of this origin may read answers; scheme and host have no case (RFC 6454 §4)."""
        if origin == "null":  # anybody can have this one
            return origin in self.allow_origins or not self.preflight_explicit_allow_origin
        if self.allow_all_origins or (self.allow_origin_regex is not None and self.allow_origin_regex.fullmatch(origin)):
            return True
        return origin in self.allow_origins or origin.lower() in self._folded

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a preflight request is told: 200 and what it may do, or 400 and what it may not."""
        headers = dict(self.preflight_headers)
        refused = []
        origin = request_headers["origin"]
        if not self.is_allowed_origin(origin):
            refused.append("origin")
        elif self.preflight_explicit_allow_origin:
            headers["Access-Control-Allow-Origin"] = origin
        if request_headers["access-control-request-method"] not in self.allow_methods:
            refused.append("method")
        asked = request_headers.get("access-control-request-headers")
        if asked is not None and self.allow_all_headers:
            headers["Access-Control-Allow-Headers"] = asked
        elif asked is not None and not {*map(str.strip, asked.lower().split(","))} <= {"", *self.allow_headers}:
            refused.append("headers")
        if "access-control-request-private-network" in request_headers:
            if self.allow_private_network:
                headers["Access-Control-Allow-Private-Network"] = "true"
            else:
                refused.append("private-network")
        if refused:
            return PlainTextResponse(f"Disallowed CORS {', '.join(refused)}", status_code=400, headers=headers)
        return PlainTextResponse("OK", headers=headers)

    async def simple_response(self, scope: Scope, receive: Receive, send: Send, request_headers: Headers) -> None:
        """Pass a request on, and its answer through `send`; also one that is made further out, of an exception."""
        if self._is_closed():
            await self.app(scope, receive, send)
            return
        layer = partial(self.send, request_headers=request_headers)
        scope.setdefault(THROUGH, []).append(layer)
        await self.app(scope, receive, partial(layer, send=send))

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Send a message of an answer, with what the origin of the request is allowed."""
        if message["type"] == "http.response.start":
            lines = amended(message.get("headers"), self._allowed(request_headers.get("origin")), b"Origin")
            message = {**message, "headers": lines}
        await send(message)

    def _allowed(self, origin: str | None) -> Lines:
        if origin is None or not self.is_allowed_origin(origin):
            return ()
        if self.preflight_explicit_allow_origin:
            return [(b"access-control-allow-origin", origin.encode("latin-1")), *self._fields]
        return self._fields

    def _is_closed(self) -> bool:
        """Whether no origin is allowed, so that answers do not depend on it; subclasses may decide otherwise."""
        is_own = type(self).is_allowed_origin is CORSMiddleware.is_allowed_origin and type(self).send is CORSMiddleware.send
        return is_own and not self.allow_origins and self.allow_origin_regex is None


def _listed(name: str, values: Collection[str]) -> Collection[str]:
    """A collection of texts; one text is a collection of itself, not of its characters."""
    if isinstance(values, str):
        return (values,)
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{name} holds texts, and {value!r} is none")
    return values
