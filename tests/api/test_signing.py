"""Signed requests: the bytes that are signed, tampering, age and replays."""

from __future__ import annotations

import hashlib
import hmac
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasthttp.headers import Headers
from fasthttp.security import NonceMemory, sign_request, verify_request
from fasthttp.security.signing import SIGNATURE_HEADERS, Signer
from httpwire.masking import is_secret
from httpwire.url import parse_url

KEY = bytes(range(32))
URL = "https://api.test/orders?id=7"
NONCE = "00112233445566778899aabbccddeeff"
NOW = 1_700_000_000


def signed(method: str = "POST", url: str = URL, body: bytes = b'{"a":1}', **values: Any) -> dict[str, str]:
    return sign_request(method, url, body, KEY, **{"timestamp": NOW, "nonce": NONCE, **values})


def verified(headers: Any, method: str = "POST", url: str = URL, body: bytes = b'{"a":1}', **values: Any) -> bool:
    return verify_request(method, url, headers, body, **{"secret_key": KEY, "now": NOW, **values})


def by_hand(key: bytes, text: bytes) -> str:
    """HMAC-SHA256 as RFC 2104 writes it."""
    block = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


@pytest.mark.parametrize("key", [KEY[:16], KEY, bytes(100)])
def test_the_signature_is_computed_as_documented(key: bytes) -> None:
    """Over method, URL, timestamp and nonce, a line each, and the body."""
    headers = sign_request("post", URL, b"\x00body\n", key, timestamp=NOW, nonce=NONCE)
    text = b"POST\nhttps://api.test/orders?id=7\n1700000000\n" + NONCE.encode() + b"\n\x00body\n"
    assert headers == {"X-Timestamp": "1700000000", "X-Nonce": NONCE, "X-Signature": by_hand(key, text)}
    assert tuple(headers) == SIGNATURE_HEADERS
    assert by_hand(key, text) == hmac.digest(key, text, "sha256").hex()


@pytest.mark.parametrize(
    ("given", "as_sent"),
    [
        ("HTTPS://user:pw@API.test:443/orders?id=7#part", "https://api.test/orders?id=7"),
        ("http://api.test:80", "http://api.test/"),
        ("http://api.test:443/?", "http://api.test:443/?"),
        ("http://bücher.test/ä b", "http://xn--bcher-kva.test/%C3%A4%20b"),
        ("ws://[0:0::1]:8080/", "ws://[::1]:8080/"),
    ],
)
def test_the_url_is_signed_as_it_is_sent(given: str, as_sent: str) -> None:
    """Without user info, default port and fragment; encoded; the query included."""
    text = f"GET\n{as_sent}\n{NOW}\n{NONCE}\n".encode()
    assert signed("GET", given, b"")["X-Signature"] == by_hand(KEY, text)
    assert verified(signed("GET", given, b""), "GET", as_sent, b"")


def test_time_and_nonce_are_fresh_when_not_given() -> None:
    """Random nonces of 16 bytes, and the present: no argument is needed on either side."""
    many = [sign_request("GET", URL, b"", KEY) for _ in range(50)]
    assert len({headers["X-Nonce"] for headers in many}) == 50
    assert all(len(bytes.fromhex(headers["X-Nonce"])) == 16 for headers in many)
    assert all(verify_request("GET", URL, headers, b"", KEY) for headers in many)


@pytest.mark.parametrize("body", [b"abc", bytearray(b"abc"), memoryview(b"abc")])
def test_bytes_of_any_kind_are_bodies(body: Any) -> None:
    """All give the same signature."""
    assert signed(body=body) == signed(body=b"abc")
    assert verified(signed(body=b"abc"), body=body)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"url": "https://api.test/orders?id=8"},
        {"url": "https://api.test/orders"},
        {"url": "https://api.test/Orders?id=7"},
        {"url": "http://api.test/orders?id=7"},
        {"url": "https://api.test:8443/orders?id=7"},
        {"url": "https://other.test/orders?id=7"},
        {"body": b'{"a":2}'},
        {"body": b""},
        {"secret_key": KEY + b"x"},
    ],
)
def test_what_was_changed_on_the_way_is_not_verified(changes: dict[str, Any]) -> None:
    """Method, each part of the URL, body, or another key."""
    assert verified(signed())
    assert not verified(signed(), **changes)


