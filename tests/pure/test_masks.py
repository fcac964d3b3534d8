"""What an app does not show of URLs, texts, headers, bodies and values."""

from __future__ import annotations

from fasthttp._pure.masks import Masks

URL = "http://user:pw@h.test/x?token=S&pin=4711&page=1"


def test_secrets_are_hidden_and_more_names_can_be_given() -> None:
    """Everywhere by the same list, at whatever depth; names count whatever their case."""
    masks = Masks(["PIN", "x-tenant"])
    assert masks.url(URL) == "http://h.test/x?token=*****&pin=*****&page=1"
    assert masks.text(f"failed: {URL} and 'http://a.test/?sig=1'") == (
        "failed: http://h.test/x?token=*****&pin=*****&page=1 and 'http://a.test/?sig=*****'"
    )
    assert masks.fields([("X-Tenant", "t"), ("Cookie", "c"), ("X-Other", "o"), ("Location", "/?sig=1"), ("X-Link", URL)]) == [
        ("X-Tenant", "*****"),
        ("Cookie", "*****"),
        ("X-Other", "o"),
        ("Location", "/?sig=*****"),
        ("X-Link", "http://h.test/x?token=*****&pin=*****&page=1"),
    ]
    assert masks.body("user=kim&pin=4711") == "user=kim&pin=*****"
    assert masks.value({"a": [{"pin": [1, 2], "url": URL}, None], "tokens": {"x": 1}, "n": 1}) == {
        "a": [{"pin": "*****", "url": "http://h.test/x?token=*****&pin=*****&page=1"}, None],
        "tokens": "*****",
        "n": 1,
    }


def test_masking_can_be_left_at_headers_and_user_info() -> None:
    """These stay hidden whatever is said; all else is shown."""
    masks = Masks(everything=False)
    assert masks.url(URL) == "http://h.test/x?token=S&pin=4711&page=1"
    assert masks.url("http://u:p@h.test/") == "http://h.test/"
    assert masks.text(f"at {URL}") == "at http://h.test/x?token=S&pin=4711&page=1"
    assert masks.fields([("Authorization", "Basic x")]) == [("Authorization", "*****")]
    assert masks.body("token=S") == "token=S"
    assert masks.value({"token": "S"}) == {"token": "S"}
