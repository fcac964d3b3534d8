# Generated from src/fasthttp/_async/engine.py by scripts/unasync.py; change that file instead.
"""A call from its arguments to its response: hooks, redirects, reading, errors. Opens no sockets itself."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

from fasthttp._sync.body import SyncBody, read_response
from fasthttp._io.blocking import current_loop, running_loop, settle
from fasthttp._pure.config import Call, ClientConfig
from fasthttp._pure.decoding import Pipeline, check_announced
from fasthttp._pure.faults import annotate
from fasthttp._pure.redirects import REDIRECT_STATUSES, next_request
from fasthttp.errors import ClientClosedError, FastHTTPError, TooManyRedirects, TotalTimeout
from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response

__all__ = ["AsyncEngine"]

_DRAIN_SIZE = 65536  # bytes of a redirect's body that are read for the sake of its connection


class SyncEngine:
    """Runs calls over something that can `send`: the network, or a transport of the user's."""

    def __init__(self, config: ClientConfig, sender: Any) -> None:
        self.config = config
        self.sender = sender
        self._loop = current_loop()

    def request(self, method: str, url: str, options: Mapping[str, Any], prebuilt: Request | None = None) -> ClientResponse:
        """The response of a call, with everything done that the call asks for; `prebuilt` stands for method and URL."""
        started = monotonic()
        config = self.config
        if running_loop() is not self._loop:
            raise RuntimeError(f"this client is bound to {self._loop!r} and cannot be used on {current_loop()!r}")
        if config.closed:
            raise ClientClosedError("the client is closed; create a new one")
        if prebuilt is not None:
            call, request = self._adopt(prebuilt, options)
        elif options:
            call = config.call(options)
            request = config.request(method, url, options)
        else:
            call = config.defaults
            request = config.plain_request(method, url)
        total = call.timeout.total
        total_at = None if total is None else started + total
        try:
            if call.hooks is not None:
                request = self._request_hooks(request, call, total_at)
            response: ClientResponse = self.sender.send(request, call, total_at)
            if response._content is None or response._coding is not None or call.max_response_size is not None:
                self._attach(response, request, call)
            if response.status_code in REDIRECT_STATUSES:
                response = self._follow(request, response, call, total_at)
            if response._content is None and not call.stream:
                read_response(response)
            if config.default_encoding != "utf-8":
                response._default_encoding = config.default_encoding
            response._elapsed = monotonic() - started
            if call.hooks is not None:
                return self._response_hooks(response, call, total_at)
            return response
        except FastHTTPError as exc:
            annotate(exc, request, monotonic() - started, config.sensitive)
            if call.hooks is not None and "error" in call.hooks:
                return self._error_hooks(exc, request, call)
            raise

    def _adopt(self, prebuilt: Request, options: Mapping[str, Any]) -> tuple[Call, Request]:
        call = self.config.call(options, prebuilt)
        if not prebuilt.is_replayable:
            assert prebuilt.body is not None
            prebuilt.body.start()  # raises
        return call, self.config.adopt(prebuilt)

    def send(self, request: Request, options: Mapping[str, Any]) -> ClientResponse:
        """The response to a request that the caller built."""
        return self.request("", "", options, request)

    def _follow(self, request: Request, response: ClientResponse, call: Call, total_at: float | None) -> ClientResponse:
        """The last response of a chain of redirects."""
        history: list[Response] = []
        while True:
            following = self._redirected(request, response, call, history)
            if following is None:
                break
            history.append(response)
            request = following
            response = self.sender.send(request, call, total_at)
            self._attach(response, request, call)
        if history:
            response._history = tuple(history)
        return response

    def _attach(self, response: ClientResponse, request: Request, call: Call) -> None:
        """Put decoding and limits between a response and its bytes."""
        source, response._source = response._source, None
        try:
            pipeline = Pipeline(response._coding, call.max_response_size, call.max_ratio, self.config.logger)
            if source is None:
                if response._content is not None:
                    response._content = pipeline.decode(response._content)
                return
            if request.method != "HEAD":
                check_announced(source.content_length, call.max_response_size)
        except FastHTTPError:
            if source is not None:
                source.abandon()
            raise
        response._body = SyncBody(source, pipeline, request)
        response._state = "live"

    def _redirected(self, request: Request, response: ClientResponse, call: Call, history: list[Response]) -> Request | None:
        """The next request of the chain, or None when `response` is the one to return."""
        try:
            following = next_request(request, response, self.config.sensitive)
            if following is None:
                return None
            if not call.follow_redirects:
                response._next_request = following
                return None
            self._drain(response)
            if len(history) >= call.max_redirects:
                error = TooManyRedirects(f"more than {call.max_redirects} redirects, the last one to {following.url}")
                error.response = response
                error.history = (*history, response)
                raise error
            return following
        except FastHTTPError as exc:
            if exc.response is None:
                exc.response = response
            if not call.follow_redirects and response._next_request is None:
                return None  # the caller asked for the response as it is
            if response._body is not None:
                response._body.abandon()
            raise

    def _drain(self, response: ClientResponse) -> None:
        """Read the body of a redirect if it is short, so that its connection can be used again."""
        if response._content is not None:
            return
        body: Any = response._live("sync", "")
        size = 0
        kept: list[bytes] = []
        for piece in body.pieces():
            size += len(piece)
            if size > _DRAIN_SIZE:
                body.abandon()
                return
            kept.append(piece)
        response._content = b"".join(kept)
        response._state = "buffered"

    # --- hooks

    def _run_hook(self, event: str, total_at: float | None, call: Call, hook: Any, *arguments: Any) -> Any:
        left = None if total_at is None else max(0.0, total_at - monotonic())
        try:
            return settle(hook(*arguments), left)
        except TimeoutError as exc:
            if isinstance(exc, FastHTTPError) or total_at is None or monotonic() < total_at:
                raise
            total = call.timeout.total
            raise TotalTimeout(f"total timeout after {total:g} s, in a {event} hook", phase="total", limit=total) from exc

    def _request_hooks(self, request: Request, call: Call, total_at: float | None) -> Request:
        assert call.hooks is not None
        for hook in call.hooks.get("request", ()):
            result = self._run_hook("request", total_at, call, hook, request)
            if isinstance(result, Request):
                request = self.config.adopt(result) if result.built_for is not self.config else result
            elif result is not None:
                raise _wrong_return("request", hook, result, "None or a Request")
            request._headers = request.headers  # read from the head, where it has not been yet
            request._head = None  # the hook may have changed them
        return request

    def _response_hooks(self, response: ClientResponse, call: Call, total_at: float | None) -> ClientResponse:
        assert call.hooks is not None
        for hook in call.hooks.get("response", ()):
            try:
                result = self._run_hook("response", total_at, call, hook, response)
                if result is not None and not isinstance(result, Response):
                    raise _wrong_return("response", hook, result, "None or a Response")
            except BaseException:
                if response._body is not None:
                    response._body.abandon()
                raise
            if result is not None and result is not response:
                if response._body is not None and result._body is not response._body:
                    response.close()
                result._inherit(response)
                response = result  # type: ignore[assignment]
        return response

    def _error_hooks(self, error: FastHTTPError, request: Request, call: Call) -> ClientResponse:
        assert call.hooks is not None
        for hook in call.hooks["error"]:
            result = self._run_hook("error", None, call, hook, error, request)
            if isinstance(result, Response):
                if result._request is None:
                    result._request = request
                return result  # type: ignore[return-value]
            if result is not None:
                raise _wrong_return("error", hook, result, "None or a Response")
        raise error


def _wrong_return(event: str, hook: Any, result: Any, wanted: str) -> TypeError:
    name = getattr(hook, "__qualname__", repr(hook))
    return TypeError(f"{event} hook {name} returned {type(result).__name__}; it must return {wanted}")