@pytest.mark.parametrize("name", SIGNATURE_HEADERS)
def test_every_character_of_the_headers_counts(name: str) -> None:
    """Changed, cut, extended, missing, doubled: none of them raises, none passes."""
    good = signed()
    value = good[name]
    bad = [value[:at] + ("1" if value[at] != "1" else "2") + value[at + 1 :] for at in range(len(value))]
    bad += [value[:at] for at in range(len(value))] + [value + "0", value + "\n", f" {value}", f"{value}, {value}", "é" * len(value)]
    bad += ["g" * len(value), "-" + value[1:], "+" + value[1:], "1_" + value[2:], "٣" * len(value)]
    for other in bad:
        assert not verified({**good, name: other}, max_age=10**12), other
    assert not verified({key: other for key, other in good.items() if key != name})
    assert not verified([*good.items(), (name.lower(), value)])
    assert not verified({**good, name: None})


def test_headers_come_in_any_shape_and_case() -> None:
    """Mappings, pairs, bytes as of ASGI, our own class; others in between do not matter."""
    good = signed()
    lower = {name.lower(): value for name, value in good.items()}
    pairs = [("Accept", "*/*"), ("accept", "x"), *good.items()]
    for headers in (lower, pairs, iter(pairs), [(k.encode(), v.encode()) for k, v in pairs], Headers(pairs)):
        assert verified(headers)


