"""Authentication: what is added to a request before it is sent, and what is made of a refusal.

Adds headers and reads responses; sending is the client's part. Nothing here waits, and the classes serve both colours.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from fasthttp._pure.later import later
from fasthttp.errors import InvalidHeader
from httpwire import errors as wire
from httpwire.auth import (
    DigestChallenge,
    digest_credentials,
    digest_key,
    encode_basic,
    is_digest_algorithm,
    parse_challenges,
    parse_parameters,
    read_digest,
)
from httpwire.headers import check_value
from httpwire.masking import MASK, mask_url

if TYPE_CHECKING:
    from fasthttp.models import Request
    from fasthttp.response import ClientResponse as Response
    from httpwire.url import URL

__all__ = ["AuthBase", "BasicAuth", "BearerAuth", "DigestAuth", "NetrcAuth", "NetrcTable", "OAuth2ClientCredentials", "make_auth"]

OAuth2ClientCredentials = later("OAuth2ClientCredentials", "authentication", __name__)

_log = logging.getLogger("fasthttp.client")
_MAX_SPACES = 64  # protection spaces that a DigestAuth remembers, and URLs of one that a server may list


class AuthBase:
    """Base of every authentication. Override either method or both; each may be sync or async, under either colour.

    `on_request` runs before each send, redirects and retries included, and may change `request.headers`, a copy made
    for this send. `on_response` sees each response and may return a `Request`, which is then sent in its place, at
    most 5 times. `_on_request` and `_on_response` are older names with the same effect; the public ones win.

        class Stamp(AuthBase):
            async def on_request(self, request):
                request.headers["X-Stamp"] = await fetch_stamp()

    Under a blocking client an async method runs on a loop of its own and must not wait for the call it is part of.

    Attributes:
        requires_request_body: whether the body is to be in memory when `on_request` runs.
        requires_response_body: whether the body is to be read when `on_response` runs.
        fixed_authorization: the value of `Authorization` where it never changes. The client then calls no method.
    """

    requires_request_body: bool = False
    requires_response_body: bool = False
    fixed_authorization: str | None = None

    def on_request(self, request: Request) -> Any:
        """Change `request.headers`."""
        return self._on_request(request)

    def on_response(self, request: Request, response: Response) -> Any:
        """The `Request` to send instead of returning `response`, or None."""
        return self._on_response(request, response)

    # The classes of this file override these, so that a subclass of theirs may use either name.
    def _on_request(self, request: Request) -> Any:
        return None

    def _on_response(self, request: Request, response: Response) -> Any:
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def make_auth(value: Any) -> AuthBase | None:
    """What `auth=` means: an `AuthBase`, a `(user, password)` tuple, a callable that gets the request, or None.

    Raises:
        TypeError: anything else, a class included.
    """
    if value is None or isinstance(value, AuthBase):
        return value
    if isinstance(value, tuple) and len(value) == 2:
        return BasicAuth(*value)
    if callable(value) and not (isinstance(value, type) and issubclass(value, AuthBase)):
        return _FunctionAuth(value)
    got = f"the class {value.__name__}; make an object of it" if isinstance(value, type) else type(value).__name__
    if isinstance(value, (str, bytes, list)):
        got += "; use ('user', 'pass')"
    raise TypeError(f"auth must be an AuthBase, a (user, password) tuple or a callable that takes the request, got {got}")


class _FunctionAuth(AuthBase):
    """A function of the caller's. It changes the request that it gets, or returns one whose headers are taken."""

    def __init__(self, function: Callable[[Request], Any]) -> None:
        self._function = function

    def _on_request(self, request: Request) -> Any:
        return _then(self._function(request), partial(self._take, request))

    @staticmethod
    def _take(request: Request, answer: Any) -> None:
        if answer is not None and answer is not request:
            if not hasattr(answer, "headers"):
                raise TypeError(f"auth: the callable must return None or a Request, got {type(answer).__name__}")
            request.headers = answer.headers


class _Password(AuthBase):
    def __init__(self, username: str, password: str) -> None:
        for name, value in (("username", username), ("password", password)):
            if not isinstance(value, str):
                raise TypeError(f"{type(self).__name__}: {name} must be str, got {type(value).__name__}")
            try:
                value.encode()
            except UnicodeEncodeError as exc:
                at = exc.start
            else:
                continue
            raise ValueError(f"{type(self).__name__}: {name} cannot be sent, a lone surrogate at offset {at}")
        self._username = username
        self._password = password

    @property
    def username(self) -> str:
        return self._username

    @property
    def password(self) -> str:
        return self._password

    def __repr__(self) -> str:
        return f"{type(self).__name__}({MASK!r}, {MASK!r})"  # keys of an API are often sent as the user name


class BasicAuth(_Password):
    """User name and password with every request (RFC 7617), in UTF-8. `auth=("user", "password")` is the same.

    Raises:
        ValueError: the user name holds a colon.
    """

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username, password)
        self._value = encode_basic(username, password)
        self.fixed_authorization = _fixed(self, BasicAuth, self._value)

    def _on_request(self, request: Request) -> Any:
        _authorize(request, self._value)


