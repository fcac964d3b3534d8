"""What goes along with a request beside its head and body: cookies, credentials, the way to its server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from httpwire.url import URL

if TYPE_CHECKING:
    from fasthttp.auth import AuthBase
    from fasthttp.cookies import CookieJar

__all__ = ["RequestContext", "credentials_of", "join_cookies", "names_authorization"]


class RequestContext(NamedTuple):
    """Replaced, never changed: requests made of one another share it."""

    auth: AuthBase | None = None  # what puts credentials on each request
    credentials: AuthBase | None = None  # of the URL's user info, for want of anything nearer
    cookies: CookieJar | None = None  # of this call
    unbound: bool = True  # whether cookies without a domain may go along: not after leaving the origin
    cross_site: bool = False  # whether another site sent the request here
    uds: str | None = None  # the unix socket that a URL named
    jar: CookieJar | None = None  # in place of the client's
    proxy_authorization: str | None = None  # a caller's own header, kept apart: it is for the proxy only


def credentials_of(url: URL) -> AuthBase | None:
    """Basic authentication of a URL's user info, None without it."""
    if not (url.username or url.password):
        return None
    from fasthttp.auth import BasicAuth

    return BasicAuth(unquote(url.username), unquote(url.password))


def names_authorization(headers: Any) -> bool:
    """Whether the headers of a caller, in any of their shapes, have the field `Authorization`."""
    if headers is None:
        return False
    names = headers if isinstance(headers, Mapping) else (pair[0] for pair in headers)
    return any((name.decode("latin-1") if isinstance(name, bytes) else name).lower() == "authorization" for name in names)


def join_cookies(*sources: str | None) -> str | None:
    """One `Cookie` field of several; where a name comes twice, the earlier source has it."""
    given = [source for source in sources if source]
    if len(given) < 2:
        return given[0] if given else None
    pairs: list[str] = []
    names: set[str] = set()
    for source in given:
        crumbs = [crumb.strip() for crumb in source.split(";") if crumb.partition("=")[0].strip() not in names]
        pairs += crumbs
        names.update(crumb.partition("=")[0].rstrip() for crumb in crumbs)
    return "; ".join(pairs)
