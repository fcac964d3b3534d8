"""Redirects, authentication and refused expectations of one call, step by step."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp._pure.config import ClientConfig
from fasthttp.auth import AuthBase, BasicAuth, BearerAuth, NetrcTable
from fasthttp.errors import BodyNotReplayable, RemoteProtocolError, TooManyRedirects, UnsupportedScheme
from fasthttp.models import Request
from tests.pure.exchange_driver import Play, answer, live, policy


def pieces() -> Any:
    """A body that can be read once."""
    yield b"one"
    yield b"two"


# --- redirects


def test_redirects_are_followed_and_kept() -> None:
    """The answers before the last are discarded, and its history."""
    play = Play()
    first, second, last = live(301, Location="/y"), live(302, Location="/z"), live(200)
    assert play(first, second, last) is last
    assert last.history == [first, second]
    assert play.steps == ["send", "discard", "send", "discard", "send", "read"]


def test_one_redirect_more_than_allowed() -> None:
    """Its answer is discarded too, and is with the error."""
    last = live(302, Location="/z")
    with pytest.raises(TooManyRedirects, match=r"more than 1 redirects, the last one to http://a\.test/z") as caught:
        Play(max_redirects=1)(live(302, Location="/y"), last)
    assert caught.value.response is last
    assert len(caught.value.history) == 2


def test_redirects_may_be_left_to_the_caller() -> None:
    """The next request is prepared; where it cannot be, the answer is returned all the same."""
    response = Play(follow_redirects=False)(live(302, Location="/y"))
    assert (response.content, response.next_request and response.next_request.url) == (b"read", "http://a.test/y")
    assert Play(follow_redirects=False)(answer(302, Location="ftp://a.test/")).next_request is None
    assert Play()(live(302)).content == b"read"
    assert Play()(answer(304)).next_request is None


@pytest.mark.parametrize(("location", "error"), [("ftp://b.test/", UnsupportedScheme), ("http://", RemoteProtocolError)])
def test_a_redirect_to_nowhere(location: str, error: type[Exception]) -> None:
    """The answer is with the error, and its connection let go."""
    response = live(302, Location=location)
    with pytest.raises(error) as caught:
        Play()(response)
    assert caught.value.response is response  # type: ignore[attr-defined]
    assert response._body.abandoned


def test_a_spent_body_cannot_follow_a_redirect() -> None:
    """The error came with its response already."""
    response = answer(307, Location="/y")
    with pytest.raises(BodyNotReplayable) as caught:
        Play("POST", content=pieces())(response)
    assert caught.value.response is response


def test_what_stays_behind_when_the_origin_changes() -> None:
    """Credentials and the cookies of the call; those that netrc has for the new host, and the jar's, are its own."""
    config = ClientConfig(netrc=NetrcTable({"c.test": BasicAuth("u", "p")}), auth=BearerAuth("t"))
    config.cookies.set("jar", "1", "c.test")
    play = Play(config=config, cookies={"own": "1"})
    play(
        answer(302, Location="http://b.test/"), answer(302, Location="http://c.test/"), answer(302, Location="http://a.test/"), answer(200)
    )
    seen = [(request.headers.get("authorization"), request.headers.get("cookie")) for request in play.sent]
    assert seen == [("Bearer t", "own=1"), (None, None), ("Basic dTpw", "jar=1"), (None, None)]


def test_the_trace_tells_of_redirects() -> None:
    """With where it leads."""
    told: list[tuple[str, Any]] = []
    Play(trace=lambda event, info: told.append((event, info["url"])))(answer(302, Location="/y"), answer(200))
    assert told == [("redirect", "http://a.test/y")]


# --- Expect: 100-continue


def test_a_server_that_knows_no_expectations_is_asked_without() -> None:
    """Once; the cookies of both answers are kept."""
    play = Play("POST", expect_continue=True, content=b"body")
    assert play(live(417, Set_Cookie="a=1"), answer(200, Set_Cookie="b=2")).status_code == 200
    assert ["expect" in request.headers for request in play.sent] == [True, False]
    assert list(play.config.cookies) == ["a", "b"]
    assert Play("POST", expect_continue=True, content=b"x")(answer(417), answer(417)).status_code == 417
    assert Play("POST", headers={"Expect": "100-continue"}, content=b"x")(answer(417)).status_code == 417


