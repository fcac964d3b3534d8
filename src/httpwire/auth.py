"""Authentication as header fields carry it: challenges, Basic and Digest (RFC 9110 §11, RFC 7617, RFC 7616).

Knows no requests, no clock and no chance: what has to be unpredictable is an argument.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

__all__ = [
    "Challenge",
    "DigestChallenge",
    "decode_basic",
    "digest_credentials",
    "digest_key",
    "encode_basic",
    "is_digest_algorithm",
    "parse_challenges",
    "parse_parameters",
    "read_digest",
]

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = r'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)'  # one that never ends goes on to the end of the line
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*+=[ \t]*+(?:{_QUOTED}|([^ \t,"]*+))', re.DOTALL)
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|\Z)(?:[ \t]++([A-Za-z0-9\-._~+/]++=*+)(?=[ \t]*+(?:,|\Z)))?")
_BETWEEN = re.compile(r"[ \t,]*+")
_REST = re.compile(rf'(?:[^ \t,"]++|{_QUOTED})*+', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(r'(["\\])')
_ATTR_CHARS = "!#$&+-.^_`|~"  # what stays as it is in an extended value, beside letters and digits (RFC 8187 §3.2.1)

# The strongest first. Which of them there are depends on the OpenSSL that Python was built with.
_HASHES = {
    name: python_name
    for name, python_name in (("SHA-512-256", "sha512_256"), ("SHA-256", "sha256"), ("MD5", "md5"))
    if python_name in hashlib.algorithms_available
}
_STRENGTH = {name: rank for rank, name in enumerate(_HASHES)}


class Challenge(NamedTuple):
    """One challenge, or credentials, which have the same form. Names are in lower case."""

    scheme: str
    token: str  # the token68 of schemes such as Negotiate; empty where there are parameters
    parameters: dict[str, str]


def parse_challenges(lines: Iterable[str]) -> list[Challenge]:
    """The challenges of `WWW-Authenticate` or `Proxy-Authenticate`, in order (RFC 9110 §11.6.1).

    A comma parts both challenges and parameters: what has a `=` behind it is a parameter, and belongs to the challenge
    before it, also when that began on an earlier line. A parameter that comes twice counts the first time. What
    servers get wrong is read where only one reading is possible (commas too many or missing, values that lack
    quotes), and passed over where none is.

    Args:
        lines: the value of each line of the field.
    """
    return _parse(lines, [])


def parse_parameters(lines: Iterable[str]) -> dict[str, str]:
    """The parameters of a field that has no scheme, such as `Authentication-Info` (RFC 9110 §11.6.3)."""
    return _parse(lines, [Challenge("", "", {})])[0].parameters


def _parse(lines: Iterable[str], found: list[Challenge]) -> list[Challenge]:
    for line in lines:
        at, may_begin = 0, True  # a scheme begins a line or follows a comma
        while True:
            gap = _BETWEEN.match(line, at)
            assert gap is not None
            at = gap.end()
            if at == len(line):
                break
            may_begin = may_begin or "," in gap[0]
            if (match := _PARAMETER.match(line, at)) is not None:
                name, quoted, plain = match.groups()
                if found:
                    found[-1].parameters.setdefault(name.lower(), plain if quoted is None else _ESCAPED.sub(r"\1", quoted))
                at = match.end()
            elif may_begin and (match := _SCHEME.match(line, at)) is not None:
                found.append(Challenge(match[1].lower(), match[2] or "", {}))
                at = match.end()
            may_begin = False
            rest = _REST.match(line, at)
            assert rest is not None
            at = rest.end()
    return found


def encode_basic(username: str, password: str) -> str:
    """The `Authorization` value for user name and password, as UTF-8 (RFC 7617 §2).

    Raises:
        ValueError: the user name holds a colon, which would end it.
    """
    if ":" in username:
        raise ValueError(f"Basic authentication: the user name must not hold a colon, found at offset {username.index(':')}")
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")


def decode_basic(value: str) -> tuple[str, str]:
    """User name and password of an `Authorization` value.

    Raises:
        ValueError: another scheme, not base64, not UTF-8, or no colon. The message does not show the value.
    """
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "basic":
        raise ValueError("the credentials are not of the scheme Basic")
    try:
        username, colon, password = b64decode(token.strip(" "), validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if not colon:
        raise ValueError("Basic credentials are not user name, colon and password in UTF-8 and base64")
    return username, password


class DigestChallenge(NamedTuple):
    """What a server asks of a Digest client (RFC 7616 §3.3)."""

    realm: str
    nonce: str
    hash: str  # MD5, SHA-256 or SHA-512-256
    is_session: bool  # one of the -sess forms
    algorithm: str  # to be echoed; empty where the server named none
    qop: str  # what we chose: auth, auth-int, or empty for the form of RFC 2069
    opaque: str | None
    userhash: bool
    utf8: bool  # the server says that it knows UTF-8, and so RFC 7616
    stale: bool
    domain: tuple[str, ...]


def is_digest_algorithm(name: str) -> bool:
    """Whether this is a Digest algorithm that can be computed here."""
    return name.upper().removesuffix("-SESS") in _HASHES


def read_digest(challenges: Iterable[Challenge], default: str = "MD5") -> DigestChallenge | None:
    """The strongest Digest challenge that can be answered, the first of equals; None if there is none.

    Args:
        challenges: all that the response holds.
        default: the algorithm of a challenge that names none.
    """
    readable = (_read_digest(challenge, default) for challenge in challenges if challenge.scheme == "digest")
    return min((found for found in readable if found is not None), key=lambda found: _STRENGTH[found.hash], default=None)


def _read_digest(challenge: Challenge, default: str) -> DigestChallenge | None:
    given = challenge.parameters
    algorithm = given.get("algorithm", "") or ("" if default.upper() == "MD5" else default)
    name = (algorithm or "MD5").upper()
    offered = [word.strip().lower() for word in given.get("qop", "").split(",")]
    qop = next((known for known in ("auth", "auth-int", "") if known in offered), None)
    if not is_digest_algorithm(name) or qop is None or "realm" not in given or "nonce" not in given:
        return None
    return DigestChallenge(
        realm=given["realm"],
        nonce=given["nonce"],
        hash=name.removesuffix("-SESS"),
        is_session=name.endswith("-SESS"),
        algorithm=algorithm,
        qop=qop,
        opaque=given.get("opaque"),
        userhash=given.get("userhash", "").lower() == "true",
        utf8=given.get("charset", "").lower() == "utf-8",
        stale=given.get("stale", "").lower() == "true",
        domain=tuple(given.get("domain", "").split()),
    )


def digest_key(challenge: DigestChallenge, username: str, password: str, cnonce: str) -> str:
    """H(A1) of RFC 7616 §3.4.2, in hexadecimal: good for as long as the server goes on from this challenge.

    For the -sess forms it holds the nonces it began with, so that `cnonce` must be that of the credentials to come.
    """
    key = _digest(challenge, f"{username}:{challenge.realm}:{password}".encode())
    return _digest(challenge, f"{key}:{challenge.nonce}:{cnonce}".encode()) if challenge.is_session else key


def digest_credentials(
    challenge: DigestChallenge, key: str, *, username: str, method: str, target: str, count: int, cnonce: str, body: bytes = b""
) -> str:
    """The `Authorization` value that answers a challenge (RFC 7616 §3.4).

    Args:
        challenge: the challenge, with a later nonce where the server gave one.
        key: as `digest_key` made it.
        username, method: of the request.
        target: exactly as in the request line.
        count: requests sent with this nonce, this one included.
        cnonce: of the client's choice; the server must not be able to foresee it.
        body: what auth-int protects beside.
    """
    realm, nonce, qop = challenge.realm, challenge.nonce, challenge.qop
    request = f"{method}:{target}"
    if qop == "auth-int":
        request += ":" + _digest(challenge, body)
    salt = f"{nonce}:{count:08x}:{cnonce}:{qop}" if qop else nonce
    response = _digest(challenge, f"{key}:{salt}:{_digest(challenge, request.encode())}".encode())
    if challenge.userhash:
        name = f'username="{_digest(challenge, f"{username}:{realm}".encode())}"'
    elif challenge.utf8 and not username.isascii():
        name = f"username*=UTF-8''{quote(username, safe=_ATTR_CHARS)}"
    else:
        name = f"username={_quote(username)}"
    fields = [name, f"realm={_quote(realm)}", f"nonce={_quote(nonce)}", f"uri={_quote(target)}", f'response="{response}"']
    if challenge.algorithm:
        fields.append(f"algorithm={challenge.algorithm}")
    if challenge.opaque is not None:
        fields.append(f"opaque={_quote(challenge.opaque)}")
    if qop:
        fields.append(f"qop={qop}, nc={count:08x}")
    if qop or challenge.is_session:  # RFC 2069 had none, but without it the server cannot compute a -sess key
        fields.append(f"cnonce={_quote(cnonce)}")
    if challenge.userhash:
        fields.append("userhash=true")
    return "Digest " + ", ".join(fields)


def _digest(challenge: DigestChallenge, data: bytes) -> str:
    return hashlib.new(_HASHES[challenge.hash], data, usedforsecurity=False).hexdigest()


def _quote(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(r"\\\1", text) + '"'
