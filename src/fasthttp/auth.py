"""Authentication: what is added to a request before it is sent, and what is made of a refusal.

Adds headers and reads responses; sending is the client's part. Nothing here waits, and the classes serve both colours.
"""

from __future__ import annotations

import inspect
import logging
import math
import os
import re
import sys
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from copy import copy
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote_plus

from fasthttp._pure.fork import forget_in_child
from fasthttp.errors import ClientClosedError, FastHTTPError, InvalidHeader, PoolError, RequestError, TotalTimeout
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

_log = logging.getLogger("fasthttp.client")
_RENEW_BEFORE = 60  # seconds before its end that a token is replaced
_TOKEN = re.compile(r"[\x21-\x7e]+")  # wider than RFC 6750 §2.1 on purpose: servers hand out what they like
_ERROR_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
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
        fetches: whether `_prepare`, a generator of steps, is to run before `on_request`; its second argument sends requests.
        fixed_authorization: the value of `Authorization` where it never changes. The client then calls no method.
    """

    requires_request_body: bool = False
    requires_response_body: bool = False
    fetches: bool = False
    fixed_authorization: str | None = None

    def on_request(self, request: Request) -> Any:
        """Change `request.headers`."""
        return self._on_request(request)

    def on_response(self, request: Request, response: Response) -> Any:
        """The `Request` to send instead of returning `response`, or None."""
        return self._on_response(request, response)

    def _prepare(self, request: Request, send: Callable[[Request], Generator[Any, Any, Response]]) -> Generator[Any, Any, None]:
        yield from ()

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


class _TokenRequest:
    """A token request under way. Those who wait for it share its outcome, on whichever thread or loop they are."""

    __slots__ = ("done", "outcome")

    def __init__(self) -> None:
        self.done: Future[None] = Future()
        self.done.set_running_or_notify_cancel()  # so that one who stops waiting cannot cancel it for the others
        self.outcome: str | FastHTTPError | None = None  # None: whoever sent it has left

    def wait(self) -> _TokenRequest:
        """Itself, to be awaited."""
        return self

    def __await__(self) -> Generator[Any, Any, None]:
        import asyncio

        return asyncio.wrap_future(self.done).__await__()


class OAuth2ClientCredentials(AuthBase):
    """A bearer token that is fetched with the client's own credentials (RFC 6749 §4.4).

    One token serves all requests, of several threads and loops too, until 60 s before it expires. The client that sends
    a request fetches it, through the same transport and within the same limits. A 401 of the API makes it fetch another
    token and try once more. The object may be shared.

    Args:
        token_url: the absolute URL of the token endpoint.
        client_id, client_secret: the credentials, sent to that URL only.
        scopes: one text, or several, which are joined by spaces.
        extra: more fields for the form that asks for the token, for instance `audience`.
        auth_method: "body" puts the credentials into the form, "basic" into `Authorization`.

    Raises:
        ValueError: a URL that cannot be used, or an unknown `auth_method`.

    Calls raise `RequestError` where no token is to be had, for instance "OAuth2 token request failed: 401 invalid_client";
    they send nothing to the API then, and the next one tries again. Failures of the connection keep their own class.
    """

    fetches = True

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        scopes: str | Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        *,
        auth_method: Literal["body", "basic"] = "body",
    ) -> None:
        from fasthttp.models import http_target

        _, context = http_target(token_url)
        if context is not None and context.credentials is not None:
            raise ValueError("OAuth2ClientCredentials: token_url must not have user info; use client_id and client_secret")
        if auth_method not in ("body", "basic"):
            raise ValueError(f"OAuth2ClientCredentials: auth_method={auth_method!r} must be 'body' or 'basic'")
        for name, value in (("client_id", client_id), ("client_secret", client_secret)):
            if not isinstance(value, str):
                raise TypeError(f"OAuth2ClientCredentials: {name} must be str, got {type(value).__name__}")
        self.token_url = token_url
        self.client_id = client_id
        self.client_secret = client_secret
        self.scopes = scopes if scopes is None or isinstance(scopes, str) else " ".join(scopes)
        self.extra = dict(extra or {})
        self.auth_method = auth_method
        self._now: Callable[[], float] = monotonic
        self._token: str | None = None
        self._renew_at = math.inf
        self.disown()
        forget_in_child(self)

    def disown(self) -> None:
        """Leave the token request of another process to it."""
        self._lock = threading.Lock()
        self._pending: _TokenRequest | None = None

    def _prepare(self, request: Request, send: Callable[[Request], Generator[Any, Any, Response]]) -> Generator[Any, Any, None]:
        from fasthttp._pure.exchange import Run

        outcome: str | FastHTTPError | None = None
        while outcome is None:
            with self._lock:
                outcome = self._token if self._now() < self._renew_at else None
                pending = self._pending
                if outcome is None and pending is None:
                    self._pending = own = _TokenRequest()
            if outcome is None and pending is None:
                outcome = yield from self._fetch(own, send)
            elif outcome is None and pending is not None:
                yield Run(pending.wait, ())
                outcome = pending.outcome
        if isinstance(outcome, FastHTTPError):
            raise copy(outcome)  # each waiter's own: an error changes on its way up
        _authorize(request, f"Bearer {outcome}")

    def _fetch(self, pending: _TokenRequest, send: Callable[[Request], Generator[Any, Any, Response]]) -> Generator[Any, Any, str]:
        try:
            asked_at = self._now()
            response = yield from send(self._token_request())
            token, seconds = self._read(response)
            with self._lock:
                self._token, self._renew_at = token, asked_at + seconds - _RENEW_BEFORE
            pending.outcome = token
            return token
        except FastHTTPError as exc:
            if not exc.message.startswith("OAuth2"):
                exc.message = f"OAuth2 token request failed: {exc.message}"
            # What only this call ran into, its own time limit for instance, the others need not share.
            if not isinstance(exc, (TotalTimeout, PoolError, ClientClosedError)):
                pending.outcome = exc
            raise
        finally:
            with self._lock:
                self._pending = None
            pending.done.set_result(None)

    def _token_request(self) -> Request:
        from fasthttp.models import Request

        form = {"grant_type": "client_credentials", "scope": self.scopes or None, **self.extra}
        headers = {"Accept": "application/json"}
        if self.auth_method == "basic":  # each form-encoded first (RFC 6749 §2.3.1)
            headers["Authorization"] = encode_basic(quote_plus(self.client_id), quote_plus(self.client_secret))
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        return Request("POST", self.token_url, headers, data=form)

    def _read(self, response: Response) -> tuple[str, float]:
        """The token, and for how many seconds it is good; without a word about that, until it is refused."""
        try:
            data = response.json()
        except ValueError:
            data = None
        answer: dict[str, Any] = data if isinstance(data, dict) else {}
        if response.status_code == 200:
            token, kind = answer.get("access_token"), answer.get("token_type", "Bearer")
            if isinstance(token, str) and _TOKEN.fullmatch(token) and isinstance(kind, str) and kind.lower() == "bearer":
                return token, _seconds(answer.get("expires_in"))
            problem = "without a bearer token"
        else:
            problem = str(answer.get("error", ""))
            problem = problem if _ERROR_CODE.fullmatch(problem) else ""
        text = f"OAuth2 token request failed: {response.status_code} {problem}".rstrip()
        error = RequestError(text, url=self.token_url, method="POST", status_code=response.status_code)
        error.maybe_sent = False  # the request that wanted the token was not
        raise error

    def _on_response(self, request: Request, response: Response) -> Any:
        if response.status_code != 401 or request.auth_round > 0:
            return None
        with self._lock:
            if request.headers.get("authorization") == f"Bearer {self._token}":  # else another call has a new one already
                self._token, self._renew_at = None, math.inf
        return request.copy()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({mask_url(self.token_url)!r}, {MASK!r}, {MASK!r})"


def _seconds(value: Any) -> float:
    """`expires_in`, which some servers send as text; infinite where it says nothing."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return math.inf
    return math.inf if math.isnan(seconds) else seconds


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
