"""Tools for tests of code that uses this library."""

from fasthttp._pure.later import later
from fasthttp.transports.mock import MockCall, MockResponse, MockTransport, UnmatchedRequestError

Cassette = later("Cassette", "recorded answers", __name__)

__all__ = ["Cassette", "MockCall", "MockResponse", "MockTransport", "UnmatchedRequestError"]
