"""`DigestAuth`, driven by hand as a client drives it, against a server that does its own sums."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Generator
from typing import Any
from urllib.request import parse_http_list, parse_keqv_list

import httpx
import pytest
from requests.auth import HTTPDigestAuth

from fasthttp.auth import DigestAuth
from fasthttp.models import Request
from fasthttp.response import ClientResponse as Response
from httpwire.auth import digest_credentials, digest_key, parse_challenges, read_digest
from tests.api.auth_driver import URL, answering, drive, get, sent_with, statuses


class DigestServer:
    """Checks digests by the formulas of RFC 7616 §3.4, with the parser of the standard library."""

    def __init__(
        self, *, algorithm: str | None = None, qop: str | None = "auth", realm: str = "r", fresh: bool = False, extra: str = ""
    ) -> None:
        self.algorithm, self.qop, self.realm, self.fresh, self.extra = algorithm, qop, realm, fresh, extra
        self.password = "p\u00e4ss"
        self.nonces: dict[str, set[str]] = {}  # with the counters seen
        self.seen: list[dict[str, str]] = []
        self.info = ""
        self.stale = ""
        self.keys: dict[str, str] = {}
        self.new_nonce()

    def new_nonce(self) -> str:
        self.nonce = f"nonce{len(self.nonces)}"
        self.nonces[self.nonce] = set()
        return self.nonce

    def __call__(self, request: Request) -> Response:
        value = request.headers.get("authorization")
        fields: dict[str, str] = parse_keqv_list(parse_http_list(value.partition(" ")[2])) if value else {}
        self.seen.append(fields)
        if fields and self.verify(request, fields):
            return Response(200, {"Authentication-Info": self.info} if self.info else {})
        if self.fresh:
            self.new_nonce()
        challenge = f'Digest realm="{self.realm}", nonce="{self.nonce}"'
        challenge += f", algorithm={self.algorithm}" if self.algorithm else ""
        challenge += f', qop="{self.qop}"' if self.qop is not None else ""
        return Response(401, [("WWW-Authenticate", 'Basic realm="other"'), ("WWW-Authenticate", challenge + self.stale + self.extra)])

    def verify(self, request: Request, fields: dict[str, str]) -> bool:
        name = (self.algorithm or "MD5").upper()
        maker = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}[name.removesuffix("-SESS")]

        def h(*parts: str) -> str:
            return hashlib.new(maker, ":".join(parts).encode(), usedforsecurity=False).hexdigest()

        if fields["uri"] != request.target or fields["nonce"] != self.nonce or fields["realm"] != self.realm:
            return False
        a1 = h(fields["username"], self.realm, self.password)
        if name.endswith("-SESS"):
            # Made once, with the nonces of the first request (RFC 7616 §3.4.2).
            a1 = self.keys.setdefault(fields["cnonce"], h(a1, fields["nonce"], fields["cnonce"]))
        a2 = [request.method, request.target]
        if fields.get("qop") == "auth-int":
            a2.append(h((request.content or b"").decode()))
        if self.qop is None:
            return fields["response"] == h(a1, fields["nonce"], h(*a2))
        if fields["nc"] in self.nonces[self.nonce]:
            return False
        self.nonces[self.nonce].add(fields["nc"])
        return fields["response"] == h(a1, fields["nonce"], fields["nc"], fields["cnonce"], fields["qop"], h(*a2))


def user(password: str = "p\u00e4ss", **keywords: Any) -> DigestAuth:
    return DigestAuth("\u00fcser", password, **keywords)


ALGORITHMS = [None, "MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess", "sha-256"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("qop", ["auth", "auth-int", "auth-int,auth", None])
def test_digest(algorithm: str | None, qop: str | None) -> None:
    """The challenge is answered, and the nonce used again with the next count; every algorithm and protection."""
    if qop is None and algorithm is not None and algorithm.endswith("-sess"):
        qop = "auth"  # without qop these are not defined
    server, auth = DigestServer(algorithm=algorithm, qop=qop), user()
    for number in range(3):
        request = get(f"http://a.test/{number}?q", "POST", content=b"body")
        assert statuses(drive(auth, server, request)) == ([401, 200] if number == 0 else [200])
        assert "authorization" not in request.headers
    assert [fields.get("nc") for fields in server.seen] == [None, *([f"0000000{count}" for count in (1, 2, 3)] if qop else [None] * 3)]
    if qop and "auth" in qop:
        assert {fields["qop"] for fields in server.seen[1:]} == {"auth-int" if qop == "auth-int" else "auth"}


def test_auth_int_asks_for_the_body() -> None:
    """From the first challenge that offers nothing else."""
    auth = user()
    assert auth.requires_request_body is False
    drive(auth, DigestServer(qop="auth-int,auth"), get())
    assert auth.requires_request_body is False
    drive(auth, DigestServer(qop="auth-int"), get("http://b.test/"))
    assert auth.requires_request_body is True
    assert auth.requires_response_body is False


@pytest.mark.parametrize("fresh", [False, True])
def test_a_wrong_password_ends_with_the_401(fresh: bool) -> None:
    """After two requests, also when each 401 has a nonce of its own, and each time again."""
    server, auth = DigestServer(algorithm="SHA-256", fresh=fresh), user("wrong")
    for count in (2, 4):
        assert statuses(drive(auth, server, get())) == [401, 401]
        assert len(server.seen) == count
    assert server.seen[2] == {}  # what was refused is not volunteered


def test_a_stale_nonce_is_answered_once_more() -> None:
    """`stale=true` says that the password was right: after the answer, or instead of what was sent unasked; not twice."""
    server, auth = DigestServer(fresh=True), user()
    answers = [", stale=true", ", stale=true", ""]

    def expiring(request: Request) -> Response:
        server.stale = answers[len(server.seen)] if len(server.seen) < 3 else ""
        if len(server.seen) == 1:
            server.new_nonce()
        return server(request)

    assert statuses(drive(auth, expiring, get())) == [401, 401, 200]
    server.new_nonce()
    server.stale = ", stale=true"
    assert statuses(drive(auth, server, get())) == [401, 200]

    def always_stale(request: Request) -> Response:
        server.new_nonce()
        return server(request)

    assert statuses(drive(auth, always_stale, get())) == [401, 401, 401]


def test_refusal_of_what_was_sent_unasked_is_answered() -> None:
    """A server whose nonces are good for once needs two requests each time, and gets the right answer."""
    server, auth = DigestServer(), user()
    for _ in range(3):
        server.new_nonce()
        assert statuses(drive(auth, server, get())) == [401, 200]


def test_a_nonce_that_comes_again_goes_on_counting() -> None:
    """A challenge with a nonce that has been used does not bring its counter back to one."""
    server, auth = DigestServer(extra=', domain="/nowhere"'), user()
    for path in "abc":
        assert statuses(drive(auth, server, get(f"http://a.test/{path}"))) == [401, 200]
    assert [fields["nc"] for fields in server.seen if fields] == ["00000001", "00000002", "00000003"]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256-sess"])
def test_the_next_nonce(algorithm: str) -> None:
    """`Authentication-Info: nextnonce` is used from then on, counted from one; naming the same again changes nothing."""
    server, auth = DigestServer(algorithm=algorithm), user()
    server.info = 'nextnonce="nonce0", qop=auth'
    drive(auth, server, get())
    assert statuses(drive(auth, server, get())) == [200]
    server.info = 'rspauth="x", nextnonce="nonce1"'
    assert statuses(drive(auth, server, get())) == [200]
    server.new_nonce()
    server.info = "qop=auth"
    assert statuses(drive(auth, server, get())) == [200]
    assert [(fields["nonce"], fields["nc"]) for fields in server.seen[1:]] == [
        *[("nonce0", f"0000000{count}") for count in (1, 2, 3)],
        ("nonce1", "00000001"),
    ]


def test_nothing_but_a_401_is_answered() -> None:
    """A challenge with another status, a 401 without one for us, and a next nonce before any challenge change nothing."""
    challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="n"'}
    for response in (
        Response(407, {"Proxy-Authenticate": 'Digest realm="r", nonce="n"'}),
        Response(200, challenge),
        Response(403, challenge),
    ):
        auth = user()
        assert drive(auth, answering(response), get()) == [response]
        assert sent_with(auth) is None
    for headers in ({}, {"WWW-Authenticate": 'Basic realm="r"'}, {"Authentication-Info": 'nextnonce="n"'}):
        assert len(drive(user(), answering(Response(401, headers)), get())) == 1
    assert len(drive(user(), answering(Response(200, {"Authentication-Info": 'nextnonce="n"'})), get())) == 1


def test_an_algorithm_that_is_not_supported(caplog: pytest.LogCaptureFixture) -> None:
    """The 401 is returned, and one line of the log says why; without Digest there is nothing to say."""
    line = 'Digest realm="r", nonce="n", algorithm=SHA-3, Digest realm="r", nonce="n", qop=other'
    with caplog.at_level(logging.WARNING, "fasthttp.client"):
        assert len(drive(user("hunter2"), answering(Response(401, {"WWW-Authenticate": line})), get(URL + "&token=hunter2"))) == 1
        drive(user(), answering(Response(401, {"WWW-Authenticate": "Basic"})), get())
    (record,) = caplog.records
    assert record.name == "fasthttp.client"
    text = record.getMessage()
    assert "http://a.test/x" in text
    assert "algorithm 'SHA-3' with qop None, algorithm None with qop 'other'" in text
    assert "hunter2" not in text


def test_the_algorithm_where_the_server_names_none() -> None:
    """The constructor's is used then and only then; it is checked there."""

    class Unnamed(DigestServer):
        def __call__(self, request: Request) -> Response:
            response = super().__call__(request)
            if "www-authenticate" in response.headers:
                response.headers["WWW-Authenticate"] = response.headers.get_list("www-authenticate")[1].replace(", algorithm=SHA-256", "")
            return response

    server = Unnamed(algorithm="SHA-256")
    assert statuses(drive(user(algorithm="sha-256"), server, get())) == [401, 200]
    assert server.seen[-1]["algorithm"] == "sha-256"
    assert statuses(drive(user(algorithm="SHA-256"), DigestServer(algorithm="MD5"), get())) == [401, 200]
    for name in ("SHA-1", "", "md5-session"):
        with pytest.raises(ValueError, match=f"DigestAuth: algorithm '{name}' is not supported"):
            DigestAuth("u", "p", algorithm=name)


