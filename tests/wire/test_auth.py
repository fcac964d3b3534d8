"""Challenges, Basic and Digest as header fields carry them."""

from __future__ import annotations

import base64
import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpwire import auth
from httpwire.auth import (
    Challenge,
    DigestChallenge,
    decode_basic,
    digest_credentials,
    digest_key,
    encode_basic,
    is_digest_algorithm,
    parse_challenges,
    parse_parameters,
    read_digest,
)


def basic(**parameters: str) -> Challenge:
    return Challenge("basic", "", parameters)


CHALLENGES: list[tuple[list[str], list[Challenge]]] = [
    ([], []),
    ([""], []),
    ([" ,\t, "], []),
    (["Basic"], [basic()]),
    (['Basic realm="simple"'], [basic(realm="simple")]),
    (["BASIC Realm=simple"], [basic(realm="simple")]),
    # RFC 9110 §11.6.1: two challenges in one line, told apart only by what follows the comma.
    (
        ['Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""'],
        [basic(realm="simple"), Challenge("newauth", "", {"realm": "apps", "type": "1", "title": 'Login to "apps"'})],
    ),
    (['Basic realm="a"', 'Bearer realm="b"'], [basic(realm="a"), Challenge("bearer", "", {"realm": "b"})]),
    # A list may be cut into lines anywhere (RFC 9110 §5.3).
    (['Digest realm="r", qop="auth"', 'nonce="n"'], [Challenge("digest", "", {"realm": "r", "qop": "auth", "nonce": "n"})]),
    # Schemes without parameters, token68, and its padding.
    (["Negotiate, NTLM"], [Challenge("negotiate", "", {}), Challenge("ntlm", "", {})]),
    (["Negotiate abc/+-._~09=="], [Challenge("negotiate", "abc/+-._~09==", {})]),
    (["Negotiate abc= , Basic realm=x"], [Challenge("negotiate", "abc=", {}), basic(realm="x")]),
    (["Negotiate abc \t"], [Challenge("negotiate", "abc", {})]),
    # Commas inside quotes, escapes, an empty string, white space round the equals sign.
    (['Basic realm="a, Digest b=c"'], [basic(realm="a, Digest b=c")]),
    (['Basic realm="a\\\\", x="\\b"'], [basic(realm="a\\", x="b")]),
    (['Basic realm="", x=1'], [basic(realm="", x="1")]),
    (['Basic realm = "a" , x\t=\t1'], [basic(realm="a", x="1")]),
    # Commas that servers add or forget.
    ([',, Basic , realm="a",, x=1,'], [basic(realm="a", x="1")]),
    (['Basic realm="a" x="1"'], [basic(realm="a", x="1")]),
    (['Basic,realm="a",Bearer'], [basic(realm="a"), Challenge("bearer", "", {})]),
    # What comes twice counts the first time.
    (["Basic realm=a, REALM=b"], [basic(realm="a")]),
    # Values that lack quotes.
    (["Basic realm=http://h/p?q, x=1"], [basic(realm="http://h/p?q", x="1")]),
    (["Basic realm=Two words, x=1"], [basic(realm="Two", x="1")]),
    (["Basic x=1, realm="], [basic(x="1", realm="")]),
    (["Basic x=1, realm=, y=2"], [basic(x="1", realm="", y="2")]),
    (['Basic realm=a"b, Digest c', "Bearer"], [basic(realm="a"), Challenge("bearer", "", {})]),
    # Quotes that do not end, or end too early.
    (['Basic realm="a, Digest b=c', "Bearer"], [basic(realm="a, Digest b=c"), Challenge("bearer", "", {})]),
    (['Basic realm="a\\'], [basic(realm="a")]),
    (['Basic realm="a"b, x=1'], [basic(realm="a", x="1")]),
    # Nothing that could be a challenge.
    (['realm="a"'], []),
    (["@, /x, Basic"], [basic()]),
    (['"Digest a=b", Basic'], [basic()]),
    (["Basic/x realm=a"], []),
    (["Bas\u00efc realm=a, Bearer"], [Challenge("bearer", "", {})]),
]


@pytest.mark.parametrize(("lines", "expected"), CHALLENGES)
def test_challenges(lines: list[str], expected: list[Challenge]) -> None:
    """Several in a line and over lines, token68, quotes and escapes, and what servers make of commas."""
    assert parse_challenges(lines) == expected


