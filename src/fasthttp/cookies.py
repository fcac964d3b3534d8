"""Cookies. Not implemented yet."""

from fasthttp._pure.later import later

Cookie = later("Cookie", "cookies", __name__)
CookieJar = later("CookieJar", "cookies", __name__)
DummyCookieJar = later("DummyCookieJar", "cookies", __name__)

__all__ = ["Cookie", "CookieJar", "DummyCookieJar"]
