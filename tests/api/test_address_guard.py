"""The address guard: every edge of every network, every spelling, and what lists may change about it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasthttp._pure.faults import annotate
from fasthttp.errors import SSRFBlockedError
from fasthttp.models import Request
from fasthttp.security import SecurityPolicy
from fasthttp.security.guard import AddressGuard
from fasthttp.security.hostlist import HostList, read_host
from httpwire.url import URL, parse_url

# First and last address of each network, and the addresses just outside, None where another one adjoins.
EDGES_4 = """
    0.0.0.0/8        -               0.0.0.0         0.255.255.255   1.0.0.0
    10.0.0.0/8       9.255.255.255   10.0.0.0        10.255.255.255  11.0.0.0
    100.64.0.0/10    100.63.255.255  100.64.0.0      100.127.255.255 100.128.0.0
    127.0.0.0/8      126.255.255.255 127.0.0.0       127.255.255.255 128.0.0.0
    169.254.0.0/16   169.253.255.255 169.254.0.0     169.254.255.255 169.255.0.0
    172.16.0.0/12    172.15.255.255  172.16.0.0      172.31.255.255  172.32.0.0
    192.0.0.0/24     191.255.255.255 192.0.0.0       192.0.0.255     192.0.1.0
    192.0.2.0/24     192.0.1.255     192.0.2.0       192.0.2.255     192.0.3.0
    192.88.99.0/24   192.88.98.255   192.88.99.0     192.88.99.255   192.88.100.0
    192.168.0.0/16   192.167.255.255 192.168.0.0     192.168.255.255 192.169.0.0
    198.18.0.0/15    198.17.255.255  198.18.0.0      198.19.255.255  198.20.0.0
    198.51.100.0/24  198.51.99.255   198.51.100.0    198.51.100.255  198.51.101.0
    203.0.113.0/24   203.0.112.255   203.0.113.0     203.0.113.255   203.0.114.0
    224.0.0.0/4      223.255.255.255 224.0.0.0       239.255.255.255 -
    240.0.0.0/4      -               240.0.0.0       255.255.255.255 -
"""
F = "ffff"
EDGES_6 = f"""
    fc00::/7         fbff:{F}:{F}:{F}:{F}:{F}:{F}:{F} fc00:: fdff:{F}:{F}:{F}:{F}:{F}:{F}:{F} fe00::
    fe80::/10        fe7f:{F}:{F}:{F}:{F}:{F}:{F}:{F} fe80:: febf:{F}:{F}:{F}:{F}:{F}:{F}:{F} -
    fec0::/10        -                                fec0:: feff:{F}:{F}:{F}:{F}:{F}:{F}:{F} -
    ff00::/8         -                                ff00:: {F}:{F}:{F}:{F}:{F}:{F}:{F}:{F}  -
    100::/64         ff:{F}:{F}:{F}:{F}:{F}:{F}:{F}   100::  100::{F}:{F}:{F}:{F}             100:0:0:1::
    2001:db8::/32    2001:db7:{F}:{F}:{F}:{F}:{F}:{F} 2001:db8:: 2001:db8:{F}:{F}:{F}:{F}:{F}:{F} 2001:db9::
    64:ff9b:1::/48   64:ff9b:0:{F}:{F}:{F}:{F}:{F}    64:ff9b:1:: 64:ff9b:1:{F}:{F}:{F}:{F}:{F}  64:ff9b:2::
