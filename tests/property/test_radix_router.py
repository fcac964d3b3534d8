"""`RadixRouter` against a scan of all routes, one after another, written without a tree."""

from __future__ import annotations

import re
import sys
import time
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import compile_path

from FasterAPI import RadixRouter

Found = tuple[Any, dict[str, Any]] | None

SEGMENTS = ["", "a", "b", "ab", "a.b", "1", "22", "1.5", "*", "{", ".", "é"]
PARTS = ["a", "b", "1", "*", "{x}", "{y}", "{x:str}", "{n:int}", "{f:float}", "a{z}", "{u}.{v}", "{p:path}", "q{p:path}", ""]


def declared(routes: list[tuple[str, str]], method: str, path: str) -> Found:
    """The first that fits, by the expressions of Starlette."""
    for number, (own, template) in enumerate(routes):
        regex, _, convertors = compile_path(template)
        found = regex.fullmatch(path)
        if found is not None and own == method:
            return number, {name: convertors[name].convert(text) for name, text in found.groupdict().items()}
    return None


def static(routes: list[tuple[str, str]], method: str, path: str) -> Found:
    """The first by a walk that tries texts, then parameters, then the rest, and turns back where it leads nowhere."""
    segments = [segment for segment in path.split("/") if segment]
    parts = [[part for part in template.split("/") if part] for _, template in routes]

    def rank(number: int, at: int) -> int:
        return 2 if ":path" in parts[number][at] else 1 if "{" in parts[number][at] else 0

    def walk(alive: list[int], at: int) -> Found:
        for number in alive:
            if len(parts[number]) == at == len(segments):
                found = declared([(routes[number][0], "/" + "/".join(parts[number]))], method, "/" + "/".join(segments))
                if found is not None:
                    return number, found[1]
        following = [number for number in alive if len(parts[number]) > at]
        for wanted in (0, 1):
            here = [n for n in following if rank(n, at) == wanted and at < len(segments) and (wanted or parts[n][at] == segments[at])]
            result = walk(here, at + 1) if here else None
            if result is not None:
                return result
        for number in following:
            if rank(number, at) == 2:
                path = "/" + "/".join(segments) + ("/" if at == len(segments) > 0 else "")
                found = declared([(routes[number][0], "/" + "/".join(parts[number]))], method, path)
                if found is not None:
                    return number, found[1]
        return None

    return walk(list(range(len(routes))), 0)


def unique(parts: list[str]) -> str:
    """A template in which no name stands twice."""
    count = iter(range(100))
    return "/" + "/".join(re.sub(r"\{(\w)", lambda found: f"{{{found[1]}{next(count)}", part) for part in parts)


templates = st.lists(st.sampled_from(PARTS), max_size=5).map(unique)
methods = st.sampled_from(["GET", "PUT"])
tables = st.lists(st.tuples(methods, templates), min_size=1, max_size=8)
paths = st.lists(st.sampled_from(SEGMENTS), max_size=6).map(lambda segments: "/" + "/".join(segments))


@settings(max_examples=1500, deadline=None)
@given(tables, st.lists(paths, min_size=1, max_size=6), st.sampled_from(["static", "declared"]))
def test_the_tree_finds_what_a_scan_finds(routes: list[tuple[str, str]], asked: list[str], order: Literal["static", "declared"]) -> None:
    """Route, names and converted values, in either order, and the methods of each path."""
    router = RadixRouter(order)
    for number, (method, template) in enumerate(routes):
        router.add_route(method, template, number, template)
    scan = static if order == "static" else declared
    for path in asked:
        for method in ("GET", "PUT"):
            expected = scan(routes, method, path)
            found = router.resolve(method, path)
            assert (found and found[:2]) == expected, (routes, method, path)
            assert found is None or found[2] == routes[found[0]][1]
        assert router.allowed_methods(path) == [method for method in ("GET", "PUT") if scan(routes, method, path)]


def filled(order: Literal["static", "declared"], *templates: str) -> RadixRouter:
    router = RadixRouter(order)
    for template in templates:
        router.add_route("GET", template, template)
    return router


def test_texts_go_before_parameters_with_full_backtracking() -> None:
    """A text that leads nowhere is left for a parameter, at every level."""
    router = RadixRouter()
    router.add_route("GET", "/t/{team}/log", "tail")
    router.add_route("get", "/t/core", "core", {"role": "admin"})
    assert router.resolve("get", "/t/core") == ("core", {}, {"role": "admin"})
    assert router.resolve("GET", "/t/core/log") == ("tail", {"team": "core"}, None)
    assert router.resolve("POST", "/t/core") is None
    assert router.resolve("GET", "/t/core/lo") is None
    late = filled("static", "/{a}", "/me", "/{a}/{b}/x", "/me/{b}/y")
    assert [late.resolve("GET", path) for path in ("/me", "/me/1/x")] == [("/me", {}, None), ("/{a}/{b}/x", {"a": "me", "b": "1"}, None)]


def test_the_declared_order_is_that_of_registration() -> None:
    """And empty segments count, as in applications."""
    router = filled("declared", "/u/{id}", "/u/me", "/u/{other}")
    assert router.resolve("GET", "/u/me") == ("/u/{id}", {"id": "me"}, None)
    assert [router.resolve("GET", path) for path in ("/u/me/", "//u/me", "/u/", "u/me")] == [None] * 4
    lenient = filled("static", "/u/me", "/")
    assert [lenient.resolve("GET", path) for path in ("/u/me/", "//u//me", "/")] == [("/u/me", {}, None)] * 2 + [("/", {}, None)]


