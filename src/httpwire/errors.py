"""What can be wrong with bytes, URLs and header fields.

Knows no sockets and no requests: the packages above add method, URL and advice, and map these to their own trees.
"""

from __future__ import annotations

__all__ = ["CodingError", "IncompleteMessage", "InvalidHeader", "InvalidURL", "ProtocolError", "UnsupportedScheme", "WireError"]


class WireError(Exception):
    """Base of everything that `httpwire` raises about its input."""


class ProtocolError(WireError):
    """The peer broke a rule of HTTP framing or syntax, or crossed a limit.

    `status` is what a server should answer before it closes the connection (RFC 9110 §15.5).
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class IncompleteMessage(ProtocolError):
    """The connection ended before the message did (RFC 9112 §8).

    `received` counts body bytes; `expected` is the announced number, or None where only chunks were promised.
    """

    def __init__(self, received: int, expected: int | None) -> None:
        wanted = "more chunks" if expected is None else f"{expected} bytes"
        super().__init__(f"connection closed inside the body: received {received} bytes, expected {wanted}")
        self.received = received
        self.expected = expected


class CodingError(WireError):
    """A content coding is corrupt, cut short, or inflates beyond its cap. `coding` names it."""

    def __init__(self, message: str, *, coding: str = "") -> None:
        super().__init__(message)
        self.coding = coding


class InvalidURL(WireError, ValueError):
    """A URL that cannot be parsed or must not be sent."""


class UnsupportedScheme(InvalidURL):
    """A URL whose scheme is none of http, https, ws, wss."""


class InvalidHeader(WireError, ValueError):
    """A field name or value that must not be put on the wire (RFC 9110 §5.5)."""