@pytest.mark.parametrize("line", [lines[0] for lines, _ in CHALLENGES if lines])
def test_a_line_cut_anywhere_is_still_read(line: str) -> None:
    """Nothing raises, and a cut changes no challenge but the last."""
    whole = parse_challenges([line])
    for end in range(len(line)):
        found = parse_challenges([line[:end]])
        certain = max(len(found) - 1, 0)
        assert [challenge.scheme for challenge in found[:certain]] == [challenge.scheme for challenge in whole[:certain]]


_PIECES = ["Digest", "Basic ", "realm", "=", '"', ",", "\\", " ", "\t", "abc==", "nonce=", '"a"', ", ", "é", "/", "x=1"]


@given(st.lists(st.lists(st.sampled_from(_PIECES) | st.characters(), max_size=20).map("".join), max_size=3))
def test_any_text_is_read(lines: list[str]) -> None:
    """No text raises, and names are tokens in lower case."""
    for challenge in parse_challenges(lines):
        assert auth._SCHEME.fullmatch(challenge.scheme)
        assert not (challenge.token and not challenge.token.isascii())
        for name in challenge.parameters:
            assert name
            assert name == name.lower()
            assert not set(name) & set('," \t="')
    assert all(parse_parameters(lines))


_tokens = st.text("abcXYZ0189-._~", min_size=1, max_size=8)
_values = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(st.tuples(_tokens, st.dictionaries(_tokens.map(str.lower), _values, max_size=4)), max_size=4))
def test_challenges_that_are_written_are_read_again(challenges: list[tuple[str, dict[str, str]]]) -> None:
    """Whatever the values hold, quoted as the grammar says, in one line and in a line each."""
    lines = [f"{scheme} " + ", ".join(f"{name}={auth._quote(value)}" for name, value in values.items()) for scheme, values in challenges]
    expected = [Challenge(scheme.lower(), "", values) for scheme, values in challenges]
    assert parse_challenges(lines) == expected
    assert parse_challenges([", ".join(lines)]) == expected


@pytest.mark.parametrize(
    "piece", [",", " ", '"', "\\", "a", "a=", "a,", "a ", "a=b ", 'a="', '"\\', "a b", "==", "a b=,", '"a"', 'x"', "= ", "a= "]
)
@pytest.mark.parametrize("before", ["", "Digest ", 'Digest a="'])
def test_long_lines_take_linear_time(before: str, piece: str) -> None:
    """Ten times the text takes about ten times as long, not a hundred."""

    def seconds(count: int) -> float:
        line = before + piece * count
        start = time.perf_counter()
        parse_challenges([line])
        return time.perf_counter() - start

    seconds(100)
    short = min(seconds(2_000) for _ in range(3))
    assert min(seconds(20_000) for _ in range(3)) < 50 * short + 0.005


def test_parameters_without_a_scheme() -> None:
    """`Authentication-Info` is a list of parameters; words in it are no parameters."""
    assert parse_parameters(['nextnonce="a,b", qop=auth', "nc=00000001,"]) == {"nextnonce": "a,b", "qop": "auth", "nc": "00000001"}
    assert parse_parameters([]) == {}
    assert parse_parameters(["word, a=b"]) == {}


