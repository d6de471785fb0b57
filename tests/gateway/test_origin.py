"""Host and origin checks, with what attackers send."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.gateway.origin import Authority, Guard, check_host, check_origin

pytestmark = pytest.mark.requirement("C-5")


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "localhost.",
        "127.0.0.1:8000",
        "192.168.1.7",
        "[::1]",
        "[::1]:8000",
        "[fe80::1]:80",
        "pi.local",
        "Pi.Local:8443",
        "only.example:8443",
    ],
)
def test_known_hosts(host) -> None:
    assert check_host(host, ["pi.local", "only.example:8443"])


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:99999",
        "127.0.0.1:0",
        "localhost:80:80",
        "localhost@evil.example",
        "evil.example#localhost",
        "localhost/",
        "localhost\r\nX: y",
        " localhost",
        "localhost\n",
        "[::1",
        "::1",
        "[::1]evil.example",
        "[evil]",
        "[fe80::1%25eth0]",
        "localhost,evil.example",
        "lоcalhost",  # noqa: RUF001  (a Cyrillic o)
        "127.0.0.\u0661",
        "only.example",
        "only.example:80",
        "sub.pi.local",
    ],
)
def test_forged_hosts(host) -> None:
    assert not check_host(host, ["pi.local", "only.example:8443"])


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        (None, "localhost", "http"),
        ("http://localhost:8000", "localhost:8000", "http"),
        ("http://localhost", "localhost:80", "http"),
        ("https://pi.local:443", "pi.local", "https"),
        ("http://[0:0::1]:8000", "[::1]:8000", "http"),
        ("https://app.example", "localhost", "http"),
        ("https://app.example:443", "localhost", "http"),
    ],
)
def test_own_and_allowed_origins(origin, host, scheme) -> None:
    assert check_origin(origin, host, scheme, ["https://app.example"])


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("null", "localhost", "http"),
        ("", "localhost", "http"),
        ("http://evil.example", "localhost", "http"),
        ("http://localhost:8001", "localhost:8000", "http"),
        ("https://localhost:8000", "localhost:8000", "http"),
        ("http://localhost:8000", "localhost:8000", "https"),
        ("http://127.0.0.1:8000", "localhost:8000", "http"),
        ("http://localhost/", "localhost", "http"),
        ("http://localhost@evil.example", "localhost", "http"),
        ("file://localhost", "localhost", "file"),
        ("ws://localhost", "localhost", "ws"),
        ("http://app.example", "localhost", "http"),
        ("https://sub.app.example", "localhost", "http"),
        ("http://localhost http://evil.example", "localhost", "http"),
        ("http://localhost", None, "http"),
        ("http://", "", "http"),
    ],
)
def test_foreign_origins(origin, host, scheme) -> None:
    assert not check_origin(origin, host, scheme, ["https://app.example", "*", "null"])


@given(st.text(max_size=60))
def test_any_text_is_judged_and_only_known_names_pass(text) -> None:
    if check_host(text):
        authority = Authority.parse(text)
        assert authority is not None
        assert authority.is_ip or authority.host == "localhost"
    assert isinstance(check_origin(text, text, "http"), bool)


@given(st.ip_addresses(), st.none() | st.integers(1, 65_535))
def test_every_address_is_a_host_and_its_own_origin(address, port) -> None:
    name = f"[{address}]" if address.version == 6 else str(address)
    host = name if port is None else f"{name}:{port}"
    assert check_host(host)
    assert check_origin(f"http://{host}", host, "http")
    assert check_origin(f"https://{host}", host, "https")
    assert not check_origin(f"http://{host}", host, "https")
    assert ipaddress.ip_address(Authority.parse(host).host) == address


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,5}){0,2}", fullmatch=True)


@given(NAMES, NAMES, st.sampled_from(["http", "https"]))
def test_an_origin_passes_only_when_it_is_the_hosts_own_or_allowed(one, other, scheme) -> None:
    assert check_origin(f"{scheme}://{one}", other, scheme) == (one == other)
    assert check_origin(f"{scheme}://{one}", other, scheme, [f"{scheme}://{one}"])


def test_guard_reads_are_left_to_the_browser() -> None:
    guard = Guard(hosts=["pi.local"], origins=["https://app.example"])
    ask = {"host": "pi.local", "origin": "http://evil.example", "scheme": "http"}
    assert guard.refuse_request(method="GET", **ask) is None
    assert guard.refuse_request(method="POST", **ask).status == 403
    assert guard.refuse_upgrade(**ask).status == 403
    assert guard.refuse_request(method="GET", **(ask | {"host": "evil"})).status == 421
    assert guard.refuse_upgrade(**(ask | {"host": "evil"})).status == 403
    assert guard.refuse_upgrade(**(ask | {"origin": "https://app.example"})) is None