"""
EDGES = [line.split() for line in (EDGES_4 + EDGES_6).splitlines() if line.strip()]
NETWORKS_4 = [ip_network(row[0]) for row in EDGES if "." in row[0]]
HINT = "allow it with SecurityPolicy(allow_hosts=[...]) or FASTHTTP_ALLOW_HOSTS"


def guard(extra: str = "", **values: Any) -> AddressGuard:
    return AddressGuard(SecurityPolicy(**values), extra)


DEFAULT = guard()


def passes_url(text: str, judge: AddressGuard = DEFAULT) -> bool:
    try:
        judge.check_url(parse_url(text))
    except SSRFBlockedError:
        return False
    return True


def passes(ip: str, judge: AddressGuard = DEFAULT, host: str = "name.test", port: int = 80) -> bool:
    try:
        judge.check_address(host, ip, port)
    except SSRFBlockedError:
        return False
    return True


def bracketed(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


@pytest.mark.parametrize("row", EDGES, ids=[row[0] for row in EDGES])
def test_networks_end_where_they_end(row: list[str]) -> None:
    """First and last address are refused, resolved and literal alike; the neighbours outside are not."""
    network, before, first, last, after = row
    parsed = ip_network(network)
    assert (parsed[0], parsed[-1]) == (ip_address(first), ip_address(last))  # the table is right
    for ip in (first, last):
        assert not passes(ip)
        assert not passes_url(f"http://{bracketed(ip)}/")
    for ip, distance in ((before, -1), (after, 1)):
        if ip != "-":
            assert ip_address(ip) == (parsed[0] if distance < 0 else parsed[-1]) + distance
            assert passes(ip)
            assert passes_url(f"http://{bracketed(ip)}/")


@pytest.mark.parametrize("ip", ["::", "::1", "::2", "::0.0.0.0", "::ffff:0:0", "::ffff:127.0.0.1"])
def test_the_unspecified_address_and_loopback_are_refused(ip: str) -> None:
    """With all that is written like an IPv4 address of the first network."""
    assert not passes(ip)


@pytest.mark.parametrize("ip", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::8a", "::808:808"])
def test_public_addresses_pass(ip: str) -> None:
    """Also at odd ports."""
    assert passes(ip)
    assert passes_url(f"https://{bracketed(ip)}:8443/")


@pytest.mark.parametrize("ip", ["fe80::1%eth0", "::1%lo", "fd00::1%3"])
def test_a_scope_hides_nothing(ip: str) -> None:
    """Resolvers give link-local addresses with one."""
    assert not passes(ip)
    assert passes("2606:4700::1111%eth0")


@pytest.mark.parametrize("ip", ["", "name", "10.0.0", "010.8.8.8", "8.8.8.8 ", "1.2.3.4.5", "fe80::1%", "/tmp/socket", "0x7f.1"])
def test_what_is_no_address_is_refused(ip: str) -> None:
    """A resolver of the user's own may return anything."""
    assert not passes(ip)