def test_basic() -> None:
    """The example of RFC 7617 §2, the one of §2.1 in UTF-8, and empty parts."""
    assert encode_basic("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert encode_basic("test", "123\u00a3") == "Basic dGVzdDoxMjPCow=="
    assert decode_basic("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == ("Aladdin", "open sesame")
    assert decode_basic("bAsIc   dGVzdDoxMjPCow== ") == ("test", "123\u00a3")
    assert decode_basic(encode_basic("", "")) == ("", "")


def test_a_colon_ends_the_user_name() -> None:
    """So it must not hold one; the password may."""
    with pytest.raises(ValueError, match="must not hold a colon, found at offset 1") as caught:
        encode_basic("a:b", "secret")
    assert "secret" not in str(caught.value)
    assert decode_basic(encode_basic("a", "b:c")) == ("a", "b:c")


@given(st.text().filter(lambda text: ":" not in text), st.text())
def test_basic_round_trip(username: str, password: str) -> None:
    """What the client encodes the server decodes."""
    assert decode_basic(encode_basic(username, password)) == (username, password)


@pytest.mark.parametrize(
    "value",
    [
        *("", "Basic", "Basic ", "Bearer dTpw", "dTpw"),
        *("Basic dTpw!", "Basic dTp", "Basic dT pw", "Basic d\u00dcpw", "Basic \u00b2\u00b2\u00b2\u00b2"),
        *("Basic " + base64.b64encode(raw).decode() for raw in (b"nocolon", b"u:\xff", b"\xc3:p")),
    ],
)  # fmt: skip
def test_credentials_that_are_not_basic(value: str) -> None:
    """Refused without being shown."""
    with pytest.raises(ValueError, match="Basic") as caught:
        decode_basic(value)
    assert value not in str(caught.value) or value in ("", "Basic", "Basic ")


def digest(line: str, default: str = "MD5") -> DigestChallenge:
    found = read_digest(parse_challenges([line]), default)
    assert found is not None
    return found


def answer(
    challenge: DigestChallenge,
    username: str,
    password: str,
    cnonce: str,
    *,
    method: str = "GET",
    target: str = "/",
    count: int = 1,
    body: bytes = b"",
) -> dict[str, str]:
    key = digest_key(challenge, username, password, cnonce)
    value = digest_credentials(challenge, key, username=username, method=method, target=target, count=count, cnonce=cnonce, body=body)
    (credentials,) = parse_challenges([value])
    assert value.startswith("Digest ")
    return credentials.parameters


RFC_3_9_1 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RFC_3_9_2 = (
    'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", '
    'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [("MD5", "8ca523f5e9506fed4657c9700eebdbec"), ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")],
)
def test_the_first_example_of_the_standard(algorithm: str, response: str) -> None:
    """RFC 7616 §3.9.1, both algorithms, every field of the credentials."""
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    assert answer(digest(RFC_3_9_1.format(algorithm)), "Mufasa", "Circle of Life", cnonce, target="/dir/index.html") == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": cnonce,
        "qop": "auth",
        "response": response,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }


def test_the_second_example_of_the_standard() -> None:
    """RFC 7616 §3.9.2 as erratum 4897 corrects it: the printed numbers are those of SHA-512 cut short."""
    cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    fields = answer(digest(RFC_3_9_2), "J\u00e4s\u00f8n Doe", "Secret, or not?", cnonce, target="/doe.json")
    assert fields["username"] == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    assert fields["response"] == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    assert fields["userhash"] == "true"


def test_an_extended_user_name() -> None:
    """Servers that know UTF-8 get it as `username*`; others as plain UTF-8, as they always have."""
    line = 'Digest realm="r", nonce="n", qop=auth'
    fields = answer(digest(line + ", charset=utf-8"), "J\u00e4s\u00f8n Doe", "p", "c")
    assert fields["username*"] == "UTF-8''J%C3%A4s%C3%B8n%20Doe"
    assert "username" not in fields
    assert answer(digest(line), "J\u00e4s\u00f8n", "p", "c")["username"] == "J\u00e4s\u00f8n"
    assert answer(digest(line + ", charset=UTF-8"), "plain", "p", "c")["username"] == "plain"


def md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()


def test_the_form_without_qop() -> None:
    """RFC 2069: no counter and no nonce of the client's, also where `qop` is empty."""
    for line in ('Digest realm="r", nonce="n"', 'Digest realm="r", nonce="n", qop=""'):
        fields = answer(digest(line), "u", "p", "c", target="/t?q")
        response = md5(md5("u", "r", "p"), "n", md5("GET", "/t?q"))
        assert fields == {"username": "u", "realm": "r", "nonce": "n", "uri": "/t?q", "response": response}


@pytest.mark.parametrize("qop", ["auth", "auth-int", ""])
def test_sessions(qop: str) -> None:
    """The key of a -sess form holds both nonces, stays when the server goes on to another, and sends its cnonce always."""
    challenge = digest(f'Digest realm="r", nonce="n", algorithm=md5-SESS, qop="{qop}"')
    key = md5(md5("u", "r", "p"), "n", "c")
    assert digest_key(challenge, "u", "p", "c") == key
    later = challenge._replace(nonce="n2")
    value = digest_credentials(later, key, username="u", method="PUT", target="/", count=255, cnonce="c", body=b"body")
    request = md5("PUT", "/", md5("body")) if qop == "auth-int" else md5("PUT", "/")
    middle = ("n2", "000000ff", "c", qop) if qop else ("n2",)
    fields = parse_challenges([value])[0].parameters
    assert fields["response"] == md5(key, *middle, request)
    assert (fields["nonce"], fields["cnonce"], fields["algorithm"]) == ("n2", "c", "md5-SESS")


def test_values_are_quoted_and_hashed_as_they_mean() -> None:
    """Quotes and back slashes are escaped on the wire and not in the hash."""
    challenge = digest('Digest realm="a \\"b\\" \\\\", nonce="\\n,", opaque="\\""')
    fields = answer(challenge, 'u"\\', "p", "c", target="/a,b")
    assert (fields["username"], fields["realm"], fields["nonce"], fields["opaque"]) == ('u"\\', 'a "b" \\', "n,", '"')
    assert fields["response"] == md5(md5('u"\\', 'a "b" \\', "p"), "n,", md5("GET", "/a,b"))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["MD5", "SHA-256", "SHA-512-256", "MD5-sess"], "SHA-512-256"),
        (["MD5", "sha-256-SESS", "SHA-256"], "sha-256-SESS"),
        (["MD5", "SHA-1"], "MD5"),
        (["", "SHA-256"], "SHA-256"),
    ],
)
def test_the_strongest_challenge(lines: list[str], expected: str) -> None:
    """The first of equals, and never one that cannot be computed."""
    values = ['Basic realm="b"', *(f'Digest realm="r", nonce="n", algorithm={algorithm}' for algorithm in lines)]
    found = read_digest(parse_challenges(values))
    assert found is not None
    assert found.algorithm == expected
    assert read_digest(parse_challenges([", ".join(values)])) == found