def test_protection_spaces() -> None:
    """Credentials go unasked to the same origin, to what `domain` lists of it, and to the URL that was challenged."""

    def unasked(domain: str, *urls: str) -> list[bool]:
        auth = user()
        drive(auth, DigestServer(extra=f', domain="{domain}"' if domain else ""), get("http://a.test/p/x"))
        return [sent_with(auth, get(url)) is not None for url in urls]

    same, path, other = "http://a.test/", "http://a.test/p/y?q", "http://b.test/p/"
    assert unasked("", same, path, "HTTP://A.test:80/z", other, "https://a.test/", "http://a.test:81/") == [True] * 3 + [False] * 3
    assert unasked("/p/", same, path, other) == [False, True, False]
    assert unasked("y http://b.test/ http://a.test/q", path, "http://a.test/q", same, other) == [True, True, False, False]
    assert unasked("/nowhere", "http://a.test/p/x", path) == [True, False]
    assert unasked("http://[ ftp://a.test/ http://b.test", "http://a.test/p/x", path, other) == [True, False, False]
    assert unasked(" ".join(f"/{number}/" for number in range(1000)), "http://a.test/1/", "http://a.test/999/") == [True, False]


def test_several_spaces_of_one_server() -> None:
    """Realms of one origin are kept apart by their domains, and each keeps its nonce."""
    servers = {path: DigestServer(realm=path, extra=f', domain="/{path}/"') for path in "ab"}
    auth = user()

    def server(request: Request) -> Response:
        return servers[request.target[1]](request)

    found = [statuses(drive(auth, server, get(f"http://a.test/{path}/{number}"))) for number in range(3) for path in "ab"]
    assert found == [[401, 200]] * 2 + [[200]] * 4


