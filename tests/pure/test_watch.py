"""What is asked before each request goes out, and cookies that last for one chain of redirects."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp._pure.config import ClientConfig
from fasthttp._pure.links import parse_links
from fasthttp._pure.proxies import choose_proxies
from fasthttp.cookies import CookieJar
from fasthttp.errors import SecurityError
from fasthttp.models import Request
from httpwire.url import URL
from tests.pure.exchange_driver import Play, answer


class Watch:
    """Notes what it is asked; signs what has a body; refuses one host."""

    max_buffered = 10

    def __init__(self) -> None:
        self.checked: list[str] = []
        self.hops: list[tuple[str, str]] = []

    def check(self, request: Request) -> None:
        self.checked.append(request.url)

    def check_hop(self, current: URL, following: URL) -> None:
        self.hops.append((current.href, following.href))
        if following.host == "forbidden.test":
            raise SecurityError("not there")

    def wants_body(self, request: Request) -> bool:
        return request.method == "POST"

    def sign(self, request: Request) -> Request:
        headers = request.headers.copy()
        headers["X-Signature"] = "signed"
        return request.derive(headers=headers)


def watched() -> tuple[ClientConfig, Watch]:
    config, watch = ClientConfig(), Watch()
    config.watch = watch
    return config, watch


def test_every_hop_is_looked_at() -> None:
    """The request, the step to the next one, and that one."""
    config, watch = watched()
    assert Play(config=config)(answer(302, Location="/y"), answer(200)).status_code == 200
    assert watch.checked == ["http://a.test/x", "http://a.test/y"]
    assert watch.hops == [("http://a.test/x", "http://a.test/y")]


def test_a_step_that_is_refused_is_not_taken() -> None:
    """The error has the response that led there."""
    config, watch = watched()
    play = Play(config=config)
    with pytest.raises(SecurityError) as caught:
        play(answer(302, Location="http://forbidden.test/"))
    assert caught.value.response is not None
    assert len(play.sent) == 1
    assert watch.checked == ["http://a.test/x"]


@pytest.mark.parametrize("content", [b"whole", iter([b"in ", b"pieces"]), None])
def test_what_is_signed_is_signed_as_it_goes_out(content: Any) -> None:
    """A streamed body is read before; a request without a body has a signature too."""
    config, _ = watched()
    play = Play("POST", config=config, content=content)
    play(answer(200))
    assert play.sent[0].headers["x-signature"] == "signed"


def test_cookies_of_a_chain_go_along_and_no_further() -> None:
    """They are sent to the next hop, and kept nowhere."""
    config, _ = watched()
    config.keeps_cookies = False
    play = Play(config=config)
    play(answer(302, Location="/y", Set_Cookie="a=1"), answer(302, Location="/z", Set_Cookie="b=2"), answer(200))
    assert [request.headers.get("cookie") for request in play.sent] == [None, "a=1", "a=1; b=2"]
    assert config.jar is None


def test_the_layer_above_has_keywords_of_its_own() -> None:
    """A jar for one call; anything else is still refused."""
    config, jar = ClientConfig(), CookieJar({"a": "1"})
    config.inner = frozenset(("jar",))
    request = config.request("GET", "http://a.test/", {"jar": jar})
    assert config.dress(request).headers["cookie"] == "a=1"
    assert config.call({"jar": jar}) is config.defaults
    with pytest.raises(TypeError, match="typo"):
        config.call({"typo": 1})


def test_all_proxies_of_a_choice() -> None:
    """Those that stand for direct are none."""
    choice = choose_proxies(None, {"http": "http://p.test:1", "https": None}, None)
    assert choice is not None
    assert [proxy.host for proxy in choice.all()] == ["p.test"]


def test_links_by_relation_or_target() -> None:
    """Quoted and bare parameters; the first of a name counts."""
    links = parse_links('<https://a.test/2>; rel="next last"; title="a \\"b\\"", <https://a.test/x>; rel=; title=t; title=u')
    assert links["next"] == links["last"] == {"url": "https://a.test/2", "rel": "next last", "title": 'a "b"'}
    assert links["https://a.test/x"]["title"] == "t"
