"""The jar on the test data of the IETF working group that wrote RFC 6265 (http-state), as distributed with tough-cookie 1.0.0.

RFC 6265bis has changed three things since, and one case stands in no specification: these are listed with the reason and
with what is sent instead.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fasthttp.cookies import CookieJar
from httpwire.url import parse_url

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "data" / "cookie_cases.json").read_text())["cases"]
NOW = 1325376000.0  # 2012: the data takes 2007 for the past and 2017 for the future

NAMELESS = "a line without a name before an equals sign is a cookie with an empty name, sent as its value (§5.6 step 4, §5.8.3)"
CONTROL = "a control character refuses the whole line instead of ending it (§5.6 step 1)"
NO_DOMAIN = "an empty Domain is the last one, and makes the cookie host-only (§5.6.3, §5.7 step 8)"
DECODED = "disabled in the data: no specification decodes the path of a request"
CHANGED: dict[str, tuple[str | None, str]] = {
    "0004": ("foo", NAMELESS),
    "0021": ("a=b; x; c=d", NAMELESS),
    "0023": ("foo", NAMELESS),
    "0024": ("foo", NAMELESS),
    "0025": ("foo", NAMELESS),
    "0026": ("foo", NAMELESS),
    "0027": ("bar", NAMELESS),
    "0028": ("foo", NAMELESS),
    "CHROMIUM0009": ("BLAHHH", NAMELESS),
    "CHROMIUM0010": ('"BLA\\"HHH"', NAMELESS),
    "CHROMIUM0012": ("ABC", NAMELESS),
    "MOZILLA0012": ('test="fubar! = foo; five', NAMELESS),
    "MOZILLA0014": ("six", NAMELESS),
    "MOZILLA0015": ("seven", NAMELESS),
    "MOZILLA0016": ("eight", NAMELESS),
    "MOZILLA0017": ("eight; test=six", NAMELESS),
    "NAME0017": ("a=bar", NAMELESS),
    "NAME0023": ("foo", NAMELESS),
    "NAME0025": ("==a=bar", NAMELESS),
    "NAME0028": ("a", NAMELESS),
    "NAME0031": ('"foo', NAMELESS),
    "NAME0032": ('"foo\\"bar', NAMELESS),
    "NAME0033": ("aaa", NAMELESS),
    "DISABLED_CHROMIUM0022": (None, CONTROL),
    "DISABLED_CHROMIUM0023": (None, CONTROL),
    "OPTIONAL_DOMAIN0042": ("foo=bar", NO_DOMAIN),
    "DISABLED_PATH0029": (None, DECODED),
}


def sent(case: dict[str, Any]) -> str | None:
    """What the jar sends after it has received the lines of a case."""
    jar = CookieJar()
    jar._clock = lambda: NOW
    origin = parse_url(f"http://home.example.org:8888/cookie-parser?{case['test']}")
    jar.store(case["received"], origin)
    return jar.header_for(origin.join(case.get("sent-to", f"/cookie-parser-result?{case['test']}")))


def test_all_cases_are_there() -> None:
    """218, and four that the data itself has disabled; each that is changed is one of them."""
    names = [case["test"] for case in CASES]
    assert (len(names), sum(name.startswith("DISABLED") for name in names)) == (222, 4)
    assert set(CHANGED) <= set(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["test"])
def test_case(case: dict[str, Any]) -> None:
    """The cookies that are sent, in their order, are those of the data, or what the present text has made of them."""
    pairs = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in case["sent"]) or None
    expected, reason = CHANGED.get(case["test"], (pairs, ""))
    assert sent(case) == expected, reason
    assert (expected == pairs) == (not reason)
