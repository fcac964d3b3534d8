"""A call from its arguments to its response: hooks, redirects, reading, errors. Opens no sockets itself."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic, time
from typing import Any

from fasthttp._async.body import AsyncBody, read_response
from fasthttp._io.asyncio import current_loop, iterate_source, running_loop, settle
from fasthttp._pure.body import Body
from fasthttp._pure.call import Call
from fasthttp._pure.config import ClientConfig
from fasthttp._pure.decoding import Pipeline, check_announced
from fasthttp._pure.exchange import BufferBody, Discard, Exchange, Pause, Read, Run, Send
from fasthttp._pure.faults import annotate
from fasthttp._pure.tracing import Tracer
from fasthttp.errors import ClientClosedError, FastHTTPError, TotalTimeout
from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response
from fasthttp.retry import origin_of

__all__ = ["AsyncEngine"]

_DRAIN_SIZE = 65536  # bytes of a redirect's body that are read for the sake of its connection
_DRAIN_SECONDS = 1.0  # that may be spent on it
_TICK = 0.002  # seconds by which the timer of a loop may be early; uvloop counts in milliseconds


class AsyncEngine:
    """Runs calls over something that can `send`: the network, or a transport of the user's."""

    def __init__(self, config: ClientConfig, sender: Any) -> None:
        self.config = config
        self.sender = sender
        self._loop = current_loop()

    async def request(self, method: str, url: str, options: Mapping[str, Any], prebuilt: Request | None = None) -> ClientResponse:
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
        if (hook := call.trace_hook) is not None:
            call = call.copy()
            call.trace = Tracer(hook, monotonic)
        try:
            if call.hooks is not None:
                request = await self._request_hooks(request, call, total_at)
            permit: Any = None
            if call.is_plain and request.context is None and config.jar is None and config.watch is None:
                # Most requests are simply sent. The rest is for the calls, and the answers, that ask for more.
                outcome: Any = await self.sender.send(request, call, total_at)
                if outcome._content is None or outcome._coding is not None:
                    await self._take_body(outcome, request, call)
            else:
                outcome, permit = await self._first_outcome(request, call, total_at)
            if outcome.__class__ is call.response_class and outcome.status_code not in call.turns and not outcome._sets_cookies:
                response: ClientResponse = outcome  # type: ignore[assignment]
                if permit is not None:
                    call.breaker.leave(permit, response.status_code < 500 or response.status_code == 501)  # type: ignore[union-attr]
            else:
                try:
                    response = await self._exchange(request, call, total_at, outcome, permit)
                finally:
                    outcome = None  # a failure holds its traceback, and that this frame
            if config.default_encoding != "utf-8":
                response._default_encoding = config.default_encoding
            response._elapsed = monotonic() - started
            if call.hooks is not None:
                return await self._response_hooks(response, call, total_at)
            return response
        except FastHTTPError as exc:
            annotate(exc, request, monotonic() - started, config.sensitive)
            if call.hooks is None or "error" not in call.hooks or (recovered := await self._error_hooks(exc, request, call)) is None:
                raise
            return recovered

    async def _first_outcome(self, request: Request, call: Call, total_at: float | None) -> tuple[Any, Any]:
        """The response or failure of a first request that goes out as it is, and the breaker's leave for it.

        (None, None) for a call that is not sent before its exchange has begun.
        """
        if call.expect is not None and request.body_length != 0:
            request.headers["Expect"] = "100-continue"
            request._head = None
        config, breaker = self.config, call.breaker
        context, watch = request.context, config.watch
        if context is not None and context.auth is not None and context.auth.fixed_authorization is None:
            return None, None
        guarded = watch is not None or breaker is not None
        if guarded and (call.retry is not None or (watch is not None and watch.wants_body(request))):
            return None, None
        wire = request if context is None and config.jar is None else config.dress(request)
        if watch is not None:
            watch.check(wire)
        permit = None if breaker is None else breaker.enter(origin_of(wire.parsed_url))
        try:
            response = await self.sender.send(wire, call, total_at)
            await self._take_body(response, wire, call)
            return response, permit
        except FastHTTPError as exc:
            if call.retry is None and not guarded:
                raise
            return exc, permit
        except BaseException:
            if breaker is not None and permit is not None:
                breaker.leave(permit, None)
            raise

    async def _take_body(self, response: ClientResponse, request: Request, call: Call) -> None:
        """Put decoding and limits on the body of a response, and read it where it will be the caller's."""
        self._attach(response, request, call)
        if response._content is None and not call.stream and response.status_code not in call.turns:
            await read_response(response)

    async def _exchange(self, request: Request, call: Call, total_at: float | None, outcome: Any, permit: Any) -> ClientResponse:
        """Take the steps of a call; `outcome` is that of the first, and `permit` the breaker's leave for it, if it was taken."""
        from random import random

        renews = self.config.total_per_attempt
        exchange = Exchange(self.config, call, request, None if renews else total_at, now=monotonic, wall=time, chance=random)
        exchange.permit = permit
        steps = exchange.steps()
        taken: Any = None
        try:
            step = next(steps)
            while True:
                if outcome is None:
                    try:
                        outcome = await self._step(step, call, total_at)
                    except BaseException as exc:
                        outcome = exc
                if renews and step.__class__ is Pause and call.timeout.total is not None:
                    total_at = monotonic() + call.timeout.total
                taken, outcome = outcome, None
                step = steps.throw(taken) if isinstance(taken, BaseException) else steps.send(taken)
        except StopIteration as end:
            response: ClientResponse = end.value
            return response
        finally:
            taken = outcome = None  # a failure holds its traceback, and that this frame

    async def _step(self, step: Any, call: Call, total_at: float | None) -> Any:
        kind = step.__class__
        if kind is Send:
            response = await self.sender.send(step.request, step.call, total_at)
            self._attach(response, step.request, step.call)
            return response
        if kind is Read:
            await read_response(step.response)
        elif kind is Discard:
            await self._drain(step.response)
        elif kind is Pause:
            await self.pause(step.seconds)
        elif kind is Run:
            return await self._run_user("in authentication", total_at, call, step.function, *step.arguments)
        elif kind is BufferBody:
            pieces = iterate_source(step.request.body.start())
            kept: list[bytes] = []
            size = 0
            async for piece in pieces:
                size += len(piece)
                if step.limit is not None and size > step.limit:
                    raise ValueError(f"a streamed body is buffered up to {step.limit} bytes to be signed; this one is longer")
                kept.append(piece)
            content = b"".join(kept)
            step.request.body = Body(content, content_type=step.request.body.content_type)
        return True

    async def pause(self, seconds: float) -> None:
        """Wait between two attempts."""
        if seconds > 0:
            await self.sender.pause(seconds)

    def _adopt(self, prebuilt: Request, options: Mapping[str, Any]) -> tuple[Call, Request]:
        call = self.config.call(options, prebuilt)
        if not prebuilt.is_replayable:
            assert prebuilt.body is not None
            prebuilt.body.start()  # raises
        return call, self.config.adopt(prebuilt, options)

    async def send(self, request: Request, options: Mapping[str, Any]) -> ClientResponse:
        """The response to a request that the caller built."""
        return await self.request("", "", options, request)

    def _attach(self, response: ClientResponse, request: Request, call: Call) -> None:
        """Put decoding and limits between a response and its bytes."""
        source, response._source = response._source, None
        whole = response._content
        if source is None and whole is not None and response._coding is None and call.takes_whole(len(whole)):
            return
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
        response._body = AsyncBody(source, pipeline, request, call.on_download)
        response._state = "live"

    async def _drain(self, response: ClientResponse) -> None:
        """Read the body of a response that is not the last if it is short, so that its connection can be used again."""
        if response._content is not None or response._state != "live":
            return
        body: Any = response._live("async", "")
        body.progress = None  # nobody waits for this body
        body.limit_total(_DRAIN_SECONDS)
        size = 0
        kept: list[bytes] = []
        try:
            async for piece in body.pieces():
                size += len(piece)
                if size > _DRAIN_SIZE:
                    body.abandon()
                    return
                kept.append(piece)
        except FastHTTPError:
            return  # its connection is gone, and nobody wanted the rest
        response._content = b"".join(kept)
        response._state = "buffered"

    # --- hooks

    async def _run_user(self, where: str, total_at: float | None, call: Call, hook: Any, *arguments: Any) -> Any:
        """What a function of the user's gives, within the time that the call has left."""
        left = None if total_at is None else max(0.0, total_at - monotonic())
        try:
            return await settle(hook(*arguments), left)
        except TimeoutError as exc:
            if isinstance(exc, FastHTTPError) or total_at is None or monotonic() < total_at - _TICK:
                raise
            total = call.timeout.total
            raise TotalTimeout(f"total timeout after {total:g} s, {where}", phase="total", limit=total) from exc

    async def _request_hooks(self, request: Request, call: Call, total_at: float | None) -> Request:
        assert call.hooks is not None
        for hook in call.hooks.get("request", ()):
            result = await self._run_user("in a request hook", total_at, call, hook, request)
            if isinstance(result, Request):
                request = self.config.adopt(result) if result.built_for is not self.config else result
            elif result is not None:
                raise _wrong_return("request", hook, result, "None or a Request")
            request._headers = request.headers  # read from the head, where it has not been yet
            request._head = None  # the hook may have changed them
        return request

    async def _response_hooks(self, response: ClientResponse, call: Call, total_at: float | None) -> ClientResponse:
        assert call.hooks is not None
        for hook in call.hooks.get("response", ()):
            try:
                result = await self._run_user("in a response hook", total_at, call, hook, response)
                if result is not None and not isinstance(result, Response):
                    raise _wrong_return("response", hook, result, "None or a Response")
            except BaseException:
                if response._body is not None:
                    response._body.abandon()
                raise
            if result is not None and result is not response:
                if response._body is not None and result._body is not response._body:
                    await response.aclose()
                result._inherit(response)
                response = result  # type: ignore[assignment]
        return response

    async def _error_hooks(self, error: FastHTTPError, request: Request, call: Call) -> ClientResponse | None:
        """The response that a hook has in place of an error, None where none has."""
        assert call.hooks is not None
        for hook in call.hooks["error"]:
            result = await self._run_user("in an error hook", None, call, hook, error, request)
            if isinstance(result, Response):
                if result._request is None:
                    result._request = request
                return result  # type: ignore[return-value]
            if result is not None:
                raise _wrong_return("error", hook, result, "None or a Response")
        return None


def _wrong_return(event: str, hook: Any, result: Any, wanted: str) -> TypeError:
    name = getattr(hook, "__qualname__", repr(hook))
    return TypeError(f"{event} hook {name} returned {type(result).__name__}; it must return {wanted}")
