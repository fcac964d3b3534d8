"""What a client can send through: the network, an application in this process, or a script of answers."""

from fasthttp._pure.later import later
from fasthttp.transports.asgi import ASGITransport
from fasthttp.transports.base import BaseTransport
from fasthttp.transports.http import HTTPTransport
from fasthttp.transports.mock import MockResponse, MockTransport, UnmatchedRequestError

WSGITransport = later("WSGITransport", "WSGI applications in process", __name__)

__all__ = ["ASGITransport", "BaseTransport", "HTTPTransport", "MockResponse", "MockTransport", "UnmatchedRequestError", "WSGITransport"]