def test_a_body_that_was_sent_before_the_refusal() -> None:
    """It is not sent half."""
    response = live(417)
    with pytest.raises(BodyNotReplayable) as caught:
        Play("POST", expect_continue=True, content=pieces())(response)
    assert response._body.abandoned
    assert caught.value.response is response


# --- authentication


class Auth(AuthBase):
    """Notes its rounds, and answers each refusal."""

    def __init__(self, rounds: int = 9, **flags: bool) -> None:
        self.rounds = rounds
        self.seen: list[Any] = []
        for name, value in flags.items():
            setattr(self, name, value)

    def on_request(self, request: Request) -> Any:
        self.seen.append((request.auth_round, request.content))
        request.headers["X-Round"] = str(request.auth_round)

    def on_response(self, request: Request, response: Any) -> Any:
        self.seen.append(response._content)
        return request.copy() if response.status_code == 401 and request.auth_round < self.rounds else None


def test_a_request_of_the_authentication_is_sent_in_place_of_the_answer() -> None:
    """The answer before it is discarded and kept in the history."""
    auth = Auth()
    play = Play(auth=auth)
    refused = live(401)
    response = play(refused, live(200))
    assert response.history == [refused]
    assert play.steps == ["run", "send", "read", "run", "discard", "run", "send", "read", "run"]
    assert [request.headers["x-round"] for request in play.sent] == ["0", "1"]
    assert "x-round" not in play.request.headers


def test_five_rounds_and_no_more() -> None:
    """Then the last answer is returned."""
    play = Play(auth=Auth())
    assert play(*[answer(401)] * 6).status_code == 401
    assert len(play.sent) == 6


def test_each_retry_and_redirect_begins_with_round_0() -> None:
    """Authentication runs before every send."""
    auth = Auth(rounds=1)
    play = Play(auth=auth, retry=policy(2))
    play(answer(401), answer(503), answer(302, Location="/y"), answer(200))
    assert [request.headers["x-round"] for request in play.sent] == ["0", "1", "0", "0"]


def test_bodies_are_read_for_an_authentication_that_asks() -> None:
    """That of the request once, however often it is sent; that of a response though the caller wants a stream."""
    auth = Auth(requires_request_body=True, requires_response_body=True)
    play = Play("POST", auth=auth, content=pieces(), stream=True)
    play(live(401), live(200))
    assert play.steps == ["bufferbody", "run", "send", "read", "run", "discard", "run", "send", "read", "run"]
    assert auth.seen == [(0, b"onetwo"), b"read", (1, b"onetwo"), b"read"]
    play = Play("POST", auth=auth, content=pieces(), retry=policy(2, methods=["POST"]))
    assert play(answer(503), answer(200)).status_code == 200
    assert play.steps.count("bufferbody") == 1


def test_a_spent_body_cannot_be_sent_in_another_round() -> None:
    """The refusal is with the error, and its connection let go."""
    response = live(401)
    with pytest.raises(BodyNotReplayable) as caught:
        Play("POST", auth=Auth(), content=pieces(), stream=True)(response)
    assert response._body.abandoned
    assert caught.value.response is response


def test_an_authentication_may_replace_the_request() -> None:
    """By another one; by nothing else."""

    class Elsewhere(AuthBase):
        def on_request(self, request: Request) -> Any:
            return Request("GET", "http://b.test/") if request.host == "a.test" else "text"

    play = Play(auth=Elsewhere())
    assert play(answer(200)).url == "http://b.test/"
    with pytest.raises(TypeError, match="Elsewhere returned str for a request; it must return None or a Request"):
        Play(url="http://c.test/", auth=Elsewhere())()


@pytest.mark.parametrize("given", ["text", ValueError("mine"), KeyboardInterrupt()])
def test_an_authentication_that_fails_leaves_no_connection_behind(given: Any) -> None:
    """Whether it raises or returns what cannot be sent."""

    class Broken(AuthBase):
        def on_response(self, request: Request, response: Any) -> Any:
            if isinstance(given, BaseException):
                raise given
            return given

    response = live(200)
    with pytest.raises((TypeError, ValueError, KeyboardInterrupt), match=r"mine|Broken returned str for a response|^$"):
        Play(auth=Broken(), stream=True)(response)
    assert response._body.abandoned
    with pytest.raises((TypeError, ValueError, KeyboardInterrupt)):
        Play(auth=Broken())(answer(200))