class BearerAuth(AuthBase):
    """A token with every request (RFC 6750).

    Args:
        token: the token, or a sync or async function without arguments that gives it, asked before each send.

    Raises:
        InvalidHeader: the token holds a control character.
    """

    def __init__(self, token: str | Callable[[], str | Awaitable[str]]) -> None:
        if isinstance(token, str):
            self.fixed_authorization = _fixed(self, BearerAuth, _checked(f"Bearer {token}"))
        elif not callable(token):
            raise TypeError(f"BearerAuth: token must be str or a callable, got {type(token).__name__}")
        self._token = token

    @property
    def token(self) -> str | Callable[[], str | Awaitable[str]]:
        return self._token

    def _on_request(self, request: Request) -> Any:
        return _then(self._token if isinstance(self._token, str) else self._token(), partial(self._set, request))

    @staticmethod
    def _set(request: Request, token: Any) -> None:
        if not isinstance(token, str):
            raise TypeError(f"BearerAuth: the callable must give a str, got {type(token).__name__}")
        _authorize(request, f"Bearer {token}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({MASK!r})"


class _Session:
    """What goes on from one challenge: the nonce, how often it was used, and where it is good."""

    __slots__ = ("challenge", "cnonce", "count", "key", "refused", "spaces")

    def __init__(self, challenge: DigestChallenge, key: str, cnonce: str, spaces: list[bytes]) -> None:
        self.challenge = challenge
        self.key = key
        self.cnonce = cnonce
        self.count = 0
        self.refused = False  # not to be sent unasked
        self.spaces = spaces  # what targets begin with

    def reach(self, target: bytes) -> int:
        """How much of the target is named by the protection space; -1 outside of it."""
        return max((len(space) for space in self.spaces if target.startswith(space)), default=-1)


class DigestAuth(_Password):
    """Digest authentication (RFC 7616): MD5, SHA-256, SHA-512-256, their -sess forms, qop auth and auth-int.

    The first request goes without credentials; the server's challenge is answered, and requests to the same
    protection space carry them at once from then on. Credentials that the server refuses end with its 401.
    An object may be shared by threads and clients.

    Args:
        username, password: text; sent and hashed as UTF-8.
        algorithm: only for servers that name none.

    Raises:
        ValueError: an algorithm that is not known, or that this Python cannot compute.
    """

    def __init__(self, username: str, password: str, *, algorithm: str = "MD5") -> None:
        super().__init__(username, password)
        if not is_digest_algorithm(algorithm):
            raise ValueError(f"DigestAuth: algorithm {algorithm!r} is not supported; use MD5, SHA-256, SHA-512-256 or a -sess form")
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._sessions: dict[tuple[tuple[str, str, int], str], _Session] = {}  # by origin and realm, the newest last

    @property
    def requires_request_body(self) -> bool:  # type: ignore[override]
        """True once a server wants the body to be part of the digest."""
        return any(session.challenge.qop == "auth-int" for session in list(self._sessions.values()))

    def _on_request(self, request: Request) -> Any:
        with self._lock:
            session = self._find(request.parsed_url)
            if session is None or (session.refused and request.auth_round == 0):
                return
            session.count += 1
            challenge, count = session.challenge, session.count
        value = digest_credentials(
            challenge,
            session.key,
            username=self._username,
            method=request.method,
            target=request.target,
            count=count,
            cnonce=session.cnonce,
            body=request.content or b"",
        )
        _authorize(request, value)

    def _on_response(self, request: Request, response: Response) -> Any:
        if response.status_code != 401:
            return self._go_on(request, response)
        challenges = parse_challenges(response.headers.get_list("www-authenticate"))
        challenge = read_digest(challenges, self._algorithm)
        if challenge is None:
            offers = [offer.parameters for offer in challenges if offer.scheme == "digest"]
            if offers:
                wanted = ", ".join(f"algorithm {offer.get('algorithm')!r} with qop {offer.get('qop')!r}" for offer in offers)
                _log.warning("Digest challenge of %s cannot be answered, the 401 is returned: %s", mask_url(request.url), wanted)
            return None
        # Any nonce may be new: only `stale` says that the credentials were right and the nonce was not (RFC 7616 §3.3).
        if request.auth_round > (1 if challenge.stale else 0):
            with self._lock:
                session = self._sessions.get((request.parsed_url.origin, challenge.realm))
                if session is not None:
                    session.refused = True
            return None
        self._begin(request.parsed_url, challenge)
        return request.copy()

    def _begin(self, url: URL, challenge: DigestChallenge) -> None:
        cnonce = os.urandom(16).hex()
        key = digest_key(challenge, self._username, self._password, cnonce)
        # The URL that was challenged belongs to the space, whatever the server lists.
        session = _Session(challenge, key, cnonce, [url.target, *_spaces(url, challenge.domain)])
        with self._lock:
            earlier = self._sessions.pop((url.origin, challenge.realm), None)
            if earlier is not None and earlier.challenge.nonce == challenge.nonce:
                session.count = earlier.count
            self._sessions[url.origin, challenge.realm] = session
            if len(self._sessions) > _MAX_SPACES:
                del self._sessions[next(iter(self._sessions))]

    def _go_on(self, request: Request, response: Response) -> None:
        """Take the next nonce from a response, if there is one (RFC 7616 §3.5)."""
        nonce = parse_parameters(response.headers.get_list("authentication-info")).get("nextnonce")
        if nonce is not None:
            with self._lock:
                session = self._find(request.parsed_url)
                if session is not None and session.challenge.nonce != nonce:
                    session.challenge = session.challenge._replace(nonce=nonce)
                    session.count = 0

    def _find(self, url: URL) -> _Session | None:
        """The session whose protection space names most of the URL, the newest of equals."""
        best, most = None, 0
        for (origin, _), session in self._sessions.items():
            if origin == url.origin and (reach := session.reach(url.target)) >= most:
                best, most = session, reach
        return best


def _spaces(url: URL, domain: tuple[str, ...]) -> list[bytes]:
    """What targets of a protection space begin with: all of the origin where no `domain` is given (RFC 7616 §3.3).

    Other origins in it are passed over: they get no credentials before they ask.
    """
    if not domain:
        return [b""]
    found = []
    for reference in domain[:_MAX_SPACES]:
        try:
            space = url.join(reference)
        except wire.InvalidURL:
            continue
        if space.origin == url.origin:
            found.append(space.target)
    return found


class NetrcTable:
    """The entries of a netrc file, which is read once."""

    def __init__(self, entries: dict[str, BasicAuth]) -> None:
        self.default = entries.pop("default", None)
        self._entries = entries

    def get(self, host: str) -> BasicAuth | None:
        """The entry of exactly this host."""
        return self._entries.get(host.lower())

    @classmethod
    def load(cls, file: str | os.PathLike[str] | None = None) -> NetrcTable:
        """Read `file`, by default `$NETRC` or else `~/.netrc`. The latter must not be readable for other users.

        Raises:
            ValueError: it cannot be read, or is malformed. The message names the file and shows nothing of it.
        """
        import netrc

        path = os.fspath(file) if file is not None else os.environ.get("NETRC") or None
        home = os.path.expanduser("~/.netrc")
        if path is None and sys.platform == "win32" and not os.path.exists(home):
            path = home = os.path.expanduser("~/_netrc")
        try:
            hosts = netrc.netrc(path).hosts
            return cls({host.lower(): BasicAuth(user, password) for host, (user, _, password) in hosts.items() if user or password})
        except OSError as exc:
            problem = exc.strerror or type(exc).__name__
        except netrc.NetrcParseError as exc:
            # What the parser says may hold a password.
            problem = "it belongs to others or they may read it; chmod 600" if exc.lineno is None else f"malformed in line {exc.lineno}"
        except ValueError:
            problem = "it is not UTF-8, or a login in it holds a colon"
        raise ValueError(f"netrc file {path or home!r}: {problem}")

    @classmethod
    def load_default(cls) -> NetrcTable | None:
        """The user's table, or None where there is none that can be used; the log says why, at level DEBUG."""
        try:
            return cls.load()
        except ValueError as exc:
            _log.debug("not used: %s", exc)
            return None

    def __repr__(self) -> str:
        return f"<NetrcTable {len(self._entries)} hosts>"


class NetrcAuth(AuthBase):
    """User names and passwords from a netrc file, by host; the `default` entry serves all others.

    Args:
        file: by default `$NETRC`, or else `~/.netrc`. Read here, and not again.

    Raises:
        ValueError: the file cannot be read or is malformed.
    """

    def __init__(self, file: str | os.PathLike[str] | None = None) -> None:
        self._table = NetrcTable.load(file)

    def _on_request(self, request: Request) -> Any:
        found = self._table.get(request.host) or self._table.default
        if found is not None:
            _authorize(request, found._value)


def _fixed(auth: AuthBase, cls: type[AuthBase], value: str) -> str | None:
    """`value`, unless a subclass of `cls` has a word in it."""
    steps = ("on_request", "on_response", "_on_request", "_on_response")
    return value if all(getattr(type(auth), step) is getattr(cls, step) for step in steps) else None


def _checked(value: str) -> str:
    try:
        return check_value("Authorization", value)
    except wire.InvalidHeader as exc:
        raise InvalidHeader(str(exc)) from None


def _authorize(request: Request, value: str) -> None:
    request.headers["Authorization"] = _checked(value)


def _then(value: Any, use: Callable[[Any], None]) -> Any:
    """Hand `value` to `use`, now or when it has been awaited."""
    return _Then(value, use) if inspect.isawaitable(value) else use(value)


class _Then:
    """What `await` would say in a function that has a colour."""

    def __init__(self, awaitable: Awaitable[Any], use: Callable[[Any], None]) -> None:
        self._awaitable = awaitable
        self._use = use

    def __await__(self) -> Generator[Any, Any, None]:
        self._use((yield from self._awaitable.__await__()))