def test_realms_that_cross_each_other() -> None:
    """Two calls at once to two realms of an origin, without domains: each is answered with its own realm."""
    auth = user()
    servers = [DigestServer(realm="a"), DigestServer(realm="b")]
    calls = [get("http://a.test/a"), get("http://a.test/b")]
    answers = [auth.on_response(call, server(call)) for call, server in zip(calls, servers, strict=True)]
    for answer, server in zip(answers, servers, strict=True):
        answer.auth_round = 1
        auth.on_request(answer)
        assert server(answer).status_code == 200


def test_a_refusal_does_not_take_the_answer_from_another_call() -> None:
    """One call is refused for good while another, which was challenged before, still has to send its answer."""
    auth, server = user(), DigestServer()
    first = get()
    answer = auth.on_response(first, server(first))
    refused = get()
    refused.auth_round = 1
    assert auth.on_response(refused, server(refused)) is None
    assert sent_with(auth) is None
    answer.auth_round = 1
    auth.on_request(answer)
    assert server(answer).status_code == 200
    stranger = get("http://b.test/")
    stranger.auth_round = 1
    assert auth.on_response(stranger, server(stranger)) is None


def test_what_is_remembered_is_bounded() -> None:
    """The oldest of many protection spaces goes."""
    auth = user()
    for number in range(100):
        drive(auth, DigestServer(), get(f"http://h{number}.test/"))
    assert len(auth._sessions) == 64
    assert sent_with(auth, get("http://h0.test/")) is None
    assert sent_with(auth, get("http://h99.test/")) is not None