@pytest.mark.parametrize("distance", [300, 301, 10_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_age_counts_in_both_directions(distance: int, sign: int) -> None:
    """Up to `max_age` seconds, that one included."""
    assert verified(signed(), now=NOW + sign * distance) is (distance <= 300)
    assert verified(signed(), now=NOW + sign * distance, max_age=distance)
    assert not verified(signed(), now=NOW + sign * (distance + 0.5), max_age=distance)
    assert verified(signed(), max_age=0)


class Store:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def add(self, nonce: str, expires: int) -> bool:
        self.asked.append((nonce, expires))
        return [nonce for nonce, _ in self.asked].count(nonce) == 1


def test_a_replay_is_not_verified() -> None:
    """The store learns how long the nonce counts."""
    store = Store()
    assert verified(signed(), nonce_store=store)
    assert not verified(signed(), nonce_store=store)
    assert verified(signed(nonce="f" * 32), nonce_store=store, max_age=10.5)
    assert store.asked == [(NONCE, NOW + 300)] * 2 + [("f" * 32, NOW + 11)]


def test_the_store_is_asked_about_good_signatures_only() -> None:
    """So nobody without the key can fill it, or use up the nonce of a request that is still to come."""
    store = Store()
    for headers, changes in (({**signed(), "X-Signature": "0" * 64}, {}), (signed(), {"body": b"x"}), (signed(), {"now": NOW + 999})):
        assert not verified(headers, nonce_store=store, **changes)
    assert store.asked == []


def test_a_store_that_would_have_to_be_awaited_is_unusable() -> None:
    """Its answer would be true whatever it comes to."""

    class Later:
        def __await__(self) -> Any:
            yield

    class Wrong:
        def add(self, nonce: str, expires: int) -> Any:
            return Later()

    with pytest.raises(TypeError, match="coroutine"):
        verified(signed(), nonce_store=Wrong())


def test_nonces_in_memory_are_forgotten_when_they_count_no_more() -> None:
    """Not before; and when too many still count, new ones are refused, so that no replay passes."""
    clock = [100.0]
    memory = NonceMemory(limit=2, clock=lambda: clock[0])
    assert memory.add("a", 110)
    assert not memory.add("a", 110)
    assert memory.add("b", 105)
    assert not memory.add("c", 130)
    clock[0] = 105.0
    assert not memory.add("c", 130)
    clock[0] = 105.1
    assert memory.add("c", 130)
    assert not memory.add("a", 140)
    clock[0] = 110.1
    assert memory.add("a", 140)


@pytest.mark.parametrize(
    "url", ["", "api.test/orders", "/orders", "ftp://api.test/", "http://", "http://a b/", "http://a.test/\n", "http://[::1"]
)
def test_a_url_that_is_none_is_not_verified_and_cannot_be_signed(url: str) -> None:
    """One side answers, the other raises."""
    assert not verified(signed(), url=url)
    with pytest.raises(ValueError, match="the URL cannot be signed"):
        signed(url=url)


@pytest.mark.parametrize("method", ["", "GET\n", "GET /", "gé"])
def test_a_method_that_is_none_is_not_verified_and_cannot_be_signed(method: str) -> None:
    """No line can be smuggled into what is signed."""
    assert not verified(signed(), method=method)
    with pytest.raises(ValueError, match="is not a method"):
        signed(method)


@pytest.mark.parametrize("call", [signed, lambda **values: verified(signed(), **values)])
@pytest.mark.parametrize("name", ["method", "url", "body"])
def test_arguments_of_a_wrong_type_raise(call: Any, name: str) -> None:
    """On both sides; the message names the argument."""
    for value in (None, 1, ["x"], "text" if name == "body" else b"bytes"):
        with pytest.raises(TypeError, match=f"{name} must be"):
            call(**{name: value})


@pytest.mark.parametrize("use", [Signer, lambda key: sign_request("GET", URL, b"", key), lambda key: verified({}, secret_key=key)])
def test_a_short_key_is_refused_and_not_shown(use: Any) -> None:
    """Sixteen bytes are enough."""
    use(b"k" * 16)
    for key in (b"", b"hidden-key-15by"):
        with pytest.raises(ValueError, match=f"secret_key has {len(key)} bytes") as caught:
            use(key)
        assert "hidden" not in str(caught.value)
    for wrong in ("k" * 32, None, 5):
        with pytest.raises(TypeError, match="secret_key must be bytes"):
            use(wrong)


UNUSABLE: list[tuple[str, list[Any]]] = [
    ("timestamp", [-1, 1e300, float("nan"), float("inf")]),
    ("nonce", ["", "0" * 31, "0" * 33, "g" * 32]),
]


@pytest.mark.parametrize(("name", "values"), UNUSABLE)
def test_unusable_times_and_nonces_cannot_be_signed(name: str, values: list[Any]) -> None:
    """What is signed can be verified."""
    for value in values:
        with pytest.raises(ValueError, match=name):
            signed(**{name: value})
    wrong: Any
    for wrong in (b"0" * 32, True, []):
        with pytest.raises(TypeError, match=name):
            signed(**{name: wrong})


def test_unusable_ages_and_headers_raise() -> None:
    """Negative, not finite, no number; headers that are no pairs."""
    value: Any
    for name, value in (("max_age", -1), ("max_age", float("inf")), ("now", float("nan"))):
        with pytest.raises(ValueError, match=name):
            verified(signed(), **{name: value})
    for name, value in (("max_age", True), ("max_age", None), ("now", "1")):
        with pytest.raises(TypeError, match=name):
            verified(signed(), **{name: value})
    for value in (None, 5, "X-Nonce: 1", b"X-Nonce: 1", ["X-Nonce"], [("X-Nonce", "1", "2")]):
        with pytest.raises(TypeError, match="headers must be a mapping or pairs"):
            verified(value)


@given(
    st.text(string.ascii_letters, min_size=1, max_size=8),
    st.text(max_size=20),
    st.text(max_size=20),
    st.binary(max_size=40),
    st.binary(min_size=16, max_size=80),
    st.integers(0, 2**40),
)
def test_whatever_is_signed_is_verified_by_the_one_who_receives_it(
    method: str, path: str, query: str, body: bytes, key: bytes, timestamp: int
) -> None:
    """He sees the URL as it went over the wire, which is read to the same bytes again."""
    try:
        url = parse_url(f"http://api.test:81/{path}?{query}", True)
    except ValueError:
        return
    wire = url.replace(fragment=None).href
    headers = sign_request(method, url.href, body, key, timestamp=timestamp)
    assert verify_request(method.upper(), wire, headers, body, key, now=timestamp)
    assert not verify_request(method, wire, headers, body + b"x", key, now=timestamp)
    direct = Signer(key).headers(method, url, body, timestamp=timestamp, nonce=headers["X-Nonce"])
    assert direct == headers


def test_a_signer_may_be_for_some_hosts() -> None:
    """None is for all, an empty list for none."""

    def wants(text: str, hosts: Any) -> bool:
        return Signer(KEY, hosts).wants(parse_url(text))

    assert wants("http://a.test/", None)
    assert not wants("http://a.test/", [])
    hosts = ["api.test", "*.corp.test", "10.1.0.0/16", "p.test:81"]
    for url in ("https://API.test./", "https://api.test:8443/", "https://x.corp.test/", "http://10.1.2.3/", "http://p.test:81/"):
        assert wants(url, hosts), url
    for url in ("http://0xa.1/", "https://corp.test/", "https://other.test/", "http://p.test/"):
        assert not wants(url, hosts), url


def test_the_signature_counts_as_a_secret() -> None:
    """It is masked wherever headers are shown; a key is in no repr."""
    assert is_secret("X-Signature")
    assert KEY.hex() not in repr(Signer(KEY))
    assert repr(KEY) not in repr(Signer(KEY))