def test_convertors_decide_and_convert() -> None:
    """Values that they refuse are no match, nor are those that they cannot make anything of."""
    router = filled("static", "/n/{n:int}", "/n/{f:float}", "/n/{text}", "/{u:uuid}", "/img/{name}.png")
    assert [router.resolve("GET", path) for path in ("/n/5", "/n/5.5", "/n/x", "/img/cat.png", "/img/cat.jpg")] == [
        ("/n/{n:int}", {"n": 5}, None), ("/n/{f:float}", {"f": 5.5}, None), ("/n/{text}", {"text": "x"}, None),
        ("/img/{name}.png", {"name": "cat"}, None), None,
    ]  # fmt: skip
    digits = "9" * 5000
    assert router.resolve("GET", f"/n/{digits}") == ("/n/{f:float}", {"f": float("inf")}, None)

    class Pair(Convertor[tuple[str, str]]):
        regex = "([a-z]+)/([a-z]+)"

        def convert(self, value: str) -> tuple[str, str]:
            first, _, second = value.partition("/")
            return first, second

        def to_string(self, value: tuple[str, str]) -> str:
            return "/".join(value)

    register_url_convertor("pair", Pair())
    own = filled("declared", "/{pair:pair}/{last:int}")
    assert own.resolve("GET", "/a/b/3") == ("/{pair:pair}/{last:int}", {"pair": ("a", "b"), "last": 3}, None)
    assert own.resolve("GET", "/a/3") is None


def test_methods_of_a_path() -> None:
    """Of every route that fits, sorted, once each; none for an unknown path. The first of two equal routes stays."""
    router = RadixRouter()
    routes = [("put", "/x/{a}", 1), ("GET", "/x/b", 2), ("PUT", "/x/b", 3), ("PUT", "/x/b", 4), ("PURGE", "/{p:path}", 5)]
    for method, path, handler in routes:
        router.add_route(method, path, handler)
    assert [router.allowed_methods(path) for path in ("/x/b", "/x/c", "/y")] == [["GET", "PURGE", "PUT"], ["PURGE", "PUT"], ["PURGE"]]
    assert RadixRouter().allowed_methods("/") == []
    assert router.resolve("put", "/x/b") == (3, {}, None)


@pytest.mark.parametrize(("path", "fault"), [
    ("x", "does not begin with a slash"), ("/{a}/{a}", "more than one parameter a"), ("/{a}{a:int}", "more than one parameter a"),
    ("/{a:hex4}", "no convertor 'hex4'"), ("/{a", "braces"), ("/a}", "braces"), ("/{}", "braces"), ("/{a-b}", "braces"),
    ("/{{a}}", "braces"), ("/{p:path}/{p}", "more than one parameter p"), ("/{p:path}/{", "braces"),
])  # fmt: skip
def test_paths_that_cannot_be_are_refused(path: str, fault: str) -> None:
    """When they are registered, and they leave nothing behind."""
    router = RadixRouter()
    with pytest.raises(ValueError, match=fault):
        router.add_route("GET", path, None)
    assert router.allowed_methods(path) == []
    with pytest.raises(ValueError, match="'static' or 'declared'"):
        RadixRouter("first")  # type: ignore[arg-type]


def calls_of(router: RadixRouter, path: str) -> int:
    count = 0

    def seen(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        router.resolve("GET", path)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("order", ["static", "declared"])
def test_a_look_up_does_not_know_how_many_routes_there_are(order: Literal["static", "declared"]) -> None:
    """It makes as many calls among ten thousand as among ten: for a text, for parameters, for a path that there is not."""
    asked = ["/r3/list", "/r3/17/items/5", "/r4/5/nope", "/nothing/here"]
    counts = []
    for size in (10, 10_000):
        router = RadixRouter(order)
        for number in range(size // 2):
            router.add_route("GET", f"/r{number}/list", number)
            router.add_route("GET", f"/r{number}/{{a}}/items/{{b}}", number)
        counts.append([calls_of(router, path) for path in asked])
    assert counts[0] == counts[1]
    assert max(counts[0]) < 40


@pytest.mark.parametrize("order", ["static", "declared"])
@pytest.mark.parametrize("shape", ["one text each", "texts at random", "the same", "integers", "pairs"])
def test_no_path_is_exponential(order: Literal["static", "declared"], shape: str) -> None:
    """Two hundred routes that overlap in two hundred segments take about a millisecond, found or not."""
    router = RadixRouter(order)
    for number in range(200):
        segments = {
            "one text each": ["a" if at == number else f"{{p{at}}}" for at in range(200)],
            "texts at random": ["a" if hash((number, at)) % 2 else f"{{p{at}}}" for at in range(200)],
            "the same": [f"{{p{number}_{at}}}" for at in range(200)],
            "integers": [f"{{p{at}:int}}" if at % 7 else f"{{p{at}}}" for at in range(200)],
            "pairs": ["a" if hash((number // 2, at)) % 2 else f"{{p{at}}}" for at in range(199)] + [f"{number % 2}"],
        }[shape]
        router.add_route("GET", "/" + "/".join([*segments, "end"]), number)
    for last in ("end", "no"):
        path = "/" + "/".join(["1" if shape == "integers" else "a"] * 200 + [last])
        took = []
        for _ in range(10):
            begun = time.perf_counter()
            router.resolve("GET", path)
            took.append(time.perf_counter() - begun)
        assert min(took) < 0.005