@pytest.mark.parametrize(
    "line",
    [
        *('Digest nonce="n"', 'Digest realm="r"', "Digest", "Digest abc=", 'Basic realm="r", nonce="n"'),
        *('Digest realm="r", nonce="n", qop=other', 'Digest realm="r", nonce="n", algorithm=SHA-1'),
        'Digest realm="r", nonce="n", algorithm=-sess',
    ],
)  # fmt: skip
def test_challenges_that_cannot_be_answered(line: str) -> None:
    """No realm, no nonce, no scheme, no algorithm or no protection that we know."""
    assert read_digest(parse_challenges([line])) is None


def test_the_servers_algorithm_wins() -> None:
    """Ours counts where the server names none, and is then told, unless it is the one that is meant anyway."""
    line = 'Digest realm="r", nonce="n"'
    assert (digest(line).hash, digest(line).algorithm) == ("MD5", "")
    assert (digest(line, "md5").hash, digest(line, "md5").algorithm) == ("MD5", "")
    unnamed = digest(line, "SHA-256-sess")
    assert (unnamed.hash, unnamed.is_session, unnamed.algorithm) == ("SHA-256", True, "SHA-256-sess")
    assert digest(line + ", algorithm=MD5", "SHA-256").hash == "MD5"
    assert digest(line + ', algorithm="MD5"', "SHA-256").algorithm == "MD5"


def test_parts_of_a_challenge() -> None:
    """Flags without regard to case; `auth` before `auth-int`; the list of a protection space."""
    found = digest('Digest realm=r, nonce=n, qop=" AUTH-INT , auth", stale=TRUE, charset=Utf-8, userhash=True, domain=" /a  http://h/b "')
    assert (found.qop, found.stale, found.utf8, found.userhash, found.domain) == ("auth", True, True, True, ("/a", "http://h/b"))
    found = digest("Digest realm=r, nonce=n, qop=auth-int, stale=yes, charset=latin1, userhash=1")
    assert (found.qop, found.stale, found.utf8, found.userhash, found.domain) == ("auth-int", False, False, False, ())


def test_algorithms_that_python_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not supported, and a challenge that can be answered is taken in their place."""
    assert all(is_digest_algorithm(name) for name in ("MD5", "md5-sess", "SHA-256", "SHA-512-256", "sha-512-256-SESS"))
    assert not any(is_digest_algorithm(name) for name in ("", "SHA-512", "MD5-sess-sess", "SHA256"))
    monkeypatch.delitem(auth._HASHES, "SHA-512-256")
    assert not is_digest_algorithm("SHA-512-256")
    found = read_digest(parse_challenges([RFC_3_9_1.format("MD5"), RFC_3_9_2]))
    assert found is not None
    assert found.hash == "MD5"