def test_threads_never_share_a_count() -> None:
    """Each of many threads gets a number of its own, and none is left out."""
    auth, server = user(), DigestServer()
    drive(auth, server, get())
    counts: list[str] = []

    def work() -> None:
        for _ in range(50):
            value = sent_with(auth)
            assert value is not None
            counts.append(parse_challenges([value])[0].parameters["nc"])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [f"{number:08x}" for number in range(2, 202)]


PEER_CHALLENGE = 'Digest realm="a realm", nonce="dcd98b7102dd", opaque="5ccc", qop="auth"{}'


def compare(theirs: str, challenge_line: str, target: str) -> None:
    """Our header for the same challenge and the nonce that they chose, but for quotes and order."""
    (credentials,) = parse_challenges([theirs])
    challenge = read_digest(parse_challenges([challenge_line]))
    assert challenge is not None
    cnonce = credentials.parameters.get("cnonce", "")
    key = digest_key(challenge, "Mufasa", "Circle of Life", cnonce)
    ours = digest_credentials(challenge, key, username="Mufasa", method="GET", target=target, count=1, cnonce=cnonce)
    assert parse_challenges([ours])[0].parameters == credentials.parameters


@pytest.mark.parametrize("algorithm", [None, "MD5", "MD5-SESS", "SHA-256"])
@pytest.mark.parametrize("qop", [True, False])
def test_digests_are_those_of_requests(algorithm: str | None, qop: bool) -> None:
    """Field by field, for what it supports."""
    line = PEER_CHALLENGE.format(f", algorithm={algorithm}" if algorithm else "")
    if not qop:
        line = line.replace(', qop="auth"', "")
        if algorithm == "MD5-SESS":
            return
    peer: Any = HTTPDigestAuth("Mufasa", "Circle of Life")
    peer.init_per_thread_state()
    peer._thread_local.chal = parse_challenges([line])[0].parameters
    theirs = peer.build_digest_header("GET", "http://a.test/dir/index.html?q=1")
    assert theirs is not None
    compare(theirs, line, "/dir/index.html?q=1")


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-SESS", "SHA-256", "SHA-256-SESS"])
def test_digests_are_those_of_httpx(algorithm: str) -> None:
    """Field by field, the -sess forms included."""
    line = PEER_CHALLENGE.format(f", algorithm={algorithm}")
    request = httpx.Request("GET", "http://a.test/dir/index.html?q=1")
    flow: Generator[httpx.Request, httpx.Response, None] = httpx.DigestAuth("Mufasa", "Circle of Life").auth_flow(request)
    next(flow)
    answer = flow.send(httpx.Response(401, headers={"WWW-Authenticate": line}, request=request))
    compare(answer.headers["Authorization"], line, "/dir/index.html?q=1")
