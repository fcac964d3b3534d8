"""The server role: requests, read strictly."""

from __future__ import annotations

import re
from collections.abc import Collection

import httptools

from httpwire.buffer import ReceiveBuffer
from httpwire.errors import ProtocolError
from httpwire.h1.message import MessageParser, persists
from httpwire.h1.syntax import DEFAULT_LIMITS, Field, Limits, parse_head

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*+;[^\x00-\x08\x0a-\x1f\x7f]*+)?\r\n")
_EMPTY_LINES = re.compile(rb"(?:\r\n)++")
_HOST_NAME = rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)"
_HOST = re.compile(_HOST_NAME + rb"(?::[0-9]{0,5})?")
_AUTHORITY_FORM = re.compile(_HOST_NAME + rb":[0-9]{1,5}")
_ABSOLUTE_FORM = re.compile(rb"(?i:https?)://" + _HOST_NAME + rb"(?::[0-9]{0,5})?(?:[/?].*)?")
_TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+")  # visible ASCII without "#": a fragment is never sent
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]\r?\n")


class RequestParser(MessageParser):
    """Reads the requests of a client, strictly: whatever two implementations could read differently is refused.

    Beside the attributes of every message: `method`, `target`, `upgrade` (asks for another protocol). After a
    complete message call `next_message`; pipelined bytes are kept.
    """

    __slots__ = ("method", "target", "upgrade")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._clear()

    def _clear(self) -> None:
        self.method = ""
        self.target = b""
        self.upgrade = False

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1)."""
        return self.control.get(b"expect", b"").lower() == b"100-continue" and self.version == "1.1"

    def next_message(self) -> None:
        """Go on with the next request, whose first bytes may be here already."""
        if not self.complete:
            raise RuntimeError("the current request has not ended")
        leftover = self.leftover
        self._reset()
        self._clear()
        if leftover:
            self.feed(leftover)

    def _feed_head(self, data: bytes) -> None:
        if self._pending is None and not self.started:
            # RFC 9112 §2.2: a client may send an empty line after a body; nothing else is skipped.
            empty = _EMPTY_LINES.match(data)
            if empty is not None:
                data = data[empty.end() :]
            if data == b"\r":
                self._pending = ReceiveBuffer()
                self._pending += data
                return
        elif self._pending is not None and not self.started:
            data = self._pending.take_all() + data
            self._pending = None
            self._feed_head(data)
            return
        if data:
            super()._feed_head(data)

    def _check_start(self, data: bytes) -> None:
        self.started = True
        if data.startswith(b"PRI * HTTP/2"):
            raise ProtocolError("HTTP/2 is not spoken here", status=505)
        if not _TOKEN.match(data[:1]):
            raise ProtocolError("request does not begin with a method")

    def _check_pending(self, pending: ReceiveBuffer, added: int) -> None:
        # Only the piece that crosses the limit is worth the look.
        if len(pending) > self.limits.line >= len(pending) - added:
            self._check_line(pending.peek(self.limits.line))
        super()._check_pending(pending, added)

    def _split_head(self, data: bytes, end: int) -> None:
        if end > self.limits.line:
            self._check_line(data[: self.limits.line])
        super()._split_head(data, end)

    def _check_line(self, start: bytes) -> None:
        if b"\n" not in start:
            raise ProtocolError(f"request line is longer than {self.limits.line} bytes", status=414)

    def _take_head(self, head: bytes) -> None:
        line_end = head.find(b"\n") + 1
        method, _, rest = head.partition(b" ")
        if not _TOKEN.fullmatch(method):
            raise ProtocolError("invalid method")
        target, _, tail = rest[: line_end - len(method) - 1].rpartition(b" ")
        if tail != b"HTTP/1.1\r\n" and tail != b"HTTP/1.0\r\n":
            if _VERSION.fullmatch(tail) and tail[5:8] not in (b"1.0", b"1.1"):
                raise ProtocolError(f"unsupported HTTP version {tail[5:8].decode()}", status=505)
            raise ProtocolError("invalid request line")
        if not _TARGET.fullmatch(target):
            raise ProtocolError("invalid request target")
        try:
            # llhttp knows a fixed list of methods; any token is a method (RFC 9110 §9.1), so it reads a known one.
            parser, fields = parse_head(httptools.HttpRequestParser, (b"CONNECT " if method == b"CONNECT" else b"POST ") + rest)
        except httptools.HttpParserError as exc:
            raise ProtocolError(f"invalid request head: {exc}") from exc
        self._read_fields(fields, head)
        self.method = method.decode("ascii")
        self.target = target
        self.version = parser.get_http_version()
        self._check_host(fields)
        self._check_target()
        self._choose_body()

    def _check_host(self, fields: Collection[Field]) -> None:
        hosts = [value for name, value in fields if name.lower() == b"host"]
        if len(hosts) > 1:
            raise ProtocolError("more than one Host field")
        if not hosts:
            if self.version == "1.1":
                raise ProtocolError("missing Host field")
        elif not _HOST.fullmatch(hosts[0].strip(b" \t")):
            raise ProtocolError("invalid Host field")

    def _check_target(self) -> None:
        target, method = self.target, self.method
        if method == "CONNECT":
            valid = _AUTHORITY_FORM.fullmatch(target) is not None
        elif target.startswith(b"/"):
            valid = True
        else:
            valid = _ABSOLUTE_FORM.fullmatch(target) is not None or (target == b"*" and method == "OPTIONS")
        if not valid:
            raise ProtocolError("invalid request target")

    def _choose_body(self) -> None:
        control = self.control
        self.keep_alive = persists(self.version, control.get(b"connection"))
        self.upgrade = self.method == "CONNECT"
        if b"upgrade" in control:
            options = control.get(b"connection", b"").lower().split(b",")
            self.upgrade = self.upgrade or b"upgrade" in [option.strip(b" \t") for option in options]
        if b"transfer-encoding" in control:
            if b"content-length" in control:  # pragma: no cover - llhttp refuses it first, but too much hangs on it
                raise ProtocolError("both Transfer-Encoding and Content-Length")
            if self.version == "1.0":
                raise ProtocolError("Transfer-Encoding in an HTTP/1.0 request")
        if self.method == "CONNECT":
            if b"transfer-encoding" in control or int(control.get(b"content-length", b"0")):
                # Content for one reader, bytes of the tunnel or the next request for another.
                raise ProtocolError("body in a CONNECT request")
            self._finish(b"")
            return
        self._read_framing(closes_alone=False, pattern=_CHUNK_LINE)
