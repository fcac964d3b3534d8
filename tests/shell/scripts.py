"""Scripted answers of a transport, and what they were asked for; for tests in which the wire does not matter."""

from __future__ import annotations

from fasthttp import Request, Response
from fasthttp.transports import MockTransport

Answer = tuple[int, list[tuple[str, str]]]


def sets(*lines: str, status: int = 200, location: str | None = None) -> Answer:
    """An answer with these `Set-Cookie` lines, perhaps a redirect."""
    fields = [("Set-Cookie", line) for line in lines]
    return (status, fields) if location is None else (302, [("Location", location), *fields])


def leads(location: str, status: int = 302) -> Answer:
    """A redirect."""
    return status, [("Location", location)]


def script(*answers: Answer) -> MockTransport:
    """A transport that gives these answers in turn, the last one for ever."""
    number = 0

    def handler(request: Request) -> Response:
        nonlocal number
        status, fields = answers[min(number, len(answers) - 1)]
        number += 1
        return Response(status, fields, b"", request=request)

    return MockTransport(handler)


def sent(transport: MockTransport, name: str = "Cookie") -> list[str | None]:
    """The value of this field in each request, in order."""
    return [call.headers.get(name) for call in transport.calls]


def loopback(host: str, port: int) -> list[str]:
    """A resolver that finds every name on this machine."""
    return ["127.0.0.1"]


def on_port(url: str, port: int) -> str:
    """`http://name/path` with a port."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}:{port}{slash}{path}"
