"""Header fields as people use them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest

from httpwire.errors import InvalidHeader, WireError
from httpwire.headers import Headers, check_name, check_value

PAIRS = [("Content-Type", "text/plain"), ("X-A", "1"), ("Set-Cookie", "a=1, b"), ("x-a", "2"), ("SET-COOKIE", "c=2")]


def example() -> Headers:
    return Headers(PAIRS)


@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE", "cOnTeNt-tYpE"])
def test_reading_knows_no_case(name: str) -> None:
    """Every way to look a field up finds it in any case."""
    headers = example()
    assert headers[name] == headers.get(name) == headers.setdefault(name, "x") == "text/plain"
    assert headers.get_list(name) == ["text/plain"]
    assert name in headers
    assert headers.pop(name) == "text/plain"
    assert name not in headers


@pytest.mark.parametrize("name", ["missing", "Missing"])
def test_missing_fields(name: str) -> None:
    """A field that is not there is a KeyError or the default."""
    headers = example()
    for operation in (lambda: headers[name], lambda: headers.pop(name), lambda: headers.__delitem__(name)):
        with pytest.raises(KeyError):
            operation()
    assert (headers.get(name), headers.get(name, "d"), headers.pop(name, None), headers.pop(name, "d")) == (None, "d", None, "d")
    assert headers.get_list(name) == []
    others: list[Any] = [5, None, b"content-type"]
    assert [other in headers for other in others] == [False] * 3


def test_repeats() -> None:
    """Repeated lines are joined by a look-up, cookies are not; every line is still known, in order and with its case."""
    headers = example()
    assert headers["X-a"] == "1, 2"
    assert headers["Set-Cookie"] == "a=1, b"
    assert headers.get_list("set-cookie") == ["a=1, b", "c=2"]
    assert headers.get_list("x-A") == ["1", "2"]
    assert headers.multi_items() == [(name.lower(), value) for name, value in PAIRS]
    assert headers.raw == [(name.encode(), value.encode()) for name, value in PAIRS]
    assert list(headers) == ["content-type", "x-a", "set-cookie"]
    assert dict(headers) == {"content-type": "text/plain", "x-a": "1, 2", "set-cookie": "a=1, b"}
    assert len(headers) == 3


def test_setting_replaces_all_lines() -> None:
    """A field that is set anew stands where its first line stood; the others keep their places."""
    headers = example()
    headers["x-A"] = "3"
    assert headers.raw == [
        (b"Content-Type", b"text/plain"),
        (b"x-A", b"3"),
        (b"Set-Cookie", b"a=1, b"),
        (b"SET-COOKIE", b"c=2"),
    ]
    headers["New"] = "n"
    assert headers.raw[-1] == (b"New", b"n")
    assert headers["X-A"] == "3"


def test_adding_and_prepending() -> None:
    """`add` appends a line and keeps earlier ones, `prepend` puts one before all others."""
    headers = Headers({"A": "1"})
    headers.add("a", "2")
    headers.add(b"B", b"\xc3\xa9")
    headers.prepend("Host", "h")
    assert headers.raw == [(b"Host", b"h"), (b"A", b"1"), (b"a", b"2"), (b"B", b"\xc3\xa9")]
    assert (headers["a"], headers["b"], headers["host"]) == ("1, 2", "é", "h")


def test_deleting() -> None:
    """Deleting takes all lines of a name."""
    headers = example()
    del headers["SET-cookie"]
    assert headers.get_list("set-cookie") == []
    assert headers.multi_items() == [("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")]
    assert headers.pop("X-a") == "1, 2"
    assert headers.popitem() == ("content-type", "text/plain")
    assert (headers, len(headers), headers.encode()) == ({}, 0, b"")
    with pytest.raises(KeyError):
        headers.popitem()


def test_setdefault() -> None:
    """`setdefault` sets only what is missing."""
    headers = example()
    assert (headers.setdefault("CONTENT-type", "x"), headers.setdefault("N", "y"), headers.setdefault("E")) == ("text/plain", "y", "")
    assert headers.raw[-2:] == [(b"N", b"y"), (b"E", b"")]


@pytest.mark.parametrize(
    "merge",
    [
        lambda headers, other: headers | other,
        lambda headers, other: headers.__ior__(other),
        lambda headers, other: headers.update(other) or headers,
    ],
)
@pytest.mark.parametrize("source", [dict, Headers, MappingProxyType, lambda pairs: list(pairs.items())])
def test_merging(merge: Callable[[Headers, Any], Headers], source: Callable[[dict[str, str]], Any]) -> None:
    """The fields of the right side replace those of the left, whatever kind of source it is."""
    merged = merge(example(), source({"X-a": "9", "New": "n"}))
    assert type(merged) is Headers
    assert merged.raw == [
        (b"Content-Type", b"text/plain"),
        (b"Set-Cookie", b"a=1, b"),
        (b"SET-COOKIE", b"c=2"),
        (b"X-a", b"9"),
        (b"New", b"n"),
    ]


def test_merging_keeps_both_sides() -> None:
    """`|` leaves its sides as they are, works from a dict on the left, and repeated lines on the right all stay."""
    left = Headers({"A": "1"})
    merged = left | [("a", "2"), ("A", "3")]
    assert (left.raw, merged.get_list("a")) == ([(b"A", b"1")], ["2", "3"])
    turned = {"A": "1", "B": "2"} | Headers({"a": "9"})
    assert type(turned) is Headers
    assert turned.raw == [(b"B", b"2"), (b"a", b"9")]


def test_update_with_names() -> None:
    """`update` and the constructor take names like those of dict; updating with nothing or itself changes nothing."""
    headers = Headers({"A": "1"}, b="2")
    headers.update({"a": "3"}, c="4")
    headers.update()
    headers.update(headers)
    assert headers.raw == [(b"b", b"2"), (b"a", b"3"), (b"c", b"4")]


def test_a_bad_update_changes_nothing() -> None:
    """An update with one bad field leaves all fields as they were."""
    headers = example()
    with pytest.raises(InvalidHeader):
        headers.update([("X-A", "9"), ("B", "\n")])
    assert headers == example()
    with pytest.raises(InvalidHeader):
        headers["X-A"] = "\n"
    assert headers.encode() == example().encode()


def test_clear_and_fromkeys() -> None:
    """`clear` empties, `fromkeys` fills with one value."""
    headers = example()
    headers.clear()
    assert (headers.raw, dict(headers), headers.encode()) == ([], {}, b"")
    assert Headers.fromkeys(["A", "b"], "v").raw == [(b"A", b"v"), (b"b", b"v")]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, Headers.copy, Headers, lambda headers: pickle.loads(pickle.dumps(headers))]
)
def test_copies(duplicate: Callable[[Headers], Headers]) -> None:
    """A copy has the same lines in the same order, and is independent."""
    headers = example()
    again = duplicate(headers)
    assert type(again) is Headers
    assert again == headers
    assert again.multi_items() == headers.multi_items()
    again["X-A"] = "9"
    again.add("Y", "y")
    assert headers.multi_items() == example().multi_items()
    assert headers.encode() == example().encode()


def test_pickles_keep_the_case() -> None:
    """A pickled or copied header keeps its names as they were written."""
    assert pickle.loads(pickle.dumps(example())).raw == copy.deepcopy(example()).raw == example().raw


def test_equality() -> None:
    """Headers are equal without regard to case and to the order of names; against a mapping joined values count."""
    assert Headers([("A", "1"), ("B", "2")]) == Headers([("b", "2"), ("a", "1")])
    assert Headers({"A": "1"}) == {"a": "1"} == Headers({"A": "1"})
    assert Headers({"a": "1"}) == {"A": "1"}
    assert Headers({"a": "1"}) != {"A": "2"}
    assert Headers([("a", "1"), ("a", "2")]) == {"a": "1, 2"}
    assert Headers({"a": "1"}) != [("a", "1")]
    assert Headers({"a": "1"}).__eq__("a") is Headers({"a": "1"}).__ne__("a") is NotImplemented


def test_inequality_agrees() -> None:
    """`!=` is the opposite of `==`, also where only a later line differs or only the case does."""
    cookies = Headers([("Set-Cookie", "a"), ("Set-Cookie", "b")])
    other = Headers([("Set-Cookie", "a"), ("Set-Cookie", "c")])
    same: list[tuple[Headers, object]] = [(cookies, cookies.copy()), (Headers({"A": "1"}), {"A": "1"})]
    different: list[tuple[Headers, object]] = [
        (cookies, other),
        (Headers([("a", "1"), ("a", "2")]), Headers([("a", "2"), ("a", "1")])),
        (Headers(), {"a": "1"}),
    ]
    assert [(left == right, left != right) for left, right in same] == [(True, False)] * 2
    assert [(left == right, left != right) for left, right in different] == [(False, True)] * 3


def test_not_hashable() -> None:
    """Headers change, so they have no hash."""
    with pytest.raises(TypeError):
        hash(example())


MUTATIONS: dict[str, Callable[[Headers], object]] = {
    "set": lambda headers: headers.__setitem__("X-A", "9"),
    "set new": lambda headers: headers.__setitem__("N", "9"),
    "delete": lambda headers: headers.__delitem__("X-A"),
    "add": lambda headers: headers.add("X-A", "3"),
    "prepend": lambda headers: headers.prepend("Host", "h"),
    "pop": lambda headers: headers.pop("x-a"),
    "popitem": lambda headers: headers.popitem(),
    "setdefault": lambda headers: headers.setdefault("N", "1"),
    "update": lambda headers: headers.update({"x-a": "9"}),
    "merge": lambda headers: headers.__ior__({"x-a": "9"}),
    "clear": lambda headers: headers.clear(),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_encode_follows_every_change(name: str) -> None:
    """The encoded lines are kept until a change, and no change is missed."""
    headers = example()
    before = headers.encode()
    assert headers.encode() is before
    MUTATIONS[name](headers)
    assert headers.encode() == b"".join(b"%b: %b\r\n" % line for line in headers.raw)
    assert headers.encode() != before
    assert set(headers) == {line.lower().decode() for line, _ in headers.raw}


def test_encode() -> None:
    """The lines as they go out: names as given, values in UTF-8."""
    assert Headers([("X-a", "é\t1"), ("E", "")]).encode() == b"X-a: \xc3\xa9\t1\r\nE: \r\n"


def test_from_wire() -> None:
    """Received values are read as UTF-8 where they are, as Latin-1 where not; white space behind them is dropped."""
    headers = Headers.from_wire([(b"X-A", b"\xc3\xa9 "), (b"x-a", b"\xe9\t"), (b"Set-Cookie", b"a"), (b"Set-Cookie", b"b")])
    assert headers.get_list("x-a") == ["é", "é"]
    assert headers.get_list("set-cookie") == ["a", "b"]
    assert [name for name, _ in headers.raw] == [b"X-A", b"x-a", b"Set-Cookie", b"Set-Cookie"]


@pytest.mark.parametrize(
    ("name", "code", "offset"),
    [
        ("A b", "0020", 1),
        ("A:", "003A", 1),
        ("Ä", "00C4", 0),
        ("A\r\nB", "000D", 1),
        ("a\x00", "0000", 1),
        ("a✓", "2713", 1),
        (b"a\xff", "00FF", 1),
    ],
)
def test_bad_names(name: str | bytes, code: str, offset: int) -> None:
    """A name is a token; the fault tells the character and its place."""
    for attempt in (lambda: Headers([(name, "v")]), lambda: example().add(name, "v"), lambda: check_name(name)):
        with pytest.raises(InvalidHeader, match=f"U\\+{code} at offset {offset}"):
            attempt()


def test_empty_names() -> None:
    """A name has at least one character."""
    with pytest.raises(InvalidHeader, match="empty"):
        Headers({"": "v"})


@pytest.mark.parametrize(
    ("value", "code", "offset"),
    [
        ("s3cret\n", "000A", 6),
        ("s3cret\r\nX: y", "000D", 6),
        ("\x00s3cret", "0000", 0),
        ("s3\x7fcret", "007F", 2),
        (b"s3cret\x0b", "000B", 6),
        ("s3cret\ud800", "D800", 6),
    ],
)
def test_bad_values(value: Any, code: str, offset: int) -> None:
    """The fault of a value names the field, the character and its place, and never shows the value."""
    attempts: list[Callable[[], object]] = [
        lambda: Headers([("X-Key", value)]),
        lambda: example().add("X-Key", value),
        lambda: example().__setitem__("X-Key", value),
        lambda: example().prepend("X-Key", value),
        lambda: example().update([("X-Key", value)]),
        lambda: check_value("X-Key", value),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidHeader) as caught:
            attempt()
        message = str(caught.value)
        assert ("X-Key" in message, f"U+{code} at offset {offset}" in message, "s3cret" in message) == (True, True, False)
    assert isinstance(caught.value, (WireError, ValueError))


@pytest.mark.parametrize("value", ["\t", "\x80", "é", "✓", "\U0001f600", ""])
def test_good_values(value: str) -> None:
    """Tabs and any text above ASCII are values."""
    assert Headers({"X": value}).encode() == b"X: " + value.encode() + b"\r\n"


@pytest.mark.parametrize("source", ["abc", b"abc", 5, {"a": 1}, {"a": None}, {1: "a"}, [("a", 1)], [(None, "a")], {"a": ["b"]}])
def test_types(source: Any) -> None:
    """What is neither text nor bytes is a TypeError, which names the field where there is one."""
    with pytest.raises(TypeError) as caught:
        Headers(source)
    if source == {"a": 1}:
        assert "'a'" in str(caught.value)
        assert "int" in str(caught.value)


def test_sources() -> None:
    """Headers are made from mappings of text or bytes, from pairs, from anything with keys, and from other headers."""

    class Keyed:
        def keys(self) -> list[str]:
            return ["A"]

        def __getitem__(self, name: str) -> str:
            return name * 2

    assert Headers().raw == Headers(None).raw == []
    assert Headers({b"A": b"1"}).raw == Headers({"A": b"1"}).raw == Headers(iter([(b"A", "1")])).raw == [(b"A", b"1")]
    assert Headers(Keyed()).raw == [(b"A", b"AA")]  # type: ignore[arg-type]
    assert Headers(example()).raw == example().raw


def test_repr_masks_secrets() -> None:
    """`repr` shows the lines, but not the values of names that carry secrets."""
    headers = Headers({"Authorization": "s3cret", "X-Api-Key": "s3cret", "Cookie": "s3cret", "My-Token": "s3cret", "Accept": "a"})
    assert "s3cret" not in repr(headers)
    assert "('Accept', 'a')" in repr(headers)
