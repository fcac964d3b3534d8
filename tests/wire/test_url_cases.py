"""URLs as the web's own test data has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from httpwire.errors import InvalidURL
from httpwire.url import encode_host, parse_url

DATA = json.loads((Path(__file__).parents[1] / "data" / "url_cases.json").read_text())
URLS: list[tuple[str, str | None, str | None]] = [tuple(case) for case in DATA["urls"]]
HOSTS: list[tuple[str, str | None]] = [tuple(case) for case in DATA["hosts"]]


def test_the_tables_are_there() -> None:
    """The tables name their source and hold the cases that are expected of them."""
    assert "BSD-3-Clause" in DATA["about"]
    assert (len(URLS) > 400, len(HOSTS) > 30) == (True, True)


@pytest.mark.parametrize(("text", "base", "expected"), URLS)
def test_urls(text: str, base: str | None, expected: str | None) -> None:
    """Absolute URLs and references come out as the standard says, or are refused where it says failure."""
    if expected is None:
        with pytest.raises(InvalidURL):
            parse_url(text) if base is None else parse_url(base).join(text)
        return
    url = parse_url(text) if base is None else parse_url(base).join(text)
    assert url.href == expected
    assert parse_url(expected) == url


@pytest.mark.parametrize(("text", "expected"), HOSTS)
def test_hosts(text: str, expected: str | None) -> None:
    """Host names come out in their ASCII form, or are refused where they have none."""
    if expected is None:
        with pytest.raises(InvalidURL):
            encode_host(text)
        return
    assert encode_host(text) == expected