WRAPPINGS: dict[str, Any] = {
    "mapped": lambda v: 0xFFFF << 32 | v,
    "compatible": lambda v: v,
    "nat64": lambda v: 0x64FF9B << 96 | v,
    "6to4": lambda v: 0x2002 << 112 | v << 80 | 0x1234_0000_0000_0000_0001,
    "teredo client": lambda v: 0x20010000 << 96 | 0x0808_0808 << 64 | 0x8000_F227 << 32 | (v ^ 0xFFFFFFFF),
    "teredo server": lambda v: 0x20010000 << 96 | v << 64 | 0x8000_F227 << 32 | (0x0808_0808 ^ 0xFFFFFFFF),
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@settings(deadline=None)
@given(data=st.data())
def test_a_forbidden_address_is_refused_however_it_is_wrapped(wrapping: str, data: st.DataObject) -> None:
    """Anywhere in any network, resolved and literal."""
    network = data.draw(st.sampled_from(NETWORKS_4))
    inner = data.draw(st.integers(int(network[0]), int(network[-1])))
    outer = str(IPv6Address(WRAPPINGS[wrapping](inner)))
    assert not passes(outer)
    assert not passes_url(f"http://[{outer}]/")


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@given(inner=st.integers(0, 2**32 - 1))
def test_a_wrapped_address_is_judged_as_the_one_inside(wrapping: str, inner: int) -> None:
    """Public ones pass, and a list that allows the inner address allows the wrapped one."""
    plain, outer = str(IPv4Address(inner)), str(IPv6Address(WRAPPINGS[wrapping](inner)))
    assert passes(outer) == passes(plain) == (not any(IPv4Address(inner) in network for network in NETWORKS_4))
    assert passes(outer, guard(allow_hosts=[plain]))
    assert not passes(outer, guard(deny_hosts=[plain]))


def test_known_wrapped_addresses() -> None:
    """Written out, independent of how the tests compute them."""
    for ip in ("::ffff:10.0.0.1", "::ffff:a00:1", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2002:7f00:1::1"):
        assert not passes(ip), ip
    assert not passes("2001:0:4136:e378:8000:63bf:f5ff:fffe")  # Teredo, client 10.0.0.1
    assert not passes("2001:0:4136:e378:8000:63bf:3fff:fdd2")  # the example of RFC 4380 §5.2.4, client 192.0.2.45
    assert passes("2001:0:4136:e378:8000:63bf:f7f7:f7f7")  # client 8.8.8.8
    assert passes("2002:808:808::1")
    assert passes("64:ff9b::8.8.8.8")


SPELLINGS = """
    2130706433 017700000001 0x7f000001 0177.0.0.1 0177.0.0.01 0x7f.1 0x7F.0x0.0x0.0x1 127.1 127.0.1 127.0.0.1. 0 0x0 00 0.0.0.0
    167772161 10.1 0xA.1 012.0.0.1 [::1] [0:0:0:0:0:0:0:1] [::0001] [::ffff:10.0.0.1] [::FFFF:0a00:0001] [::127.0.0.1] %31%32%37.1
    １２７.0.0.1 127。0。0。1 0xffffffff 4294967295 169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376
""".split()


@pytest.mark.parametrize("host", SPELLINGS)
def test_an_address_is_recognised_in_any_spelling(host: str) -> None:
    """Decimal, octal, hexadecimal, short, encoded, in other digits; before anything is looked up."""
    assert not passes_url(f"http://{host}/")
    assert not passes_url(f"http://user:password@{host}:8080/path")


def test_a_url_that_was_not_parsed_is_read_all_the_same() -> None:
    """A host that never went through the parser is normalised; one that cannot be is refused."""
    for host in ("2130706433", "0x7f.1", "LOCALHOST", "bad host", "[::1"):
        with pytest.raises(SSRFBlockedError):
            DEFAULT.check_url(URL("http", host))


LOCAL = ["localhost", *(f"a.b.{name}" for name in "localhost local localdomain intranet internal private home.arpa".split())]


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("write", [str, str.upper, lambda name: name + ".", lambda name: name.replace("l", "%6c").replace("h", "ｈ")])
def test_local_names_are_refused_by_their_ending(name: str, write: Any) -> None:
    """In any case, with a trailing dot, encoded, in full-width letters; without a lookup."""
    assert not passes_url(f"http://{write(name)}:8000/")


@pytest.mark.parametrize("name", ["localhost.example", "notlocalhost", "xlocal", "internal.example", "arpa", "home.arpa.example", "a.test"])
def test_names_that_only_look_local_pass(name: str) -> None:
    """It is the last labels that count, and whole ones."""
    assert passes_url(f"http://{name}/")
    assert passes("8.8.8.8", host=name)


def test_the_message_tells_what_was_refused_and_how_to_allow_it() -> None:
    """Secrets of the URL are hidden, those of `mask_names` as well."""
    with pytest.raises(SSRFBlockedError) as caught:
        guard(mask_names=["pin"]).check_url(parse_url("http://u:hidden@[::1]:81/x?token=hidden&pin=hidden&a=1#f"))
    url = "http://[::1]:81/x?token=*****&pin=*****&a=1#f"
    assert str(caught.value) == f"SSRF blocked: SSRF protection blocked request to: {url} (::1 is not a public address; {HINT})"
    assert (caught.value.address, caught.value.url, caught.value.attempts, caught.value.maybe_sent) == ("::1", url, 0, False)
    with pytest.raises(SSRFBlockedError, match=r"http://a\.local/ \(a\.local is a local name; allow it"):
        DEFAULT.check_url(parse_url("http://a.local/"))


@pytest.mark.parametrize(("host", "where"), [("name.test", "name.test:81"), ("2606:4700::1", "[2606:4700::1]:81")])
def test_a_refused_address_tells_the_url_once_it_is_known(host: str, where: str) -> None:
    """Where addresses are seen only the host is; the request is added on the way out."""
    with pytest.raises(SSRFBlockedError) as caught:
        DEFAULT.check_address(host, "10.0.0.1", 81)
    start = "SSRF blocked: SSRF protection blocked request to: "
    assert str(caught.value) == f"{start}{where} (10.0.0.1 is not a public address; {HINT})"
    annotate(caught.value, Request("GET", "http://u:p@name.test:81/x?token=t"))
    assert str(caught.value) == f"{start}http://name.test:81/x?token=***** (10.0.0.1 is not a public address; {HINT})"
    assert (caught.value.method, caught.value.address) == ("GET", "10.0.0.1")


def test_one_forbidden_address_among_public_ones_is_refused() -> None:
    """Each is judged for itself, and a name that passed once is judged again."""
    assert passes_url("http://name.test/")
    assert passes("8.8.8.8")
    assert not passes("127.0.0.1")
    assert passes("8.8.8.8")


def test_localhost_allows_loopback_by_name_and_address_and_nothing_else() -> None:
    """From the policy and from the environment alike."""
    for judge in (guard(allow_hosts=["localhost"]), guard("localhost"), guard(" a.test ,LOCALHOST.,, ")):
        for host in ("localhost", "LOCALHOST.", "api.localhost", "127.0.0.1", "127.255.0.1", "[::1]", "0x7f.1", "[::ffff:127.0.0.1]"):
            assert passes_url(f"http://{host}:8000/", judge), host
        for ip in ("127.0.0.1", "::1"):
            assert passes(ip, judge, "localhost")
            assert passes(ip, judge, "elsewhere.test")
        for host in ("10.0.0.1", "0.0.0.0", "[::]", "[fe80::1]", "a.local"):
            assert not passes_url(f"http://{host}:8000/", judge), host
        assert not passes("10.0.0.1", judge)


def test_a_hostname_allows_whatever_it_resolves_to() -> None:
    """That name only, in any case, with a trailing dot or in Unicode."""
    judge = guard(allow_hosts=["Db.Internal", "bücher.local."])
    for host in ("db.internal", "DB.INTERNAL.", "BÜCHER.local", "xn--bcher-kva.local"):
        assert passes_url(f"http://{host}/", judge), host
    assert passes("10.0.0.1", judge, "db.internal")
    assert passes("fe80::1%eth0", judge, "xn--bcher-kva.local")
    assert not passes("10.0.0.1", judge, "other.internal")
    for host in ("x.db.internal", "xdb.internal", "internal.local"):
        assert not passes_url(f"http://{host}/", judge)


def test_a_suffix_allows_all_names_below_it() -> None:
    """At any depth, not the name itself, and no name that merely ends alike."""
    judge = guard(allow_hosts=["*.Corp.Internal"])
    for host in ("a.corp.internal", "a.b.corp.internal."):
        assert passes_url(f"http://{host}/", judge)
        assert passes("10.0.0.1", judge, host)
    for host in ("corp.internal", "acorp.internal"):
        assert not passes_url(f"http://{host}/", judge)


@pytest.mark.parametrize("entry", ["10.1.0.0/16", "10.1.2.3", "0xa.66051", "[::ffff:10.1.2.3]", "::ffff:0:0/96", "[::ffff:0:0/96]:80"])
def test_an_address_entry_allows_every_name_that_resolves_into_it(entry: str) -> None:
    """Literal and resolved. An entry for wrapped addresses is about them alone."""
    judge = guard(allow_hosts=[entry])
    ip = "::ffff:10.1.2.3" if ":" in entry else "10.1.2.3"
    assert passes(ip, judge)
    assert passes_url(f"http://{bracketed(ip)}/", judge)
    assert not passes("10.2.0.0", judge)
    assert not passes("127.0.0.1", judge)


def test_a_local_name_is_not_allowed_by_an_address() -> None:
    """It is refused before it is looked up."""
    assert not passes_url("http://localhost/", guard(allow_hosts=["127.0.0.1", "::1", "10.0.0.0/8"]))


PORTED = [
    ("localhost:8000", "localhost", "127.0.0.1"),
    ("*.internal:8000", "a.internal", "10.0.0.1"),
    ("10.0.0.1:8000", "10.0.0.1", "10.0.0.1"),
    ("10.0.0.0/8:8000", "10.9.9.9", "10.9.9.9"),
    ("[fd00::1]:8000", "[fd00::1]", "fd00::1"),
    ("[fd00::/8]:8000", "[fd12::1]", "fd12::1"),
]


@pytest.mark.parametrize(("entry", "host", "ip"), PORTED)
def test_an_entry_with_a_port_is_for_that_port(entry: str, host: str, ip: str) -> None:
    """At every other one the guard stands."""
    judge = guard(allow_hosts=[entry])
    for port in (8000, 8001, 80):
        assert passes_url(f"http://{host}:{port}/", judge) is (port == 8000)
        assert passes(ip, judge, host.strip("[]"), port) is (port == 8000)


MALFORMED = """
    |* |*. |*.*.test |a*.test |*a.test |a.*.test |*.10.0.0.1 |*.[::1] |http://localhost |localhost/ |a.test/24 |10.0.0.0/33 |10.0.0.0/
    |10.0.0.1/8 |10.0.0.0/255.0.0.0 |10.0.0.0/0.255.255.255 |10/8 |256.0.0.1 |1.2.3.4.5 |::1::2 |fe80::1%eth0 |[fe80::1%1] |fd00::/129
    |[::1 |::1] |[] |[a.test] |[10.0.0.1] |[::1]: |[::1]80 |[fd00::]/8 |[fd00::]/8:80 |a.test: |a.test:0 |a.test:65536 |a.test:999999
    |a.test:http |a.test:80:80 |a.test:-1 |a.test:٣ |:80 |a..test |.a.test |. |a,b |a;b |user@a.test |a.test?x |a.test#x |a_b!c
""".replace("\n", " ").split("|")[1:]


@pytest.mark.parametrize("entry", ["", " ", "a b", " a.test", "a.test\n", "a" * 64, "a." * 127 + "aa", *map(str.strip, MALFORMED)])
def test_malformed_entries_are_shown(entry: str) -> None:
    """In each list, and in the variable of the environment, when the app is made."""
    for name in ("allow_hosts", "deny_hosts", "sign_hosts"):
        with pytest.raises(ValueError) as caught:
            SecurityPolicy(**{name: ["good.test", entry]})  # type: ignore[arg-type]
        assert f"{name}: {entry!r} is malformed" in str(caught.value)
    if entry and entry == entry.strip() and "," not in entry:
        with pytest.raises(ValueError) as caught:
            guard(f"good.test, {entry}")
        assert f"FASTHTTP_ALLOW_HOSTS: {entry!r} is malformed" in str(caught.value)


def test_denied_hosts_are_refused_whatever_allows_them() -> None:
    """By the policy or the environment, by name or address, literal or resolved."""
    judge = guard("*.good.test, 10.0.0.0/8", allow_hosts=["localhost", "evil.test"], deny_hosts=["evil.test", "10.0.0.1", "bad.good.test"])
    for host in ("evil.test", "EVIL.test.", "10.0.0.1", "[::ffff:10.0.0.1]", "bad.good.test"):
        assert not passes_url(f"http://{host}/", judge), host
    assert not passes("8.8.8.8", judge, "evil.test")
    assert not passes("10.0.0.1", judge, "fine.good.test")
    assert passes("10.0.0.2", judge, "fine.good.test")
    with pytest.raises(SSRFBlockedError, match=r"\(10\.0\.0\.1 is in deny_hosts, which wins over allow_hosts\)"):
        judge.check_url(parse_url("http://10.0.0.1/"))


def test_denied_hosts_may_be_public_and_have_ports() -> None:
    """A list of what is refused, for all that is public otherwise."""
    judge = guard(deny_hosts=["93.184.216.0/24:443", "*.ads.test"])
    assert not passes("93.184.216.34", judge, port=443)
    assert passes("93.184.216.34", judge, port=80)
    assert not passes_url("http://x.ads.test/", judge)


def test_without_the_guard_only_denied_hosts_are_refused() -> None:
    """No argument is ignored."""
    judge = guard(ssrf=False, deny_hosts=["10.0.0.1"])
    for host in ("localhost", "127.0.0.1", "[::1]", "a.internal", "10.0.0.2"):
        assert passes_url(f"http://{host}/", judge)
    assert passes("fe80::1%eth0", judge)
    assert not passes_url("http://10.0.0.1/", judge)
    assert not passes("::ffff:10.0.0.1", judge)


def test_a_proxy_may_be_anywhere() -> None:
    """At its own port; as the target of a request it is judged like any other."""
    judge = guard(deny_hosts=["10.0.0.1"])
    judge.exempt("proxy.corp", 3128)
    judge.exempt("::1", 3128)
    assert passes("10.0.0.1", judge, "proxy.corp", 3128)
    assert passes("::1", judge, "::1", 3128)
    assert not passes("10.0.0.2", judge, "proxy.corp", 80)
    assert not passes_url("http://[::1]:3128/", judge)


def test_hosts_can_be_allowed_later() -> None:
    """All that are given, or none when one of them is malformed."""
    judge = guard()
    assert not passes_url("http://10.0.0.1/", judge)
    with pytest.raises(ValueError, match=r"allow\(\): '10\.0\.0\.0/33' is malformed"):
        judge.allow("10.0.0.1", "10.0.0.0/33")
    assert not passes_url("http://10.0.0.1/", judge)
    judge.allow("10.0.0.1", "localhost")
    assert passes_url("http://10.0.0.1/", judge)
    assert passes_url("http://localhost/", judge)


def test_a_twin_shares_what_is_allowed_but_no_proxy() -> None:
    """Whichever of the two is told of a host, both let it pass; an exemption is for one of them."""
    judge = guard()
    other = judge.twin()
    judge.allow("10.0.0.1")
    other.allow("10.0.0.2")
    for address in ("10.0.0.1", "10.0.0.2"):
        assert passes(address, judge)
        assert passes(address, other)
    judge.exempt("proxy.corp", 3128)
    assert passes("10.0.0.3", judge, "proxy.corp", 3128)
    assert not passes("10.0.0.3", other, "proxy.corp", 3128)


def test_what_is_remembered_is_bounded_and_keyed_by_host_and_port() -> None:
    """Many hosts cost no memory without end, and one port says nothing about another."""
    judge = guard(allow_hosts=["localhost:1"])
    assert passes_url("http://localhost:1/", judge)
    assert not passes_url("http://localhost:2/", judge)
    for number in range(5000):
        judge.check_url(URL("http", f"h{number}.test"))
    assert 0 < len(judge._passed) <= 4096


@given(st.text(max_size=30))
def test_any_text_is_an_entry_or_malformed(text: str) -> None:
    """Nothing else is raised, and an entry that is a name matches that name."""
    try:
        hosts = HostList("list", [text])
    except ValueError:
        return
    if ":" not in text and "/" not in text and "*" not in text:
        assert hosts.has(read_host(text), 80)


@given(st.text(alphabet="0123456789abcdefxX.:[]%", max_size=20))
def test_any_text_from_a_resolver_is_judged(text: str) -> None:
    """Passing or refused, and never anything else."""
    passes(text)
    passes("8.8.8.8", host=text)
