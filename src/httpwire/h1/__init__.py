"""HTTP/1.1 messages, read and written, for both roles (RFC 9112).

llhttp reads the head; what a head means for the body, and where a message ends, is decided here, because a parser
that sees one direction of a connection cannot know it (HEAD, CONNECT, upgrades, bytes after the end). Knows no
sockets and no time: `feed` takes bytes, attributes say what is known so far.
"""

from httpwire.h1.encode import LAST_CHUNK, encode_chunk, encode_fields, encode_last_chunk, encode_request_head, encode_response_head
from httpwire.h1.request import RequestParser
from httpwire.h1.response import ResponseParser
from httpwire.h1.syntax import Field, Limits

__all__ = [
    "LAST_CHUNK",
    "Field",
    "Limits",
    "RequestParser",
    "ResponseParser",
    "encode_chunk",
    "encode_fields",
    "encode_last_chunk",
    "encode_request_head",
    "encode_response_head",
]
